// SPDX-License-Identifier: Apache-2.0
// The keyboard of the gallery: arrows and Enter in the grid; S, R, Del and C for what is chosen, looked at, or marked.
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { action_of, is_modifier } from "../../state/keys.ts";
import { settings } from "../../state/settings.ts";
import type { FeedImage } from "./feed.ts";
import { extended, index_after_key, noSelection, toggled } from "./grid.ts";
import type { GridHandle } from "./grid.tsx";
import { focused, selection } from "./state.ts";

export interface GalleryKeys {
  viewing: boolean; // one picture is open
  handle: RefObject<GridHandle>;
  images: readonly FeedImage[];
  open(index: number): void;
  close(): void;
  step(by: number): void;
  star(): void;
  rerun(): void;
  trash(): void;
  compare(): void;
}

function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range])"));
}

// What has a use for arrows, Enter and Space of its own.
function keeps(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button, a, summary, input, select, [role=menu], [role=slider], [role=tablist]") !== null;
}

function in_grid(keys: GalleryKeys, event: KeyboardEvent): boolean {
  const { handle, images } = keys;
  const grid = handle.current;
  if (!grid || !images.length) return false;
  const at = Math.min(focused.value, images.length - 1);
  if (event.key === "Enter") {
    keys.open(at);
    return true;
  }
  if (event.key === " ") {
    selection.value = toggled(selection.value, images[at]!.id);
    return true;
  }
  const to = index_after_key(at, event.key, grid.grid.columns, grid.page, images.length);
  if (to === null) return false;
  if (event.shiftKey) {
    const from = selection.value.anchor === null ? { ...selection.value, anchor: images[at]!.id } : selection.value;
    selection.value = extended(from, images[to]!.id, images);
  }
  focused.value = to;
  grid.show(to);
  grid.focus();
  return true;
}

function handle_key(keys: GalleryKeys, event: KeyboardEvent): boolean {
  const ctrl = event.ctrlKey || event.metaKey;
  if (event.key === "Escape") {
    if (keys.viewing) keys.close();
    else if (selection.value.ids.size) selection.value = noSelection;
    else return false;
    return true;
  }
  if (ctrl && event.key.toLowerCase() === "a" && !keys.viewing) {
    selection.value = { ids: new Set(keys.images.map((image) => image.id)), anchor: null };
    return true;
  }
  switch (action_of(event, settings.value.keys)?.id) {
    case "star":
      keys.star();
      return true;
    case "rerun":
      keys.rerun();
      return true;
    case "trash":
      keys.trash();
      return true;
    case "compare":
      keys.compare();
      return true;
  }
  if (ctrl || event.altKey || keeps(event.target)) return false;
  if (!keys.viewing) return in_grid(keys, event);
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") keys.step(event.key === "ArrowLeft" ? -1 : 1);
  else if (event.key === "Enter") keys.close();
  else return false;
  return true;
}

export function useGalleryKeys(keys: GalleryKeys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || is_modifier(event.key) || writes(event.target) || document.querySelector("dialog[open]")) return;
      if (handle_key(latest.current, event)) event.preventDefault();
    };
    window.addEventListener("keydown", down);
    return () => window.removeEventListener("keydown", down);
  }, []);
}
