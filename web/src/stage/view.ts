// SPDX-License-Identifier: Apache-2.0
// Which part of the drawing is seen, and how large. No DOM.
import type { Point } from "./raster.ts";

/** A point p of the drawing is shown at (x, y) + scale * p, in pixels of the window. */
export interface View {
  scale: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const MIN_SCALE = 0.05;
export const MAX_SCALE = 32;

/** The whole drawing in the middle of the window, with a margin; small drawings are not enlarged beyond 4. */
export function fit(size: Size, window: Size, margin = 24): View {
  const wide = Math.max(40, window.width - 2 * margin) / size.width;
  const high = Math.max(40, window.height - 2 * margin) / size.height;
  const scale = Math.min(wide, high, 4);
  return { scale, x: (window.width - size.width * scale) / 2, y: (window.height - size.height * scale) / 2 };
}

export function to_drawing(view: View, p: Point): Point {
  return { x: (p.x - view.x) / view.scale, y: (p.y - view.y) / view.scale };
}

export function to_window(view: View, p: Point): Point {
  return { x: view.x + view.scale * p.x, y: view.y + view.scale * p.y };
}

/** Zooms so that the point under `at` stays there. */
export function zoom(view: View, factor: number, at: Point): View {
  const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, view.scale * factor));
  const real = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * real, y: at.y - (at.y - view.y) * real };
}

/** Keeps a part of the drawing in the window, so that it cannot get lost. */
export function kept_in(view: View, size: Size, window: Size): View {
  const keep = 48;
  const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
  return {
    scale: view.scale,
    x: clamp(view.x, keep - size.width * view.scale, window.width - keep),
    y: clamp(view.y, keep - size.height * view.scale, window.height - keep),
  };
}

export function panned(view: View, dx: number, dy: number): View {
  return { scale: view.scale, x: view.x + dx, y: view.y + dy };
}
