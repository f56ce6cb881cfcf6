// SPDX-License-Identifier: Apache-2.0
// Ready-made maps: line drawings on paper are made white on black, which is what ControlNets of lines are trained on.
import { api, asset_url } from "../api/client.ts";
import type { AssetInfo } from "../api/types.ts";
import { add_layer, new_layer, update_layer, type ControlLayer } from "./layers.ts";
import { is_paper, wants_white_on_black } from "./paper.ts";

// Looked at small; whether a drawing is dark on light does not depend on single pixels.
async function grey_of(sha: string): Promise<Uint8Array> {
  const picture = new Image();
  picture.src = asset_url(sha, 256);
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, 64, 64);
  context.drawImage(picture, 0, 0, 64, 64);
  const { data } = context.getImageData(0, 0, 64, 64);
  return Uint8Array.from({ length: 64 * 64 }, (_, at) => (data[at * 4]! + data[at * 4 + 1]! + data[at * 4 + 2]!) / 3);
}

// The negative, made by the server so that it is exact.
async function negative(asset: Pick<AssetInfo, "sha" | "width" | "height">): Promise<string> {
  const made = await api.annotate({ asset: asset.sha, kind: "lineart", annotator: "invert", parameters: {}, width: asset.width, height: asset.height, resize: "just" });
  return made.asset;
}

// What the layer shall hold: the map, turned round where it has to be; a chip offers the way back.
export async function map_change(kind: string, asset: AssetInfo, name: string): Promise<Partial<ControlLayer>> {
  const plain: Partial<ControlLayer> = { source: "map", map: asset.sha, pose: undefined, image: undefined, document: undefined, invertedFrom: undefined, name };
  if (!wants_white_on_black(kind)) return plain;
  try {
    if (is_paper(await grey_of(asset.sha))) return { ...plain, map: await negative(asset), invertedFrom: asset.sha };
  } catch {
    // Then it stays as it is; the picture shows what is used.
  }
  return plain;
}

export async function add_dropped_map(kind: string, asset: AssetInfo, name: string): Promise<void> {
  add_layer(new_layer(kind, await map_change(kind, asset, name)));
}

export function undo_inversion(layer: ControlLayer): void {
  if (layer.invertedFrom) update_layer(layer.id, { map: layer.invertedFrom, invertedFrom: undefined });
}
