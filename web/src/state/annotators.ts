// SPDX-License-Identifier: Apache-2.0
// Which annotator makes a layer's map. No page in here.
import type { AnnotatorInfo } from "../api/types.ts";

// The same choice as the server's where none is named.
export function chosen_annotator(all: readonly AnnotatorInfo[], kind: string, name?: string): AnnotatorInfo | undefined {
  const named = name === undefined ? undefined : all.find((info) => info.name === name);
  return named ?? [kind, `toy_${kind}`].map((each) => all.find((info) => info.name === each && info.available)).find(Boolean) ?? all.find((info) => info.available) ?? all[0];
}
