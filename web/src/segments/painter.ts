// SPDX-License-Identifier: Apache-2.0
// Colours of a map of classes as they are shown, with outlines of the regions. No DOM.
import type { Rect } from "../stage/raster.ts";
import type { SegmentMap } from "./map.ts";
import { type Palette, png_palette, UNLABELLED } from "./palette.ts";

/** Unlabelled pixels are clear. With `lines`, pixels at the border of a region are darkened or lightened for the eye. */
export function class_painter(map: SegmentMap, palette: Palette, lines: boolean): (rect: Rect, out: Uint8ClampedArray) => void {
  const colours = png_palette(palette);
  const table = new Uint8Array(256 * 4);
  for (let index = 0; index < 256; ++index) table.set([...colours[index]!, index === UNLABELLED ? 0 : 255], 4 * index);
  const { width, height } = map;
  const { data } = map.plane;
  return (r, out) => {
    for (let y = r.y0; y < r.y1; ++y)
      for (let x = r.x0; x < r.x1; ++x) {
        const i = y * width + x;
        const index = data[i]!;
        const at = 4 * index;
        const border = lines && ((x + 1 < width && data[i + 1] !== index) || (y + 1 < height && data[i + width] !== index));
        if (!border) {
          out[4 * i] = table[at]!;
          out[4 * i + 1] = table[at + 1]!;
          out[4 * i + 2] = table[at + 2]!;
          out[4 * i + 3] = table[at + 3]!;
          continue;
        }
        const bright = 0.299 * table[at]! + 0.587 * table[at + 1]! + 0.114 * table[at + 2]! > 100;
        out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = bright ? 0 : 255;
        out[4 * i + 3] = 255;
      }
  };
}

/** Black or white, whichever is read better on a colour. */
export function text_on([r, g, b]: readonly [number, number, number]): string {
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#000" : "#fff";
}
