// SPDX-License-Identifier: Apache-2.0
// Straight lines of an M-LSD map: drawing, picking, snapping, and finding them again in a finished map. No DOM.
import { byte_plane, type Plane, type Point, thin_line } from "./raster.ts";

/** A line between the middles of two pixels, whole numbers. */
export interface Segment {
  id: number;
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** The finished map: each line one pixel wide, white on black, as the annotator draws them (src/annotators/mlsd.cc). */
export function line_map(segments: readonly Segment[], width: number, height: number): Plane<Uint8Array> {
  const plane = byte_plane(width, height);
  for (const s of segments)
    thin_line({ x: s.x1, y: s.y1 }, { x: s.x2, y: s.y2 }, plane, (i) => {
      plane.data[i] = 255;
    });
  return plane;
}

export function length_of(s: Segment): number {
  return Math.hypot(s.x2 - s.x1, s.y2 - s.y1);
}

/** Distance of a point from a line. */
export function distance_to(s: Segment, p: Point): number {
  const [dx, dy] = [s.x2 - s.x1, s.y2 - s.y1];
  const length2 = dx * dx + dy * dy;
  const t = length2 > 0 ? Math.min(1, Math.max(0, ((p.x - s.x1) * dx + (p.y - s.y1) * dy) / length2)) : 0;
  return Math.hypot(p.x - s.x1 - t * dx, p.y - s.y1 - t * dy);
}

export type LinePart = "start" | "end" | "middle";

/** What lies under the pointer: ends before middles, the nearest first; null when nothing is within `reach`. */
export function pick(segments: readonly Segment[], p: Point, reach: number): { id: number; part: LinePart } | null {
  let best: { id: number; part: LinePart } | null = null;
  let nearest = reach;
  for (const s of segments)
    for (const [part, x, y] of [["start", s.x1, s.y1], ["end", s.x2, s.y2]] as const) {
      const distance = Math.hypot(p.x - x, p.y - y);
      if (distance > nearest) continue;
      nearest = distance;
      best = { id: s.id, part };
    }
  if (best) return best;
  for (const s of segments) {
    const distance = distance_to(s, p);
    if (distance > nearest) continue;
    nearest = distance;
    best = { id: s.id, part: "middle" };
  }
  return best;
}

export interface SnapOptions {
  /** Ends of other lines within this distance, pixels; 0: none. */
  ends: number;
  /** Directions in steps of this many degrees; 0: none. */
  angle: number;
  /** Points through which lines like to run. */
  vanishing: readonly Point[];
  /** Degrees within which a line turns to a vanishing point. */
  vanishingReach: number;
}

export interface Snapped extends Point {
  to: "" | "end" | "angle" | "vanishing";
}

/** Where the moving end of a line goes while `anchor` stays. */
export function snap(anchor: Point | null, p: Point, others: readonly Segment[], options: SnapOptions): Snapped {
  let nearest = options.ends;
  let hit: Point | null = null;
  for (const s of others)
    for (const end of [{ x: s.x1, y: s.y1 }, { x: s.x2, y: s.y2 }]) {
      const distance = Math.hypot(p.x - end.x, p.y - end.y);
      if (distance > nearest || !options.ends) continue;
      nearest = distance;
      hit = end;
    }
  if (hit) return { ...hit, to: "end" };
  if (!anchor) return { ...p, to: "" };
  const length = Math.hypot(p.x - anchor.x, p.y - anchor.y);
  if (length < 1) return { ...p, to: "" };
  const angle = Math.atan2(p.y - anchor.y, p.x - anchor.x);
  const toVanishing = nearest_direction(anchor, angle, options);
  if (toVanishing !== null) return { ...along(anchor, toVanishing, p), to: "vanishing" };
  if (options.angle > 0) {
    const step = (options.angle * Math.PI) / 180;
    return { ...along(anchor, Math.round(angle / step) * step, p), to: "angle" };
  }
  return { ...p, to: "" };
}

/** The foot of p on the line through the anchor. */
function along(anchor: Point, angle: number, p: Point): Point {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const t = (p.x - anchor.x) * c + (p.y - anchor.y) * s;
  return { x: anchor.x + c * t, y: anchor.y + s * t };
}

function nearest_direction(anchor: Point, angle: number, options: SnapOptions): number | null {
  let best: number | null = null;
  let nearest = (options.vanishingReach * Math.PI) / 180;
  for (const point of options.vanishing) {
    if (Math.hypot(point.x - anchor.x, point.y - anchor.y) < 1) continue;
    const direction = Math.atan2(point.y - anchor.y, point.x - anchor.x);
    // A line has no head: towards the point and away from it are the same.
    const turned = Math.abs(Math.atan2(Math.sin(2 * (angle - direction)), Math.cos(2 * (angle - direction)))) / 2;
    if (turned > nearest) continue;
    nearest = turned;
    best = Math.cos(angle - direction) >= 0 ? direction : direction + Math.PI;
  }
  return best;
}

// --- finding lines in a map ---

/** Directions that are tried at each pixel. */
const DIRECTIONS = 180;
/** Pixels a line may be interrupted, where others cross it or drawing rounded differently. */
const GAP = 2;
/** Shorter remains are dots left over from crossings. */
const SHORTEST = 4;
const MAX_SEGMENTS = 3000;

/**
 * Finds the lines that a map was drawn with (white, one or few pixels wide). From each pixel that no line explains yet, the
 * direction with the longest run of white is followed to both sides.
 */
export function find_segments(map: Plane<Uint8Array>): Segment[] {
  const { width, height } = map;
  const left = new Uint8Array(width * height);
  for (let i = 0; i < left.length; ++i) left[i] = map.data[i]! >= 128 ? 1 : 0;
  const white = left.slice();
  const out: Segment[] = [];
  for (let i = 0; i < left.length && out.length < MAX_SEGMENTS; ++i) {
    // More than once, since several lines may begin in one pixel's reach.
    if (!left[i]) continue;
    const found = longest_through(white, left, width, height, i % width, Math.floor(i / width));
    explain(left, width, height, found);
    left[i] = 0;
    if (length_of(found) >= SHORTEST) out.push({ ...found, id: out.length + 1 });
  }
  return out;
}

function longest_through(white: Uint8Array, left: Uint8Array, width: number, height: number, x: number, y: number): Segment {
  let best: Segment = { id: 0, x1: x, y1: y, x2: x, y2: y };
  let score = 0;
  for (let k = 0; k < DIRECTIONS; ++k) {
    const angle = (Math.PI * k) / DIRECTIONS;
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    // One pixel at a time along the longer side, as lines are drawn.
    const step = 1 / Math.max(Math.abs(dx), Math.abs(dy));
    const forth = run(white, left, width, height, x, y, dx * step, dy * step);
    const back = run(white, left, width, height, x, y, -dx * step, -dy * step);
    const fresh = forth.fresh + back.fresh;
    if (fresh <= score) continue;
    score = fresh;
    best = { id: 0, x1: back.x, y1: back.y, x2: forth.x, y2: forth.y };
  }
  return extended(white, left, width, height, refined(white, left, width, height, best));
}

/** Follows a line further in its own direction, which is known the better the longer it is. */
function extended(white: Uint8Array, left: Uint8Array, width: number, height: number, start: Segment): Segment {
  let best = start;
  let score = support(white, left, width, height, best);
  for (let round = 0; round < 10; ++round) {
    const [dx, dy] = [best.x2 - best.x1, best.y2 - best.y1];
    const steps = Math.max(Math.abs(dx), Math.abs(dy));
    if (steps < SHORTEST) break;
    const forth = run(white, left, width, height, best.x1, best.y1, dx / steps, dy / steps);
    const back = run(white, left, width, height, best.x2, best.y2, -dx / steps, -dy / steps);
    const longer = refined(white, left, width, height, { id: 0, x1: back.x, y1: back.y, x2: forth.x, y2: forth.y });
    const value = support(white, left, width, height, longer);
    if (value <= score) break;
    score = value;
    best = longer;
  }
  return best;
}

/** Follows white pixels from a place; `fresh` counts those that no line explains yet. */
function run(white: Uint8Array, left: Uint8Array, width: number, height: number, x: number, y: number, dx: number, dy: number) {
  let [endX, endY, fresh, missing, pending] = [x, y, 0, 0, 0];
  for (let n = 1; missing <= GAP; ++n) {
    const [cx, cy] = [Math.round(x + n * dx), Math.round(y + n * dy)];
    if (cx < 0 || cy < 0 || cx >= width || cy >= height) break;
    if (!white[cy * width + cx]) {
      ++missing;
      continue;
    }
    missing = 0;
    pending += left[cy * width + cx]!;
    // Where only other lines' pixels follow, this line has ended.
    if (left[cy * width + cx]) [endX, endY, fresh] = [cx, cy, pending];
  }
  return { x: endX, y: endY, fresh };
}

/** Share of a line's pixels that are white, and how many of them are unexplained. */
function support(white: Uint8Array, left: Uint8Array, width: number, height: number, s: Segment): number {
  let [hits, fresh, count] = [0, 0, 0];
  thin_line({ x: s.x1, y: s.y1 }, { x: s.x2, y: s.y2 }, { width, height }, (i) => {
    count += 1;
    hits += white[i]!;
    fresh += left[i]!;
  });
  return fresh - 2 * (count - hits);
}

/** Moves the ends by a pixel or two as long as the line then explains more: 180 directions are coarse for long lines. */
function refined(white: Uint8Array, left: Uint8Array, width: number, height: number, start: Segment): Segment {
  let best = start;
  let score = support(white, left, width, height, best);
  for (let round = 0; round < 12; ++round) {
    let better = best;
    for (const end of [1, 2] as const)
      for (let dy = -2; dy <= 2; ++dy)
        for (let dx = -2; dx <= 2; ++dx) {
          const trial = end === 1 ? { ...best, x1: best.x1 + dx, y1: best.y1 + dy } : { ...best, x2: best.x2 + dx, y2: best.y2 + dy };
          const [x, y] = end === 1 ? [trial.x1, trial.y1] : [trial.x2, trial.y2];
          if (x < 0 || y < 0 || x >= width || y >= height || !white[y * width + x]) continue;
          const value = support(white, left, width, height, trial);
          if (value <= score) continue;
          score = value;
          better = trial;
        }
    if (better === best) break;
    best = better;
  }
  return best;
}

/** Takes a line's pixels, and those right beside it, out of what is left to explain. */
function explain(left: Uint8Array, width: number, height: number, s: Segment): void {
  thin_line({ x: s.x1, y: s.y1 }, { x: s.x2, y: s.y2 }, { width, height }, (i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    for (let cy = Math.max(0, y - 1); cy <= Math.min(height - 1, y + 1); ++cy)
      for (let cx = Math.max(0, x - 1); cx <= Math.min(width - 1, x + 1); ++cx) left[cy * width + cx] = 0;
  });
}
