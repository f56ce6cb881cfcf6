// SPDX-License-Identifier: Apache-2.0
// Lines, rectangles, ellipses and curves as points, and the symmetries that repeat whatever is drawn. No DOM.
import type { Point } from "./raster.ts";

export type ShapeKind = "line" | "rectangle" | "ellipse" | "bezier";

/** Symmetry about the middle of the drawing: mirrored left-right (x), top-bottom (y), and turned `radial` times. */
export interface Symmetry {
  x: boolean;
  y: boolean;
  /** 1 is no repetition; up to 16. */
  radial: number;
}

export const NO_SYMMETRY: Readonly<Symmetry> = { x: false, y: false, radial: 1 };

/** One copy's place for a point. */
export type Mapping = (p: Point) => Point;

/** The copies that a symmetry asks for; the first is the point itself. No two copies coincide everywhere. */
export function copies(symmetry: Symmetry, width: number, height: number): Mapping[] {
  const [cx, cy] = [width / 2, height / 2];
  const turns = Math.min(16, Math.max(1, Math.round(symmetry.radial)));
  // Both mirrors together are a turn by 180 degrees, which an even number of turns has already.
  const flips: [number, number][] = [[1, 1]];
  if (symmetry.x) flips.push([-1, 1]);
  if (symmetry.y && !(symmetry.x && turns % 2 === 0)) flips.push([1, -1]);
  if (symmetry.x && symmetry.y && turns % 2 === 1) flips.push([-1, -1]);
  const out: Mapping[] = [];
  for (const [fx, fy] of flips) {
    for (let k = 0; k < turns; ++k) {
      const [c, s] = [Math.cos((2 * Math.PI * k) / turns), Math.sin((2 * Math.PI * k) / turns)];
      out.push(
        k === 0
          ? (p) => ({ ...p, x: cx + fx * (p.x - cx), y: cy + fy * (p.y - cy) })
          : (p) => {
              const [x, y] = [fx * (p.x - cx), fy * (p.y - cy)];
              return { ...p, x: cx + c * x - s * y, y: cy + s * x + c * y };
            },
      );
    }
  }
  return out;
}

/** With Shift: lines in steps of 15 degrees, boxes with equal sides. */
export function constrain(kind: ShapeKind, from: Point, to: Point): Point {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (kind === "line" || kind === "bezier") {
    const step = Math.PI / 12;
    const angle = Math.round(Math.atan2(dy, dx) / step) * step;
    const length = Math.hypot(dx, dy);
    return { x: from.x + Math.cos(angle) * length, y: from.y + Math.sin(angle) * length };
  }
  const side = Math.max(Math.abs(dx), Math.abs(dy));
  return { x: from.x + (dx < 0 ? -side : side), y: from.y + (dy < 0 ? -side : side) };
}

/** With Alt: the shape grows out of its middle, so the first corner moves against the second. */
export function from_centre(centre: Point, to: Point): Point {
  return { x: 2 * centre.x - to.x, y: 2 * centre.y - to.y };
}

/** A cubic curve by its ends and two handles. */
export interface Curve {
  from: Point;
  handle1: Point;
  handle2: Point;
  to: Point;
}

/** A curve that starts as the straight line between two points. */
export function straight_curve(from: Point, to: Point): Curve {
  const at = (t: number) => ({ x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t });
  return { from, handle1: at(1 / 3), handle2: at(2 / 3), to };
}

export function curve_points(curve: Curve): Point[] {
  const { from, handle1, handle2, to } = curve;
  const length =
    Math.hypot(handle1.x - from.x, handle1.y - from.y) +
    Math.hypot(handle2.x - handle1.x, handle2.y - handle1.y) +
    Math.hypot(to.x - handle2.x, to.y - handle2.y);
  const pieces = Math.min(400, Math.max(8, Math.ceil(length / 3)));
  const out: Point[] = [];
  for (let i = 0; i <= pieces; ++i) {
    const t = i / pieces;
    const u = 1 - t;
    const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
    out.push({
      x: a * from.x + b * handle1.x + c * handle2.x + d * to.x,
      y: a * from.y + b * handle1.y + c * handle2.y + d * to.y,
    });
  }
  return out;
}

/** The outline of a shape between two corners; closed shapes repeat their first point at the end. */
export function outline(kind: ShapeKind, from: Point, to: Point): Point[] {
  if (kind === "line") return [from, to];
  if (kind === "bezier") return curve_points(straight_curve(from, to));
  if (kind === "rectangle") return [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }, from];
  const [cx, cy] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  const [rx, ry] = [Math.abs(to.x - from.x) / 2, Math.abs(to.y - from.y) / 2];
  const pieces = Math.min(360, Math.max(24, Math.ceil(rx + ry)));
  const out: Point[] = [];
  for (let i = 0; i <= pieces; ++i) {
    const angle = (2 * Math.PI * (i % pieces)) / pieces;
    out.push({ x: cx + rx * Math.cos(angle), y: cy + ry * Math.sin(angle) });
  }
  return out;
}
