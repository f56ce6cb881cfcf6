// SPDX-License-Identifier: Apache-2.0
// Curves for the strength of each block of a ControlNet: from fine detail (first) to what stands where (last).

export interface BlockPreset {
  id: string; // its word is create.blocks_<id>
  weights(count: number): number[];
}

const curve = (f: (part: number, index: number, count: number) => number) => (count: number) =>
  Array.from({ length: count }, (_, index) => Math.round(f(count > 1 ? index / (count - 1) : 1, index, count) * 1000) / 1000);

export const blockPresets: readonly BlockPreset[] = [
  { id: "even", weights: curve(() => 1) },
  // What "the prompt is more important" and guess mode use: each block weaker than the one behind it.
  { id: "soft", weights: curve((_, index, count) => 0.825 ** (count - 1 - index)) },
  { id: "structure", weights: curve((part) => Math.min(1, Math.max(0, (part - 0.4) * 4))) },
  { id: "detail", weights: curve((part) => Math.min(1, Math.max(0, (0.6 - part) * 4))) },
  { id: "rising", weights: curve((part) => part) },
  { id: "falling", weights: curve((part) => 1 - part) },
  { id: "middle", weights: curve((part) => Math.sin(part * Math.PI)) },
  { id: "ends", weights: curve((part) => 1 - Math.sin(part * Math.PI)) },
];

// How many blocks a ControlNet of that family has: those on the way in and the middle one.
export function block_count(family: string): number {
  return /xl/i.test(family) ? 10 : 13;
}

export function preset_of(weights: readonly number[] | undefined): string | null {
  if (!weights) return "even";
  return blockPresets.find((preset) => preset.weights(weights.length).every((value, at) => Math.abs(value - weights[at]!) < 0.002))?.id ?? null;
}
