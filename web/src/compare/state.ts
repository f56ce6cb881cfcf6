// SPDX-License-Identifier: Apache-2.0
// How pictures are compared now; kept while other pictures come and go.
import { signal } from "@preact/signals";
import type { CompareMode } from "./choices.ts";

export const compareMode = signal<CompareMode>("slider");
export const compareAgainst = signal(""); // id of a choice; of none of them: the first
export const overlayStrength = signal(0.75);
export const heatGain = signal(4); // how much stronger differences are shown than they are
export const overlayMeasured = signal(false); // in Overlay: the map of the result too
