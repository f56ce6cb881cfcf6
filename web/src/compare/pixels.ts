// SPDX-License-Identifier: Apache-2.0
// Pixels of stored pictures, decoded from the bytes of their PNG: a canvas would alter them, and then nothing were identical.
import { api } from "../api/client.ts";
import type { CompareResult } from "../api/types.ts";
import { decodePng } from "../stage/png.ts";
import { rgb_of_png, type Rgb } from "./difference.ts";

const kKept = 4;
const pictures = new Map<string, Promise<Rgb>>();

// The newest few are kept, since the same two are looked at again and again.
export function pixels_of(sha: string): Promise<Rgb> {
  const known = pictures.get(sha);
  if (known) return known;
  const made = api.asset_bytes(sha).then(decodePng).then(rgb_of_png);
  pictures.set(sha, made);
  made.catch(() => pictures.delete(sha));
  while (pictures.size > kKept) pictures.delete(pictures.keys().next().value!);
  return made;
}

const measured = new Map<string, Promise<CompareResult>>();

// The map taken from the picture again, and how well it agrees with the one that was asked for.
export function map_of_result(image: string, kind: string): Promise<CompareResult> {
  const key = `${image} ${kind}`;
  const known = measured.get(key);
  if (known) return known;
  const made = api.compare_image(image, kind);
  measured.set(key, made);
  made.catch(() => measured.delete(key));
  return made;
}
