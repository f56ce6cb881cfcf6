// SPDX-License-Identifier: Apache-2.0
// The work on a depth map: its tools, levels and undo, and how it is stored. No DOM.
import { apply_dab, apply_gradient, blank_depth, DabSpacing, dab_box, depth_map, type DepthTool, full_range, type Gradient, invert_depth, type Levels, NEAREST, NO_LEVELS, normal_map } from "./depth.ts";
import { bytes_of, cached_png } from "./documents.ts";
import { History } from "./history.ts";
import { gray16_of } from "./pixels.ts";
import { decodePng, encodeGray, encodeRgb, type Png } from "./png.ts";
import { type Dab, NOWHERE, type Plane, type Point, type Rect, unite, whole_of } from "./raster.ts";
import { fitted } from "./resample.ts";
import type { Contact } from "./use_pointers.ts";
import type { Size } from "./view.ts";

export type DepthMode = DepthTool | "gradient" | "pick" | "hand";

export interface DepthSettings {
  /** Diameter, pixels. */
  size: number;
  strength: number;
  hardness: number;
  /** 0..1 of the range: what "flatten" draws towards. */
  level: number;
  shape: Gradient["shape"];
  /** 0..1. */
  start: number;
  end: number;
  mode: Gradient["mode"];
}

export const DEPTH_DEFAULTS: Readonly<DepthSettings> = {
  size: 80, strength: 0.4, hardness: 0.1, level: 0.5, shape: "linear", start: 0, end: 1, mode: "replace",
};

export interface DepthDocument {
  type: "depth";
  version: 1;
  width: number;
  height: number;
  /** Grey PNG of 16 bits. */
  png: Uint8Array;
  levels: Levels;
  relief: number;
  known: string[];
}

export class DepthWork {
  readonly history = new History();
  levels: Levels = { ...NO_LEVELS };
  /** How steep the range counts in a map of normals. */
  relief = 40;
  /** The gradient that is being drawn. */
  gradient: { from: Point; to: Point } | null = null;
  private spacing: DabSpacing | null = null;
  private levelsBefore: Levels | null = null;

  constructor(readonly plane: Plane<Uint16Array>) {}

  // --- tools ---

  down(contact: Contact, mode: DepthMode, settings: DepthSettings, label: string): Rect {
    if (mode === "hand" || mode === "pick") return { ...NOWHERE };
    this.history.begin(label);
    if (mode === "gradient") {
      this.gradient = { from: contact, to: contact };
      return { ...NOWHERE };
    }
    this.spacing = new DabSpacing();
    return this.move([contact], mode, settings);
  }

  move(contacts: readonly Contact[], mode: DepthMode, settings: DepthSettings): Rect {
    const last = contacts.at(-1);
    if (this.gradient && last) {
      this.gradient = { from: this.gradient.from, to: last };
      return { ...NOWHERE };
    }
    let changed: Rect = { ...NOWHERE };
    if (!this.spacing || mode === "gradient" || mode === "pick" || mode === "hand") return changed;
    for (const contact of contacts) {
      // Alt turns raising and lowering round, as the other end of the pen does.
      const turned = contact.alt || contact.eraser;
      const tool = turned && mode === "raise" ? "lower" : turned && mode === "lower" ? "raise" : mode;
      const brush = { tool, strength: settings.strength * contact.pressure, hardness: settings.hardness, level: settings.level * NEAREST };
      for (const dab of this.spacing.next([{ x: contact.x, y: contact.y, radius: Math.max(1, settings.size / 2) }])) changed = unite(changed, this.apply(dab, brush));
    }
    return changed;
  }

  private apply(dab: Dab, brush: Parameters<typeof apply_dab>[2]): Rect {
    this.history.touch(this.plane, dab_box(dab, this.plane));
    return apply_dab(this.plane, dab, brush);
  }

  up(settings: DepthSettings): Rect {
    const gradient = this.gradient;
    this.gradient = null;
    this.spacing = null;
    let changed: Rect = { ...NOWHERE };
    if (gradient && Math.hypot(gradient.to.x - gradient.from.x, gradient.to.y - gradient.from.y) > 1) {
      this.history.touch(this.plane, whole_of(this.plane));
      apply_gradient(this.plane, { ...gradient, shape: settings.shape, mode: settings.mode, start: settings.start * NEAREST, end: settings.end * NEAREST });
      changed = whole_of(this.plane);
    }
    this.history.commit();
    return changed;
  }

  cancel(): Rect {
    this.gradient = null;
    this.spacing = null;
    return this.history.cancel().get(this.plane) ?? { ...NOWHERE };
  }

  /** Nearness at a place, 0..1. */
  at(p: Point): number {
    const [x, y] = [Math.floor(p.x), Math.floor(p.y)];
    if (x < 0 || y < 0 || x >= this.plane.width || y >= this.plane.height) return 0;
    return this.plane.data[y * this.plane.width + x]! / NEAREST;
  }

  // --- the whole map ---

  /** Another map takes the place of this one, as a step. */
  replace(label: string, plane: Plane<Uint16Array>): void {
    this.history.begin(label);
    this.history.touch(this.plane, whole_of(this.plane));
    this.plane.data.set(plane.data);
    this.history.commit();
  }

  invert(label: string): void {
    this.history.begin(label);
    this.history.touch(this.plane, whole_of(this.plane));
    invert_depth(this.plane);
    this.history.commit();
  }

  /** Levels while a slider moves; `set_levels` makes one step of it all. */
  preview_levels(levels: Levels): void {
    this.levelsBefore ??= this.levels;
    this.levels = ordered(levels);
  }

  set_levels(label: string, levels: Levels): void {
    const before = this.levelsBefore ?? this.levels;
    const after = ordered(levels);
    this.levelsBefore = null;
    this.levels = after;
    if (before.far === after.far && before.near === after.near && before.gamma === after.gamma) return;
    this.history.record(label, () => (this.levels = before), () => (this.levels = after));
  }

  stretch(label: string): void {
    this.set_levels(label, { ...this.levels, ...full_range(this.plane) });
  }

  undo(): Rect | null {
    return this.moved(this.history.undo());
  }
  redo(): Rect | null {
    return this.moved(this.history.redo());
  }
  private moved(change: ReturnType<History["undo"]>): Rect | null {
    if (!change) return null;
    return change.structure ? whole_of(this.plane) : (change.rects.get(this.plane) ?? { ...NOWHERE });
  }

  // --- result ---

  /** The finished map: grey of 8 bits, or RGB normals. */
  async map(normals: boolean): Promise<Uint8Array> {
    const { width, height } = this.plane;
    if (normals) return encodeRgb(normal_map(this.plane, this.levels, this.relief), width, height);
    return encodeGray(depth_map(this.plane, this.levels).data, width, height);
  }

  async store(known: string[]): Promise<DepthDocument> {
    const { width, height } = this.plane;
    const png = await cached_png(this.plane, (data) => encodeGray(data, width, height, 16));
    return { type: "depth", version: 1, width, height, png, levels: { ...this.levels }, relief: this.relief, known };
  }
}

/** Far stays below near, and both within the range. */
function ordered({ far, near, gamma }: Levels): Levels {
  const low = Math.min(0.99, Math.max(0, far));
  return { far: low, near: Math.min(1, Math.max(low + 0.01, near)), gamma: Math.min(5, Math.max(0.2, gamma)) };
}

/** New depth is in the middle, so that it can be raised and lowered. */
export function blank_work(size: Size): DepthWork {
  return new DepthWork(blank_depth(size.width, size.height, NEAREST >> 1));
}

export function is_depth_document(value: unknown): value is DepthDocument {
  const document = value as Partial<DepthDocument> | null | undefined;
  return document?.type === "depth" && document.version === 1;
}

export async function load_depth(document: DepthDocument, size: Size): Promise<DepthWork> {
  const bytes = bytes_of(document.png);
  const work = bytes ? new DepthWork(depth_of_png(await decodePng(bytes), size)) : blank_work(size);
  const { far, near, gamma } = { ...NO_LEVELS, ...document.levels };
  if ([far, near, gamma].every(Number.isFinite)) work.levels = ordered({ far, near, gamma });
  if (Number.isFinite(document.relief)) work.relief = document.relief;
  return work;
}

/** Any grey picture as depth, fitted whole into the size. */
export function depth_of_png(png: Png, size: Size): Plane<Uint16Array> {
  return fitted(gray16_of(png), size, 0);
}
