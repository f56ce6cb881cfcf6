// SPDX-License-Identifier: Apache-2.0
// Shows an array of pixels on a canvas, redrawing only what changed, once a frame.
import { clip, is_empty, NOWHERE, type Rect, unite, whole_of } from "./raster.ts";

/** Writes RGBA (not premultiplied) of a rectangle into an array of the whole drawing. */
export type Fill = (rect: Rect, out: Uint8ClampedArray) => void;

export class Painter {
  private canvas: HTMLCanvasElement | null = null;
  private image: ImageData | null = null;
  private dirty: Rect = { ...NOWHERE };
  private frame = 0;

  constructor(
    readonly width: number,
    readonly height: number,
    public fill: Fill,
  ) {}

  /** The canvas on which to show; null when it goes away. */
  attach = (canvas: HTMLCanvasElement | null): void => {
    this.canvas = canvas;
    if (!canvas) return;
    canvas.width = this.width;
    canvas.height = this.height;
    this.image ??= new ImageData(this.width, this.height);
    this.redraw(whole_of(this));
  };

  redraw(rect: Rect = whole_of(this)): void {
    this.dirty = unite(this.dirty, clip(rect, this));
    if (!this.frame && !is_empty(this.dirty)) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    const r = this.dirty;
    this.dirty = { ...NOWHERE };
    const context = this.canvas?.getContext("2d");
    if (!context || !this.image) return;
    this.fill(r, this.image.data);
    context.putImageData(this.image, 0, 0, r.x0, r.y0, r.x1 - r.x0, r.y1 - r.y0);
  }
}
