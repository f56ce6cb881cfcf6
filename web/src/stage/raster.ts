// SPDX-License-Identifier: Apache-2.0
// Rasters of one sample for each pixel, rectangles, and the sweep that every brush uses. No DOM.

/** Samples of one kind, rows from top to bottom. */
export interface Plane<T extends Uint8Array | Uint16Array = Uint8Array | Uint16Array> {
  width: number;
  height: number;
  data: T;
}

/** Pixels x0 <= x < x1, y0 <= y < y1. */
export interface Rect {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export interface Point {
  x: number;
  y: number;
}

/** A point of a stroke with the radius of the brush there; pixel (0, 0) has its centre at (0.5, 0.5). */
export interface Dab extends Point {
  radius: number;
}

export const NOWHERE: Readonly<Rect> = { x0: 0, y0: 0, x1: 0, y1: 0 };

export function is_empty(r: Rect): boolean {
  return r.x1 <= r.x0 || r.y1 <= r.y0;
}

export function unite(a: Rect, b: Rect): Rect {
  if (is_empty(a)) return { ...b };
  if (is_empty(b)) return { ...a };
  return { x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0), x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1) };
}

/** The part of a rectangle (any numbers) that lies on a plane, in whole pixels. */
export function clip(r: Rect, plane: { width: number; height: number }): Rect {
  return {
    x0: Math.max(0, Math.floor(r.x0)),
    y0: Math.max(0, Math.floor(r.y0)),
    x1: Math.min(plane.width, Math.ceil(r.x1)),
    y1: Math.min(plane.height, Math.ceil(r.y1)),
  };
}

export function whole_of(plane: { width: number; height: number }): Rect {
  return { x0: 0, y0: 0, x1: plane.width, y1: plane.height };
}

export function byte_plane(width: number, height: number, value = 0): Plane<Uint8Array> {
  const data = new Uint8Array(width * height);
  if (value) data.fill(value);
  return { width, height, data };
}

export function copy_plane<T extends Uint8Array | Uint16Array>(plane: Plane<T>): Plane<T> {
  return { ...plane, data: plane.data.slice() as T };
}

/** Everything that the sweep from a to b can touch; `margin` in pixels. */
export function sweep_bounds(a: Dab, b: Dab, size: { width: number; height: number }, margin = 1): Rect {
  const r = Math.max(a.radius, b.radius) + margin;
  return clip({ x0: Math.min(a.x, b.x) - r, y0: Math.min(a.y, b.y) - r, x1: Math.max(a.x, b.x) + r, y1: Math.max(a.y, b.y) + r }, size);
}

/** The pixels of a line one pixel wide between the pixels that hold a and b (Bresenham). */
export function thin_line(a: Point, b: Point, size: { width: number; height: number }, put: (index: number) => void): void {
  let x = Math.floor(a.x);
  let y = Math.floor(a.y);
  const [endX, endY] = [Math.floor(b.x), Math.floor(b.y)];
  const [dx, dy] = [Math.abs(endX - x), -Math.abs(endY - y)];
  const [stepX, stepY] = [x < endX ? 1 : -1, y < endY ? 1 : -1];
  let error = dx + dy;
  for (;;) {
    if (x >= 0 && y >= 0 && x < size.width && y < size.height) put(y * size.width + x);
    if (x === endX && y === endY) return;
    const twice = 2 * error;
    if (twice >= dy) {
      error += dy;
      x += stepX;
    }
    if (twice <= dx) {
      error += dx;
      y += stepY;
    }
  }
}

/**
 * Moves a round brush from a to b, its radius changing evenly, and calls `put` for each pixel with a coverage of 1..255.
 * hardness 1 gives 255 or nothing (no antialiasing); below, the edge fades over (1 - hardness) of the radius, at least one pixel.
 */
export function sweep(
  a: Dab,
  b: Dab,
  hardness: number,
  size: { width: number; height: number },
  put: (index: number, coverage: number) => void,
): Rect {
  const box = sweep_bounds(a, b, size);
  // A hard brush of one pixel would show gaps or doubled pixels, depending on where between two pixels it runs.
  if (hardness >= 1 && a.radius <= 0.5 && b.radius <= 0.5) {
    thin_line(a, b, size, (index) => put(index, 255));
    return box;
  }
  const [dx, dy, dr] = [b.x - a.x, b.y - a.y, b.radius - a.radius];
  const length2 = dx * dx + dy * dy;
  for (let y = box.y0; y < box.y1; ++y) {
    for (let x = box.x0; x < box.x1; ++x) {
      const [px, py] = [x + 0.5 - a.x, y + 0.5 - a.y];
      const t = length2 > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
      const distance = Math.hypot(px - t * dx, py - t * dy);
      const radius = a.radius + t * dr;
      if (hardness >= 1) {
        if (distance <= radius) put(y * size.width + x, 255);
        continue;
      }
      const fade = Math.max(1, radius * (1 - hardness));
      const coverage = Math.round(255 * Math.min(1, (radius + 0.5 - distance) / fade));
      if (coverage > 0) put(y * size.width + x, coverage);
    }
  }
  return box;
}

/** Pixels whose centre is inside a polygon (even-odd), row by row. Returns the box of the polygon on the plane. */
export function fill_polygon(points: readonly Point[], size: { width: number; height: number }, put: (index: number) => void): Rect {
  if (points.length < 3) return { ...NOWHERE };
  const xs = points.map((p) => p.x);
  const ys = points.map((p) => p.y);
  const box = clip({ x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) }, size);
  for (let y = box.y0; y < box.y1; ++y) {
    const middle = y + 0.5;
    const crossings: number[] = [];
    for (let i = 0; i < points.length; ++i) {
      const a = points[i]!;
      const b = points[(i + 1) % points.length]!;
      if (a.y <= middle === b.y <= middle) continue;
      crossings.push(a.x + ((middle - a.y) / (b.y - a.y)) * (b.x - a.x));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil(crossings[i]! - 0.5));
      const to = Math.min(size.width, Math.ceil(crossings[i + 1]! - 0.5));
      for (let x = from; x < to; ++x) put(y * size.width + x);
    }
  }
  return box;
}

/** Which pixels lie within `radius` of a marked one; the neighbourhood is a square. */
export function dilate(marked: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  if (radius < 1) return marked.slice();
  const across = new Uint8Array(marked.length);
  for (let y = 0; y < height; ++y) spread(marked, across, y * width, 1, width, radius);
  const out = new Uint8Array(marked.length);
  for (let x = 0; x < width; ++x) spread(across, out, x, width, height, radius);
  return out;
}

/** Marks along one row or column all that lies within `radius` of a mark. */
function spread(from: Uint8Array, to: Uint8Array, start: number, step: number, count: number, radius: number): void {
  let last = -Infinity;
  for (let i = 0; i < count; ++i) {
    if (from[start + i * step]) last = i;
    if (i - last <= radius) to[start + i * step] = 1;
  }
  let next = Infinity;
  for (let i = count - 1; i >= 0; --i) {
    if (from[start + i * step]) next = i;
    if (next - i <= radius) to[start + i * step] = 1;
  }
}

/** The smallest rectangle around all marked pixels. */
export function box_of(marked: Uint8Array, width: number, height: number): Rect {
  const box = { x0: width, y0: height, x1: 0, y1: 0 };
  for (let y = 0; y < height; ++y)
    for (let x = 0; x < width; ++x) {
      if (!marked[y * width + x]) continue;
      box.x0 = Math.min(box.x0, x);
      box.x1 = Math.max(box.x1, x + 1);
      box.y0 = Math.min(box.y0, y);
      box.y1 = Math.max(box.y1, y + 1);
    }
  return box.x1 > box.x0 ? box : { ...NOWHERE };
}
