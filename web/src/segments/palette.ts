// SPDX-License-Identifier: Apache-2.0
// Palettes of segmentation classes: ADE20K, others out of JSON files, and the search for a class by its name. No DOM.
import { ADE20K, type Rgb } from "./ade20k.ts";
import { CLASS_WORDS } from "./class_names.ts";

export type { Rgb } from "./ade20k.ts";

/** Index of pixels that have no class. */
export const UNLABELLED = 255;

export interface SegClass {
  index: number;
  /** In English, as the annotators call it. */
  name: string;
  rgb: Rgb;
  /** Name in Chinese, where known. */
  zh: string;
  /** Further words, lower case, of all languages. */
  words: readonly string[];
}

export interface Palette {
  name: string;
  /** In the order of their indices; at most 255. */
  classes: readonly SegClass[];
}

export const ADE: Palette = {
  name: "ADE20K",
  classes: ADE20K.map(([name, rgb], index) => {
    const words = CLASS_WORDS[index];
    return { index, name, rgb, zh: words?.zh ?? "", words: [...(words?.zhOther ?? []), ...(words?.enOther ?? [])].map((word) => word.toLowerCase()) };
  }),
};

/** What a class is called in a language of the page. */
export function class_name(entry: SegClass | undefined, language: string): string {
  if (!entry) return "";
  return language.startsWith("zh") && entry.zh ? entry.zh : entry.name;
}

/** Classes whose colour another class has, too: a map of colours does not tell them apart (ADE20K: road and skyscraper). */
export function twins(palette: Palette): SegClass[][] {
  const byColour = new Map<number, SegClass[]>();
  for (const entry of palette.classes) {
    const key = colour_key(...entry.rgb);
    byColour.set(key, [...(byColour.get(key) ?? []), entry]);
  }
  return [...byColour.values()].filter((same) => same.length > 1);
}

export function colour_key(r: number, g: number, b: number): number {
  return (r << 16) | (g << 8) | b;
}

/** 256 colours for an indexed PNG; what is no class is black. */
export function png_palette(palette: Palette): Rgb[] {
  const out: Rgb[] = Array.from({ length: 256 }, () => [0, 0, 0] as const);
  for (const entry of palette.classes) out[entry.index] = entry.rgb;
  return out;
}

function rank(entry: SegClass, wanted: string): number {
  const names = [entry.name, entry.zh.toLowerCase()];
  if (names.includes(wanted) || String(entry.index) === wanted) return 0;
  if (names.some((name) => name.startsWith(wanted))) return 1;
  if (entry.words.includes(wanted)) return 2;
  if (names.some((name) => name.split(/[\s-]/).some((word) => word.startsWith(wanted)))) return 3;
  if (entry.words.some((word) => word.startsWith(wanted))) return 4;
  // In Chinese, words are not divided by spaces, so any place counts; one Latin letter inside a word says nothing.
  if (wanted.length > 1 || /[^\x20-\x7e]/.test(wanted)) if ([...names, ...entry.words].some((name) => name.includes(wanted))) return 5;
  return 9;
}

/** Classes that a text names, the best first; English, Chinese, synonyms and the index are understood. All for an empty text. */
export function search_classes(palette: Palette, text: string): SegClass[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [...palette.classes];
  return palette.classes
    .map((entry) => ({ entry, rank: rank(entry, wanted) }))
    .filter((found) => found.rank < 9)
    .sort((a, b) => a.rank - b.rank || a.entry.index - b.entry.index)
    .map((found) => found.entry);
}

/** A palette out of JSON: {"name", "classes": [{"name", "rgb": [r, g, b], "zh"?}]}. Throws Error for people. */
export function read_palette(text: string): Palette {
  const value = JSON.parse(text) as { name?: unknown; classes?: unknown };
  if (!value || !Array.isArray(value.classes)) throw new Error('the file has no list "classes"');
  if (value.classes.length < 1 || value.classes.length > UNLABELLED) throw new Error(`the file has ${value.classes.length} classes, 1 to ${UNLABELLED} are possible`);
  const classes = (value.classes as { name?: unknown; rgb?: unknown; zh?: unknown }[]).map((entry, index): SegClass => {
    const rgb = entry?.rgb;
    if (!Array.isArray(rgb) || rgb.length !== 3 || !rgb.every((v) => Number.isInteger(v) && v >= 0 && v <= 255))
      throw new Error(`class ${index}: "rgb" has to be three whole numbers from 0 to 255`);
    if (typeof entry.name !== "string" || !entry.name) throw new Error(`class ${index} has no name`);
    return { index, name: entry.name, rgb: rgb as unknown as Rgb, zh: typeof entry.zh === "string" ? entry.zh : "", words: [] };
  });
  return { name: typeof value.name === "string" ? value.name : "", classes };
}
