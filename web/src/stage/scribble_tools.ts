// SPDX-License-Identifier: Apache-2.0
// The tools of the scribble canvas and of masks: what a press, a drag and a release do to a drawing. No DOM.
import type { Brush, Drawing } from "./drawing.ts";
import { NOWHERE, type Plane, type Point, type Rect, unite, whole_of } from "./raster.ts";
import { constrain, type Curve, curve_points, from_centre, outline, type ShapeKind, straight_curve } from "./shapes.ts";
import { Stroke } from "./stroke.ts";
import type { Contact } from "./use_pointers.ts";

export type ScribbleTool = "brush" | "eraser" | ShapeKind | "lasso" | "fill" | "move" | "hand";

export interface BrushSettings {
  /** Diameter, 1..64 pixels. */
  size: number;
  /** 0..1. */
  hardness: number;
  smoothing: number;
  /** Pressure changes the width. */
  pressure: boolean;
  /** 1..255: ink of the brush; how much the rubber takes. */
  strength: number;
  /** Shapes are filled, not only outlined. */
  filled: boolean;
  /** Openings of this width do not let the bucket out, pixels. */
  gap: number;
}

export const MAX_BRUSH = 64;
export const BRUSH_DEFAULTS: Readonly<BrushSettings> = { size: 6, hardness: 1, smoothing: 0.35, pressure: true, strength: 255, filled: false, gap: 0 };

export function is_shape(tool: ScribbleTool): tool is ShapeKind {
  return tool === "line" || tool === "rectangle" || tool === "ellipse" || tool === "bezier";
}

export type CurveHandle = "from" | "handle1" | "handle2" | "to";
export const CURVE_HANDLES: readonly CurveHandle[] = ["from", "handle1", "handle2", "to"];

export interface ToolHost {
  settings(): BrushSettings;
  tool(): ScribbleTool;
  /** What a step is called in the list of undo. */
  label(tool: ScribbleTool): string;
  /** Pixels changed. */
  redraw(rect: Rect): void;
  /** A step ended (or was broken off). */
  finished(): void;
  /** The preview or the curve changed. */
  shown(): void;
  /** The active layer is hidden or locked. */
  refused(): void;
}

export class ScribbleTools {
  /** The shape that is being drawn, as points. */
  preview: Point[] = [];
  /** A curve that waits for its handles to be moved, and for Enter. */
  curve: Curve | null = null;
  private stroke: Stroke | null = null;
  private erasing = false;
  private start: Point | null = null;
  private end: Point | null = null;
  private lasso: Point[] = [];
  private lifted: { plane: Plane<Uint8Array>; data: Uint8Array; from: Point } | null = null;
  private held: CurveHandle | null = null;

  constructor(
    readonly drawing: Drawing,
    private readonly host: ToolHost,
  ) {}

  private brush(erase = this.erasing): Brush {
    const { hardness, strength } = this.host.settings();
    return { hardness, strength, erase };
  }

  private begin(tool: ScribbleTool): boolean {
    if (this.drawing.begin(this.host.label(tool))) return true;
    this.host.refused();
    return false;
  }

  down(contact: Contact): void {
    const tool = this.host.tool();
    this.erasing = contact.eraser || tool === "eraser";
    if (this.curve && this.press_curve(contact)) return;
    if (tool === "hand" || !this.begin(contact.eraser ? "eraser" : tool)) return;
    if (tool === "brush" || tool === "eraser" || contact.eraser) {
      const { size, smoothing, pressure } = this.host.settings();
      this.stroke = new Stroke({ size, smoothing, pressure });
      this.host.redraw(this.drawing.stroke(this.stroke.begin(contact), this.brush()));
    } else if (tool === "fill") {
      this.erasing = contact.alt;
      this.host.redraw(this.drawing.fill(contact, this.host.settings().gap, this.brush()));
      this.finish();
    } else if (tool === "move") {
      const plane = this.drawing.active.plane;
      this.drawing.history.touch(plane, whole_of(plane));
      this.lifted = { plane, data: plane.data.slice(), from: contact };
    } else if (tool === "lasso") {
      this.erasing = contact.alt;
      this.lasso = [{ x: contact.x, y: contact.y }];
    } else {
      this.start = this.end = { x: contact.x, y: contact.y };
    }
  }

  move(contacts: readonly Contact[]): void {
    const last = contacts.at(-1);
    if (!last) return;
    if (this.held && this.curve) this.move_handle(this.held, last);
    else if (this.stroke) {
      let changed: Rect = { ...NOWHERE };
      for (const contact of contacts) {
        const dabs = this.stroke.push(contact);
        if (dabs.length) changed = unite(changed, this.drawing.stroke(dabs, this.brush()));
      }
      this.host.redraw(changed);
    } else if (this.lifted) this.shift(last);
    else if (this.lasso.length) {
      this.lasso.push(...contacts.map(({ x, y }) => ({ x, y })));
      this.preview = this.lasso;
      this.host.shown();
    } else if (this.start) this.size_shape(last);
  }

  private size_shape(contact: Contact): void {
    const kind = this.host.tool() as ShapeKind;
    const centre = this.start!;
    this.end = contact.shift ? constrain(kind, centre, contact) : { x: contact.x, y: contact.y };
    this.preview = outline(kind, this.first_corner(contact.alt), this.end);
    this.host.shown();
  }

  private centred = false;
  private first_corner(alt: boolean): Point {
    const kind = this.host.tool();
    this.centred = alt && (kind === "rectangle" || kind === "ellipse");
    return this.centred ? from_centre(this.start!, this.end!) : this.start!;
  }

  private shift(to: Point): void {
    const { plane, data, from } = this.lifted!;
    const [dx, dy] = [Math.round(to.x - from.x), Math.round(to.y - from.y)];
    plane.data.fill(0);
    const [left, right] = [Math.max(0, dx), Math.min(plane.width, plane.width + dx)];
    for (let y = Math.max(0, dy); y < Math.min(plane.height, plane.height + dy) && right > left; ++y)
      plane.data.set(data.subarray((y - dy) * plane.width + left - dx, (y - dy) * plane.width + right - dx), y * plane.width + left);
    this.drawing.recompose(whole_of(plane));
    this.host.redraw(whole_of(plane));
  }

  up(): void {
    if (this.held) {
      this.held = null;
      this.host.shown();
      return;
    }
    if (this.stroke) this.host.redraw(this.drawing.stroke(this.stroke.end(), this.brush()));
    else if (this.lasso.length > 2) this.host.redraw(this.drawing.polygon(this.lasso, this.brush()));
    else if (this.start && this.end) {
      if (this.host.tool() === "bezier") return this.hold_curve();
      this.draw_shape();
    }
    this.finish();
  }

  private draw_shape(): void {
    const kind = this.host.tool() as ShapeKind;
    const from = this.centred ? from_centre(this.start!, this.end!) : this.start!;
    this.draw_points(outline(kind, from, this.end!), kind !== "line" && this.host.settings().filled);
  }

  private draw_points(points: readonly Point[], filled: boolean): void {
    const radius = Math.max(0.5, this.host.settings().size / 2);
    const dabs = points.map((p) => ({ x: p.x, y: p.y, radius }));
    // A filled shape ends where its outline runs, without the width of the brush around it.
    this.host.redraw(filled ? this.drawing.polygon(points, this.brush()) : this.drawing.stroke(dabs, this.brush()));
  }

  private finish(): void {
    this.stroke = this.start = this.end = this.lifted = null;
    this.lasso = [];
    this.preview = [];
    this.drawing.commit();
    this.host.finished();
  }

  /** Takes back what is being drawn. */
  cancel(): void {
    if (this.held) {
      this.held = null;
      return;
    }
    this.stroke = this.start = this.end = this.lifted = null;
    this.lasso = [];
    this.preview = [];
    this.host.redraw(this.drawing.cancel());
    this.host.finished();
  }

  // --- curves ---

  private hold_curve(): void {
    const far = Math.hypot(this.end!.x - this.start!.x, this.end!.y - this.start!.y) > 2;
    if (far) this.curve = straight_curve(this.start!, this.end!);
    this.start = this.end = null;
    this.preview = [];
    // The step begins anew when the curve is accepted.
    this.drawing.cancel();
    this.host.shown();
  }

  /** True when the press moves a handle; elsewhere it accepts the curve. */
  private press_curve(contact: Contact): boolean {
    let nearest = contact.reach * 1.4;
    this.held = null;
    for (const name of CURVE_HANDLES) {
      const distance = Math.hypot(this.curve![name].x - contact.x, this.curve![name].y - contact.y);
      if (distance > nearest) continue;
      nearest = distance;
      this.held = name;
    }
    if (this.held) return true;
    this.accept();
    return false;
  }

  move_handle(name: CurveHandle, to: Point): void {
    if (!this.curve) return;
    this.curve = { ...this.curve, [name]: { x: to.x, y: to.y } };
    this.host.shown();
  }

  /** Draws the waiting curve. */
  accept(): boolean {
    if (!this.curve) return false;
    const points = curve_points(this.curve);
    this.curve = null;
    this.erasing = false;
    if (this.begin("bezier")) this.draw_points(points, this.host.settings().filled);
    this.finish();
    return true;
  }

  /** Throws the waiting curve away. */
  discard(): boolean {
    if (!this.curve) return false;
    this.curve = null;
    this.held = null;
    this.host.shown();
    return true;
  }
}
