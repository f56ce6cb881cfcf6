// SPDX-License-Identifier: Apache-2.0
// What a picture can be compared with, and in which ways. No page in here.
import type { StudioImage } from "../api/types.ts";
import { sha_of_ref } from "../state/request.ts";

export type CompareMode = "slider" | "side" | "blink" | "difference" | "overlay";
export const compareModes: readonly CompareMode[] = ["slider", "side", "blink", "difference", "overlay"];

// As much of a picture as is needed to set it beside another one.
export type OtherImage = Pick<StudioImage, "id" | "sha" | "width" | "height" | "seed" | "prompt" | "url" | "trashed">;

export type Against =
  | { id: string; what: "map"; kind: string; sha: string } // what the picture was asked to follow
  | { id: string; what: "init"; sha: string } // what it began with
  | { id: string; what: "image"; image: OtherImage; sha: string };

// Its maps first, then its start picture, then other pictures; pictures of the same seed or size stand before the rest.
export function choices_of(image: StudioImage, others: readonly OtherImage[], most = 40): Against[] {
  const maps = image.maps.map((map, at): Against => ({ id: `map:${at}`, what: "map", kind: map.kind, sha: map.sha }));
  const init = sha_of_ref(image.request.init);
  const near = (other: OtherImage) => (other.seed === image.seed ? 0 : 1) + (other.width === image.width && other.height === image.height ? 0 : 2);
  const pictures = others
    .filter((other) => other.id !== image.id && !other.trashed)
    .map((other, at) => ({ other, at }))
    .sort((a, b) => near(a.other) - near(b.other) || a.at - b.at)
    .slice(0, most)
    .map(({ other }): Against => ({ id: other.id, what: "image", image: other, sha: other.sha }));
  return [...maps, ...(init ? [{ id: "init", what: "init", sha: init } as const] : []), ...pictures];
}

// Maps of lines: what is white counts, so their light becomes the opacity of a colour. The others are laid over as they are.
export function is_line_map(kind: string): boolean {
  return /canny|hed|soft|mlsd|scribble|line/.test(kind);
}

// On which side of the line a key puts it; null for other keys.
export function split_after_key(split: number, key: string, shift: boolean): number | null {
  const step = shift ? 0.1 : 0.01;
  const cut = (value: number) => Math.round(Math.max(0, Math.min(1, value)) * 1000) / 1000;
  if (key === "ArrowLeft" || key === "ArrowDown") return cut(split - step);
  if (key === "ArrowRight" || key === "ArrowUp") return cut(split + step);
  if (key === "Home") return 0;
  if (key === "End") return 1;
  return null;
}
