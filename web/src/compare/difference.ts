// SPDX-License-Identifier: Apache-2.0
// How two pictures differ, pixel by pixel, and that difference as colours of heat. No page in here.
import type { Png } from "../stage/png.ts";

export interface Rgb {
  width: number;
  height: number;
  data: Uint8Array; // three bytes a pixel
}

// Grey is spread over three channels, 16 bits are cut to 8, colours of a palette are looked up; opacity is left out.
export function rgb_of_png(png: Png): Rgb {
  const pixels = png.width * png.height;
  const data = new Uint8Array(pixels * 3);
  const channels = png.kind === "rgb" ? 3 : png.kind === "rgba" ? 4 : png.kind === "gray-alpha" ? 2 : 1;
  const shift = png.bits === 16 ? 8 : 0;
  const source = png.data;
  for (let i = 0; i < pixels; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      const value = png.kind === "indexed" ? (png.palette?.[source[i]! * 3 + c] ?? 0) : source[i * channels + (channels >= 3 ? c : 0)]! >> shift;
      data[i * 3 + c] = value;
    }
  }
  return { width: png.width, height: png.height, data };
}

export interface Difference {
  identical: boolean;
  changed: number; // share of pixels that differ at all, 0..1
  largest: number; // of any channel, 0..255
  psnr: number | null; // dB over all channels; null where nothing differs
  levels: Uint8Array; // the largest difference of the three channels, for each pixel
}

// Both must have the same size.
export function difference_of(a: Rgb, b: Rgb): Difference {
  const pixels = a.width * a.height;
  const levels = new Uint8Array(pixels);
  let squares = 0;
  let changed = 0;
  let largest = 0;
  for (let i = 0; i < pixels; i += 1) {
    let most = 0;
    for (let c = i * 3; c < i * 3 + 3; c += 1) {
      const off = Math.abs(a.data[c]! - b.data[c]!);
      squares += off * off;
      if (off > most) most = off;
    }
    levels[i] = most;
    if (most > 0) changed += 1;
    if (most > largest) largest = most;
  }
  const mean = squares / (pixels * 3);
  return { identical: changed === 0, changed: changed / pixels, largest, psnr: changed === 0 ? null : 10 * Math.log10((255 * 255) / mean), levels };
}

// How much stronger differences are made at first, so that the largest one is bright: 1 to 16.
export function first_gain(largest: number): number {
  return Math.max(1, Math.min(16, Math.round(220 / Math.max(1, largest))));
}

// From nothing (black) over violet and orange to most (pale yellow): lightness rises all the way, so it also reads without colour.
export const heatStops: readonly [number, number, number][] = [
  [8, 7, 16],
  [58, 22, 112],
  [150, 38, 118],
  [226, 84, 62],
  [252, 166, 42],
  [253, 243, 176],
];

// 256 colours, three bytes each.
export function heat_table(stops: readonly [number, number, number][] = heatStops): Uint8Array {
  const table = new Uint8Array(256 * 3);
  for (let level = 0; level < 256; level += 1) {
    const at = (level / 255) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c += 1) table[level * 3 + c] = Math.round(stops[low]![c]! + (stops[low + 1]![c]! - stops[low]![c]!) * (at - low));
  }
  return table;
}

// The levels, made `gain` times stronger, as opaque RGBA.
export function paint_heat(levels: Uint8Array, gain: number, out: Uint8ClampedArray): void {
  const table = heat_table();
  const of_level = Uint8Array.from({ length: 256 }, (_, level) => Math.min(255, Math.round(level * gain)));
  for (let i = 0; i < levels.length; i += 1) {
    const at = of_level[levels[i]!]! * 3;
    out[i * 4] = table[at]!;
    out[i * 4 + 1] = table[at + 1]!;
    out[i * 4 + 2] = table[at + 2]!;
    out[i * 4 + 3] = 255;
  }
}
