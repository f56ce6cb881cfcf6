// SPDX-License-Identifier: Apache-2.0
// Pictures, maps and texts found together among files, in the layouts that the trainer reads too. No page in here.

export interface SourceFile {
  path: string; // with its folders, as far as they are known
  text?: string; // what is in it, of files with texts
}

export interface FoundPair {
  name: string;
  picture: string; // paths
  map: string | null; // null: an annotator makes it
  text: string;
}

export interface Found {
  pairs: FoundPair[];
  unused: string[]; // paths of files that belong to no pair
}

const map_folders = /(^|\/)(conditioning|conditioning_images|control|hint|hints|source|map|maps)\//i;
const map_ending = /[._-](map|hint|control|conditioning|source|edges)$/i;
const picture_types = /\.(png|jpe?g|webp|bmp)$/i;
const text_types = /\.(txt|caption)$/i;
const list_types = /(^|\/)(prompt\.json|metadata\.jsonl)$/i;

export function is_text_file(path: string): boolean {
  return text_types.test(path) || list_types.test(path);
}

export function is_picture_file(path: string): boolean {
  return picture_types.test(path);
}

const file_name = (path: string) => path.slice(path.lastIndexOf("/") + 1);
const stem_of = (path: string) => file_name(path).replace(/\.[^.]+$/, "");

// "a_map.png" and "source/a.png" are maps of "a".
function map_key(path: string): string | null {
  const stem = stem_of(path);
  if (map_ending.test(stem)) return stem.replace(map_ending, "").toLowerCase();
  return map_folders.test(path) ? stem.toLowerCase() : null;
}

interface Line {
  picture: string;
  map: string;
  text: string;
}

// One JSON object a line: Fill50K's prompt.json, or metadata.jsonl of an image folder.
export function lines_of_list(text: string): Line[] {
  const lines: Line[] = [];
  for (const line of text.split("\n")) {
    try {
      const entry = JSON.parse(line) as Record<string, unknown>;
      const word = (...names: string[]) => names.map((name) => entry[name]).find((value): value is string => typeof value === "string") ?? "";
      const picture = word("target", "image", "file_name");
      if (picture) lines.push({ picture, map: word("source", "conditioning_image", "control"), text: word("prompt", "text", "caption") });
    } catch {
      // A line that is no JSON tells nothing.
    }
  }
  return lines;
}

// A path in a list is relative to the list; browsers may know less or more folders in front.
function file_of(path: string, paths: readonly string[]): string | null {
  if (!path) return null;
  const wanted = path.replace(/^\.\//, "");
  return paths.find((one) => one === wanted || one.endsWith(`/${wanted}`)) ?? null;
}

export function pair_files(files: readonly SourceFile[]): Found {
  const pictures = files.map((file) => file.path).filter(is_picture_file);
  const pairs: FoundPair[] = [];
  const used = new Set<string>();
  const add = (pair: FoundPair) => {
    if (used.has(pair.picture)) return;
    pairs.push(pair);
    used.add(pair.picture);
    if (pair.map) used.add(pair.map);
  };
  for (const list of files.filter((file) => list_types.test(file.path) && file.text)) {
    used.add(list.path);
    for (const line of lines_of_list(list.text!)) {
      const picture = file_of(line.picture, pictures);
      if (picture) add({ name: stem_of(picture), picture, map: file_of(line.map, pictures), text: line.text });
    }
  }
  const texts = new Map(files.filter((file) => text_types.test(file.path)).map((file) => [stem_of(file.path).toLowerCase(), file]));
  const maps = new Map<string, string>();
  for (const path of pictures) {
    const key = used.has(path) ? null : map_key(path);
    if (key !== null && !maps.has(key)) maps.set(key, path);
  }
  for (const path of pictures) {
    if (used.has(path) || map_key(path) !== null) continue;
    const key = stem_of(path).toLowerCase();
    const text = texts.get(key);
    if (text) used.add(text.path);
    add({ name: stem_of(path), picture: path, map: maps.get(key) ?? null, text: (text?.text ?? "").trim() });
  }
  return { pairs, unused: files.map((file) => file.path).filter((path) => !used.has(path)) };
}
