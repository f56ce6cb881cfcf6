// SPDX-License-Identifier: Apache-2.0
// A depth map with 16 bits: brushes that raise, lower and smooth it, gradients, and the levels that are applied at the end.
// Large is near (white). No DOM.
import { clip, type Dab, type Plane, type Point, type Rect, sweep_bounds, whole_of } from "./raster.ts";

export const NEAREST = 65535;

export type DepthTool = "raise" | "lower" | "smooth" | "flatten";

export interface DepthBrush {
  tool: DepthTool;
  /** 0..1: how much one pass of the brush changes. */
  strength: number;
  /** 0 falls off from the middle on, 1 has a hard edge. */
  hardness: number;
  /** What "flatten" draws towards, 0..NEAREST. */
  level: number;
}

/** How the 16 bits become the map: `far` becomes black, `near` white, and gamma bends what is between. */
export interface Levels {
  /** 0..1, below near. */
  far: number;
  near: number;
  /** 0.2..5; above 1 lifts what is far. */
  gamma: number;
}

export const NO_LEVELS: Readonly<Levels> = { far: 0, near: 1, gamma: 1 };

export function blank_depth(width: number, height: number, value = 0): Plane<Uint16Array> {
  return { width, height, data: new Uint16Array(width * height).fill(value) };
}

/** Places of the dabs along a stroke, a quarter of the radius apart, so that the effect does not depend on the speed of the hand. */
export class DabSpacing {
  private rest = 0;
  private last: Dab | null = null;

  next(dabs: readonly Dab[]): Dab[] {
    const out: Dab[] = [];
    for (const dab of dabs) {
      if (!this.last) {
        out.push(dab);
        this.last = dab;
        continue;
      }
      const from = this.last;
      const length = Math.hypot(dab.x - from.x, dab.y - from.y);
      const step = Math.max(1, dab.radius / 4);
      let at = step - this.rest;
      for (; at <= length; at += step) {
        const t = at / length;
        out.push({ x: from.x + (dab.x - from.x) * t, y: from.y + (dab.y - from.y) * t, radius: from.radius + (dab.radius - from.radius) * t });
      }
      this.rest = Math.max(0, length - (at - step));
      this.last = dab;
    }
    return out;
  }
}

/** 1 in the middle, 0 at the edge, without corners between. */
function falloff(distance: number, radius: number, hardness: number): number {
  const inner = radius * Math.min(0.98, hardness);
  if (distance <= inner) return 1;
  if (distance >= radius) return 0;
  const t = (radius - distance) / (radius - inner);
  return t * t * (3 - 2 * t);
}

/** Pixels that a dab of the brush can change. */
export function dab_box(dab: Dab, size: { width: number; height: number }): Rect {
  return sweep_bounds(dab, dab, size);
}

/** Applies one dab. */
export function apply_dab(plane: Plane<Uint16Array>, dab: Dab, brush: DepthBrush): Rect {
  const box = dab_box(dab, plane);
  if (box.x1 <= box.x0 || box.y1 <= box.y0) return box;
  const smooth = brush.tool === "smooth" ? blurred(plane, box, Math.max(1, Math.round(dab.radius / 6))) : null;
  // A tenth of the range for each radius that the brush travels at full strength.
  const step = (brush.strength * NEAREST) / 40;
  for (let y = box.y0; y < box.y1; ++y)
    for (let x = box.x0; x < box.x1; ++x) {
      const weight = falloff(Math.hypot(x + 0.5 - dab.x, y + 0.5 - dab.y), dab.radius, brush.hardness);
      if (weight <= 0) continue;
      const i = y * plane.width + x;
      const now = plane.data[i]!;
      let next = now;
      if (brush.tool === "raise") next = now + step * weight;
      else if (brush.tool === "lower") next = now - step * weight;
      else {
        const goal = smooth ? smooth[(y - box.y0) * (box.x1 - box.x0) + x - box.x0]! : brush.level;
        next = now + (goal - now) * weight * brush.strength * (smooth ? 1 : 0.35);
      }
      plane.data[i] = Math.min(NEAREST, Math.max(0, Math.round(next)));
    }
  return box;
}

/** Mean of the square around each pixel of a box; only what lies on the plane counts. */
function blurred(plane: Plane<Uint16Array>, box: Rect, radius: number): Float32Array {
  const wide = clip({ x0: box.x0 - radius, y0: box.y0 - radius, x1: box.x1 + radius, y1: box.y1 + radius }, plane);
  const [columns, rows] = [wide.x1 - wide.x0, wide.y1 - wide.y0];
  const sums = new Float64Array((columns + 1) * (rows + 1));
  for (let y = 0; y < rows; ++y) {
    let row = 0;
    for (let x = 0; x < columns; ++x) {
      row += plane.data[(y + wide.y0) * plane.width + x + wide.x0]!;
      sums[(y + 1) * (columns + 1) + x + 1] = sums[y * (columns + 1) + x + 1]! + row;
    }
  }
  const width = box.x1 - box.x0;
  const out = new Float32Array(width * (box.y1 - box.y0));
  for (let y = box.y0; y < box.y1; ++y)
    for (let x = box.x0; x < box.x1; ++x) {
      const [x0, x1] = [Math.max(wide.x0, x - radius) - wide.x0, Math.min(wide.x1, x + radius + 1) - wide.x0];
      const [y0, y1] = [Math.max(wide.y0, y - radius) - wide.y0, Math.min(wide.y1, y + radius + 1) - wide.y0];
      const at = (cx: number, cy: number) => sums[cy * (columns + 1) + cx]!;
      out[(y - box.y0) * width + x - box.x0] = (at(x1, y1) - at(x0, y1) - at(x1, y0) + at(x0, y0)) / ((x1 - x0) * (y1 - y0));
    }
  return out;
}

export interface Gradient {
  shape: "linear" | "radial";
  /** Where the value `start` lies, and where `end` does; radial: the middle and a point of the edge. */
  from: Point;
  to: Point;
  start: number;
  end: number;
  /** replace: everything; near: only where the gradient is nearer than what is there; far: only where it is farther. */
  mode: "replace" | "near" | "far";
}

export function apply_gradient(plane: Plane<Uint16Array>, gradient: Gradient): void {
  const { from, to, start, end, mode } = gradient;
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length2 = Math.max(1e-6, dx * dx + dy * dy);
  for (let y = 0; y < plane.height; ++y)
    for (let x = 0; x < plane.width; ++x) {
      const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
      const t = gradient.shape === "radial" ? Math.sqrt((px * px + py * py) / length2) : (px * dx + py * dy) / length2;
      const value = Math.round(start + (end - start) * Math.min(1, Math.max(0, t)));
      const i = y * plane.width + x;
      const now = plane.data[i]!;
      if (mode === "replace" || (mode === "near" ? value > now : value < now)) plane.data[i] = value;
    }
}

export function invert_depth(plane: Plane<Uint16Array>): void {
  for (let i = 0; i < plane.data.length; ++i) plane.data[i] = NEAREST - plane.data[i]!;
}

/** Levels that use the whole range: from the farthest value that occurs to the nearest. */
export function full_range(plane: Plane<Uint16Array>): Pick<Levels, "far" | "near"> {
  let [low, high] = [NEAREST, 0];
  for (const value of plane.data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high > low ? { far: low / NEAREST, near: high / NEAREST } : { far: 0, near: 1 };
}

/** The table from 16 bits to the 8 of the map. */
export function level_table(levels: Levels): Uint8Array {
  const table = new Uint8Array(NEAREST + 1);
  const far = levels.far * NEAREST;
  const span = Math.max(1, (levels.near - levels.far) * NEAREST);
  for (let v = 0; v <= NEAREST; ++v) {
    const t = Math.min(1, Math.max(0, (v - far) / span));
    table[v] = Math.round(255 * (levels.gamma === 1 ? t : Math.pow(t, 1 / levels.gamma)));
  }
  return table;
}

/** The finished map: 8 bits, near is white. Rounded here and nowhere else. */
export function depth_map(plane: Plane<Uint16Array>, levels: Levels): Plane<Uint8Array> {
  const table = level_table(levels);
  const data = new Uint8Array(plane.data.length);
  for (let i = 0; i < data.length; ++i) data[i] = table[plane.data[i]!]!;
  return { width: plane.width, height: plane.height, data };
}

/** Nearness 0..1 after the levels. */
function leveled(levels: Levels): (raw: number) => number {
  const far = levels.far * NEAREST;
  const span = Math.max(1, (levels.near - levels.far) * NEAREST);
  return (raw) => {
    const t = Math.min(1, Math.max(0, (raw - far) / span));
    return levels.gamma === 1 ? t : Math.pow(t, 1 / levels.gamma);
  };
}

/** Nearness 0..1 of each sample, after the levels: for previews, without the steps of 8 bits. */
export function nearness_of(plane: Plane<Uint16Array>, levels: Levels): Float32Array {
  return Float32Array.from(plane.data, leveled(levels));
}

/**
 * Normals of a relief as the normal annotator writes them (src/annotators/midas.cc): slopes by Sobel, x and y and then z
 * towards the camera, each 0..255. `relief` is how steep the whole range of depth counts.
 */
export function normals_of(
  plane: Plane<Uint16Array>,
  levels: Levels,
  relief: number,
  rect: Rect,
  put: (index: number, x: number, y: number, z: number) => void,
): void {
  const { width, height, data } = plane;
  const near = leveled(levels);
  const z = 2 * Math.PI;
  const rows = [0, 0, 0];
  for (let y = rect.y0; y < rect.y1; ++y) {
    for (let k = 0; k < 3; ++k) rows[k] = Math.min(height - 1, Math.max(0, y + k - 1)) * width;
    for (let x = rect.x0; x < rect.x1; ++x) {
      const [l, r] = [Math.max(0, x - 1), Math.min(width - 1, x + 1)];
      const at = (k: number, column: number) => near(data[rows[k]! + column]!);
      const [a, b, c] = [at(0, l), at(0, x), at(0, r)];
      const [d, e] = [at(1, l), at(1, r)];
      const [f, g, h] = [at(2, l), at(2, x), at(2, r)];
      const nx = (c + 2 * e + h - a - 2 * d - f) * relief;
      const ny = (f + 2 * g + h - a - 2 * b - c) * relief;
      const scale = 127.5 / Math.hypot(nx, ny, z);
      put(y * width + x, Math.floor(nx * scale + 127.5), Math.floor(ny * scale + 127.5), Math.floor(z * scale + 127.5));
    }
  }
}

/** The finished map of normals, RGB. */
export function normal_map(plane: Plane<Uint16Array>, levels: Levels, relief: number): Uint8Array {
  const out = new Uint8Array(plane.data.length * 3);
  normals_of(plane, levels, relief, whole_of(plane), (i, x, y, z) => {
    out[3 * i] = x;
    out[3 * i + 1] = y;
    out[3 * i + 2] = z;
  });
  return out;
}
