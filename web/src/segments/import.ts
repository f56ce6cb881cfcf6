// SPDX-License-Identifier: Apache-2.0
// Maps of colours become maps of classes: exact colours, near colours with a report, and colours that two classes share. No DOM.
import type { Plane } from "../stage/raster.ts";
import type { Rgba } from "../stage/pixels.ts";
import type { Png } from "../stage/png.ts";
import { rgba_of } from "../stage/pixels.ts";
import { colour_key, type Palette, type SegClass, twins, UNLABELLED } from "./palette.ts";

export interface ImportReport {
  /** Pixels whose colour is that of a class. */
  exact: number;
  /** Pixels that took the nearest colour. */
  near: number;
  /** Pixels without a class: black or transparent, or too far from any colour. */
  unlabelled: number;
  /** Largest distance (in RGB) of a colour that was taken for another. */
  farthest: number;
}

export interface Imported {
  plane: Plane<Uint8Array>;
  report: ImportReport;
  /** Groups of classes of one colour that occur; each pixel has the first class of its group. The editor asks once. */
  ambiguous: SegClass[][];
}

/** Colours farther than this from every class are no class: a photograph should not become confetti. */
export const FARTHEST = 60;

/** Distances are squared; -1 where no class is near enough. */
function nearest(palette: Palette, r: number, g: number, b: number): { index: number; distance: number } {
  let [index, best] = [UNLABELLED, Infinity];
  for (const entry of palette.classes) {
    const distance = (entry.rgb[0] - r) ** 2 + (entry.rgb[1] - g) ** 2 + (entry.rgb[2] - b) ** 2;
    if (distance < best) [index, best] = [entry.index, distance];
  }
  return { index, distance: Math.sqrt(best) };
}

/** Reads a picture of colours. */
export function import_rgb(picture: Rgba, palette: Palette): Imported {
  const known = new Map<number, { index: number; distance: number }>();
  for (const entry of [...palette.classes].reverse()) known.set(colour_key(...entry.rgb), { index: entry.index, distance: 0 });
  const blackIsClass = known.has(0);
  const data = new Uint8Array(picture.width * picture.height);
  const report: ImportReport = { exact: 0, near: 0, unlabelled: 0, farthest: 0 };
  for (let i = 0; i < data.length; ++i) {
    const [r, g, b, a] = [picture.data[4 * i]!, picture.data[4 * i + 1]!, picture.data[4 * i + 2]!, picture.data[4 * i + 3]!];
    const key = colour_key(r, g, b);
    let found = known.get(key);
    if (!found) known.set(key, (found = nearest(palette, r, g, b)));
    if (a < 128 || (key === 0 && !blackIsClass) || found.distance > FARTHEST) {
      data[i] = UNLABELLED;
      ++report.unlabelled;
      continue;
    }
    data[i] = found.index;
    if (found.distance === 0) ++report.exact;
    else ++report.near;
    report.farthest = Math.max(report.farthest, found.distance);
  }
  const present = new Set(data);
  const ambiguous = twins(palette).filter((group) => present.has(group[0]!.index));
  return { plane: { width: picture.width, height: picture.height, data }, report, ambiguous };
}

/** Whether an indexed PNG has the palette in its own order, so that its indices are the classes. */
function has_palette(png: Png, palette: Palette): boolean {
  const colours = png.palette;
  if (png.kind !== "indexed" || !colours || png.paletteAlpha) return false;
  return palette.classes.every((entry) => entry.rgb.every((value, c) => colours[3 * entry.index + c] === value));
}

/** Reads a PNG: our own maps keep their indices, and with them classes of the same colour; all others go by colour. */
export function import_png(png: Png, palette: Palette): Imported {
  if (!has_palette(png, palette)) return import_rgb(rgba_of(png), palette);
  const data = Uint8Array.from(png.data, (index) => (index < palette.classes.length ? index : UNLABELLED));
  const unlabelled = data.reduce((sum, index) => sum + (index === UNLABELLED ? 1 : 0), 0);
  const report = { exact: data.length - unlabelled, near: 0, unlabelled, farthest: 0 };
  return { plane: { width: png.width, height: png.height, data }, report, ambiguous: [] };
}

/** The answer to the question about one group: all its pixels take the class that was chosen. */
export function settle(plane: Plane<Uint8Array>, group: readonly SegClass[], chosen: number): void {
  const all = new Set(group.map((entry) => entry.index));
  for (let i = 0; i < plane.data.length; ++i) if (all.has(plane.data[i]!)) plane.data[i] = chosen;
}
