// SPDX-License-Identifier: Apache-2.0
// Decoded pictures as grey planes and as ink. No DOM.
import type { Plane } from "./raster.ts";
import type { Png } from "./png.ts";

/** Red, green, blue and opacity of each pixel, 8 bits, not premultiplied. */
export interface Rgba {
  width: number;
  height: number;
  data: Uint8Array | Uint8ClampedArray;
}

/** Any PNG as RGBA of 8 bits. */
export function rgba_of(png: Png): Rgba {
  const count = png.width * png.height;
  const data = new Uint8Array(count * 4);
  const shift = png.bits === 16 ? 8 : 0;
  const channels = png.data.length / count;
  const gray = png.kind === "gray" || png.kind === "gray-alpha";
  for (let i = 0; i < count; ++i) {
    const at = i * channels;
    if (png.kind === "indexed") {
      const index = png.data[at]!;
      for (let c = 0; c < 3; ++c) data[4 * i + c] = png.palette![3 * index + c] ?? 0;
      data[4 * i + 3] = png.paletteAlpha?.[index] ?? 255;
      continue;
    }
    for (let c = 0; c < 3; ++c) data[4 * i + c] = png.data[at + (gray ? 0 : c)]! >> shift;
    data[4 * i + 3] = png.kind === "gray-alpha" ? png.data[at + 1]! >> shift : png.kind === "rgba" ? png.data[at + 3]! >> shift : 255;
  }
  return { width: png.width, height: png.height, data };
}

/** Brightness 0..255 of a pixel (Rec. 601, as OpenCV converts to grey); grey stays exactly what it is. */
export function luma(r: number, g: number, b: number): number {
  return r === g && g === b ? r : Math.round(0.299 * r + 0.587 * g + 0.114 * b);
}

/** Brightness of each pixel over black. */
export function gray_of(picture: Rgba): Plane<Uint8Array> {
  const data = new Uint8Array(picture.width * picture.height);
  for (let i = 0; i < data.length; ++i) {
    const at = 4 * i;
    const value = luma(picture.data[at]!, picture.data[at + 1]!, picture.data[at + 2]!);
    data[i] = Math.round((value * picture.data[at + 3]!) / 255);
  }
  return { width: picture.width, height: picture.height, data };
}

/** A grey PNG as it is, 8 bits; other kinds by their brightness. */
export function gray8_of(png: Png): Plane<Uint8Array> {
  if (png.kind === "gray" && png.data instanceof Uint8Array) return { width: png.width, height: png.height, data: png.data };
  return gray_of(rgba_of(png));
}

/** As gray8_of with 16 bits; 8-bit samples become v * 257, so that 255 is 65535. */
export function gray16_of(png: Png): Plane<Uint16Array> {
  if (png.kind === "gray" && png.data instanceof Uint16Array) return { width: png.width, height: png.height, data: png.data };
  const gray = gray8_of(png);
  return { width: png.width, height: png.height, data: Uint16Array.from(gray.data, (value) => value * 257) };
}

/** Whether lines are drawn dark on a light ground; what is transparent counts as ground. */
export function is_dark_on_light(picture: Rgba): boolean {
  let [dark, light, clear] = [0, 0, 0];
  for (let at = 0; at < picture.data.length; at += 4) {
    if (picture.data[at + 3]! < 128) ++clear;
    else if (luma(picture.data[at]!, picture.data[at + 1]!, picture.data[at + 2]!) < 128) ++dark;
    else ++light;
  }
  // On a transparent ground whatever is there was drawn: its own colour decides.
  return clear > dark + light ? dark >= light : light >= dark;
}

/** A picture as ink: 255 where it is drawn. Dark lines on light and light lines on dark are told apart. */
export function ink_of(picture: Rgba, darkOnLight = is_dark_on_light(picture)): Plane<Uint8Array> {
  const data = new Uint8Array(picture.width * picture.height);
  for (let i = 0; i < data.length; ++i) {
    const at = 4 * i;
    const value = luma(picture.data[at]!, picture.data[at + 1]!, picture.data[at + 2]!);
    data[i] = Math.round(((darkOnLight ? 255 - value : value) * picture.data[at + 3]!) / 255);
  }
  return { width: picture.width, height: picture.height, data };
}
