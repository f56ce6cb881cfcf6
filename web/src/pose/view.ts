// SPDX-License-Identifier: Apache-2.0
// What of the canvas is seen: a point of the canvas in the middle of the window, and how large a pixel is shown.
import type { Point } from "./skeleton.ts";

export interface View {
  zoom: number; // 1 = the whole canvas fits
  x: number; // of the canvas, in the middle of the window
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const LEAST_ZOOM = 0.25;
export const MOST_ZOOM = 16;
const MARGIN = 28; // pixels of the screen around a canvas that fits

// Whole numbers are the middles of pixels, so a canvas of width w reaches from -0.5 to w - 0.5.
export function fit(canvas: Size): View {
  return { zoom: 1, x: (canvas.width - 1) / 2, y: (canvas.height - 1) / 2 };
}

// Pixels of the screen for one of the canvas.
export function scale_of(view: View, canvas: Size, window: Size): number {
  const wide = Math.max(40, window.width - 2 * MARGIN) / canvas.width;
  const high = Math.max(40, window.height - 2 * MARGIN) / canvas.height;
  return Math.min(wide, high) * view.zoom;
}

export function view_box(view: View, canvas: Size, window: Size): string {
  const scale = scale_of(view, canvas, window);
  const width = window.width / scale;
  const height = window.height / scale;
  return `${view.x - width / 2} ${view.y - height / 2} ${width} ${height}`;
}

// `at` in pixels of the window from its upper left corner.
export function to_canvas(at: Point, view: View, canvas: Size, window: Size): Point {
  const scale = scale_of(view, canvas, window);
  return { x: view.x + (at.x - window.width / 2) / scale, y: view.y + (at.y - window.height / 2) / scale };
}

// The point under the pointer stays under it.
export function zoomed(view: View, factor: number, at: Point, canvas: Size, window: Size): View {
  const zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, view.zoom * factor));
  const fixed = to_canvas(at, view, canvas, window);
  const real = zoom / view.zoom;
  return kept_near({ zoom, x: fixed.x + (view.x - fixed.x) / real, y: fixed.y + (view.y - fixed.y) / real }, canvas);
}

export function panned(view: View, dx: number, dy: number, canvas: Size, window: Size): View {
  const scale = scale_of(view, canvas, window);
  return kept_near({ ...view, x: view.x - dx / scale, y: view.y - dy / scale }, canvas);
}

// Nobody should lose the canvas.
function kept_near(view: View, canvas: Size): View {
  return {
    zoom: view.zoom,
    x: Math.min(1.25 * canvas.width, Math.max(-0.25 * canvas.width, view.x)),
    y: Math.min(1.25 * canvas.height, Math.max(-0.25 * canvas.height, view.y)),
  };
}
