// SPDX-License-Identifier: Apache-2.0
// The bucket: which pixels belong to the area around a point, also when its border has gaps. No DOM.
import { dilate } from "./raster.ts";

/** Pixels that may be filled are 1 in `open`. Returns 1 for each pixel that hangs together with the start (4 neighbours). */
export function flood(open: Uint8Array, width: number, height: number, start: number): Uint8Array {
  const out = new Uint8Array(width * height);
  if (!open[start]) return out;
  const stack = [start];
  while (stack.length) {
    const seed = stack.pop()!;
    if (out[seed]) continue;
    const row = seed - (seed % width);
    let left = seed;
    while (left > row && open[left - 1] && !out[left - 1]) --left;
    let [aboveOpen, belowOpen] = [false, false];
    for (let i = left; i < row + width && open[i] && !out[i]; ++i) {
      out[i] = 1;
      const above = i >= width && open[i - width] === 1 && !out[i - width];
      const below = i + width < out.length && open[i + width] === 1 && !out[i + width];
      if (above && !aboveOpen) stack.push(i - width);
      if (below && !belowOpen) stack.push(i + width);
      [aboveOpen, belowOpen] = [above, below];
    }
  }
  return out;
}

/**
 * As `flood`, but gaps of up to `gap` pixels in the border do not let the fill through. The area is found at a distance from
 * the border where the gaps are shut; then it and everything else grow back at the same pace, so that they meet in the gap.
 */
export function flood_closing_gaps(open: Uint8Array, width: number, height: number, start: number, gap: number): Uint8Array {
  const radius = Math.ceil(gap / 2);
  if (radius < 1 || !open[start]) return flood(open, width, height, start);
  const shut = new Uint8Array(open.length);
  for (let i = 0; i < open.length; ++i) shut[i] = open[i] ? 0 : 1;
  const wide = dilate(shut, width, height, radius);
  for (let i = 0; i < wide.length; ++i) wide[i] = wide[i] ? 0 : 1;
  const seed = wide[start] ? start : nearest(open, wide, width, height, start, 3 * radius + 2);
  // Too narrow everywhere near: the area is smaller than the gaps to be closed.
  if (seed < 0) return flood(open, width, height, start);
  const core = flood(wide, width, height, seed);
  return grow_back(open, wide, core, width, height, 3 * radius + 2);
}

/** Steps from `start` through open pixels to the nearest one that is set in `goal`; -1 when there is none within `limit`. */
function nearest(open: Uint8Array, goal: Uint8Array, width: number, height: number, start: number, limit: number): number {
  const seen = new Uint8Array(open.length);
  let front = [start];
  seen[start] = 1;
  for (let step = 0; step <= limit && front.length; ++step) {
    const next: number[] = [];
    for (const at of front) {
      if (goal[at]) return at;
      each_neighbour(at, width, height, (n) => {
        if (seen[n] || !open[n]) return;
        seen[n] = 1;
        next.push(n);
      });
    }
    front = next;
  }
  return -1;
}

/** Grows the core and the other wide areas through open pixels, one pixel a step; returns what the core reached. */
function grow_back(open: Uint8Array, wide: Uint8Array, core: Uint8Array, width: number, height: number, steps: number): Uint8Array {
  const owner = new Uint8Array(open.length);
  let front: number[] = [];
  for (let i = 0; i < open.length; ++i) {
    if (!wide[i]) continue;
    owner[i] = core[i] ? 1 : 2;
    let border = false;
    each_neighbour(i, width, height, (n) => (border ||= !wide[n]));
    if (border) front.push(i);
  }
  for (let step = 0; step < steps && front.length; ++step) {
    const next: number[] = [];
    for (const at of front)
      each_neighbour(at, width, height, (n) => {
        if (owner[n] || !open[n]) return;
        owner[n] = owner[at]!;
        next.push(n);
      });
    front = next;
  }
  for (let i = 0; i < owner.length; ++i) owner[i] = owner[i] === 1 ? 1 : 0;
  return owner;
}

function each_neighbour(at: number, width: number, height: number, visit: (index: number) => void): void {
  const x = at % width;
  if (x > 0) visit(at - 1);
  if (x + 1 < width) visit(at + 1);
  if (at >= width) visit(at - width);
  if (at + width < width * height) visit(at + width);
}
