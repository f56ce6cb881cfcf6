// SPDX-License-Identifier: Apache-2.0
// Picture sizes: presets around the size that a model was trained on, and the aspect lock.

export const kGrid = 8;

export function on_grid(value: number, max: number): number {
  return Math.max(64, Math.min(Math.floor(max / kGrid) * kGrid, Math.round(value / kGrid) * kGrid));
}

export interface Shape {
  id: string; // its word is create.shape_<id>
  ratio: [number, number];
}
export const shapes: readonly Shape[] = [
  { id: "square", ratio: [1, 1] },
  { id: "portrait", ratio: [2, 3] },
  { id: "landscape", ratio: [3, 2] },
  { id: "tall", ratio: [9, 16] },
  { id: "wide", ratio: [16, 9] },
];

// About as many pixels as base x base, on the grid: models draw worse when there are many more or fewer.
export function size_of_shape([x, y]: readonly [number, number], base: number, max: number, grid = 64): { width: number; height: number } {
  const step = base >= 512 ? grid : Math.min(grid, 32);
  const scale = base / Math.sqrt(x * y);
  const round = (value: number) => on_grid(Math.round(value / step) * step, max);
  return { width: round(x * scale), height: round(y * scale) };
}

export function base_size_of(family: string, id = ""): number {
  const name = `${family} ${id}`.toLowerCase();
  if (/sdxl|xl/.test(name)) return 1024;
  if (/toy|tiny|built.?in/.test(name)) return 256;
  if (/sd2.*768|768/.test(name)) return 768;
  return 512;
}

// The other side when one is changed while the aspect is locked.
export function locked_side(changed: number, old_changed: number, other: number, max: number): number {
  return old_changed > 0 ? on_grid((changed * other) / old_changed, max) : other;
}

// The size for a picture of width x height: its aspect, about base x base pixels.
export function size_like(width: number, height: number, base: number, max: number): { width: number; height: number } {
  return size_of_shape([width, height], base, max, kGrid);
}
