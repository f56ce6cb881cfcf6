// SPDX-License-Identifier: Apache-2.0
// A drawing: layers of ink, perhaps over a map that an annotator made, with undo. 255 is ink, which the map shows white. No DOM.
import { flood_closing_gaps } from "./fill.ts";
import { History } from "./history.ts";
import { box_of, byte_plane, clip, copy_plane, type Dab, dilate, fill_polygon, is_empty, NOWHERE, type Plane, type Point, type Rect, sweep, sweep_bounds, unite, whole_of } from "./raster.ts";
import { copies, NO_SYMMETRY, type Symmetry } from "./shapes.ts";

/** One sheet of ink. The object is replaced when its settings change; the plane stays the same object. */
export interface InkLayer {
  readonly id: string;
  readonly name: string;
  /** 0..1; less than 1 makes the ink grey in the map, too. */
  readonly opacity: number;
  readonly visible: boolean;
  readonly locked: boolean;
  readonly plane: Plane<Uint8Array>;
}

/** The map of an annotator under the drawing, and what was rubbed out of it (255: all). Both outlive new thresholds. */
export interface BaseMap {
  readonly plane: Plane<Uint8Array>;
  readonly erased: Plane<Uint8Array>;
  readonly visible: boolean;
  readonly locked: boolean;
}

export interface Brush {
  /** 0..1, see sweep. */
  hardness: number;
  /** Ink that the brush leaves or takes, 1..255. */
  strength: number;
  erase: boolean;
}

export type LayerSettings = Partial<Pick<InkLayer, "name" | "opacity" | "visible" | "locked">>;

export const MAX_LAYERS = 32;

interface Structure {
  layers: readonly InkLayer[];
  active: string;
  base: BaseMap | null;
}

export class Drawing {
  readonly width: number;
  readonly height: number;
  readonly history = new History();
  symmetry: Symmetry = { ...NO_SYMMETRY };
  private structure: Structure;
  private previewed: Structure | null = null;
  private counter = 0;
  /** What all layers together show: the map, white ink on black. */
  readonly composed: Plane<Uint8Array>;

  constructor(width: number, height: number, layers: readonly InkLayer[] = [], base: BaseMap | null = null) {
    this.width = width;
    this.height = height;
    this.composed = byte_plane(width, height);
    const own = layers.length ? layers : [this.blank_layer("")];
    this.structure = { layers: own, active: own.at(-1)!.id, base };
    this.recompose(whole_of(this));
  }

  get layers(): readonly InkLayer[] {
    return this.structure.layers;
  }
  get base(): BaseMap | null {
    return this.structure.base;
  }
  get active(): InkLayer {
    return this.structure.layers.find((layer) => layer.id === this.structure.active) ?? this.structure.layers.at(-1)!;
  }

  /** An empty layer that belongs to nothing yet. */
  blank_layer(name: string, plane = byte_plane(this.width, this.height)): InkLayer {
    this.counter += 1;
    const id = `ink-${Date.now().toString(36)}-${this.counter}`;
    return { id, name, opacity: 1, visible: true, locked: false, plane };
  }

  /** Whether a stroke may begin: the active layer is visible and not locked. */
  get can_draw(): boolean {
    return this.active.visible && !this.active.locked;
  }

  // --- strokes ---

  begin(label: string): boolean {
    if (!this.can_draw) return false;
    this.history.begin(label);
    return true;
  }

  /** Moves the brush along dabs in every copy that the symmetry asks for; returns what has to be redrawn. */
  stroke(dabs: readonly Dab[], brush: Brush): Rect {
    let changed: Rect = { ...NOWHERE };
    for (const copy of copies(this.symmetry, this.width, this.height)) {
      const turned = dabs.map((dab) => ({ ...copy(dab), radius: dab.radius }));
      const single = turned.length === 1 ? [turned[0]!, turned[0]!] : turned;
      for (let i = 0; i + 1 < single.length; ++i)
        changed = unite(changed, this.segment(single[i]!, single[i + 1]!, brush));
    }
    this.recompose(changed);
    return changed;
  }

  private segment(a: Dab, b: Dab, brush: Brush): Rect {
    const box = sweep_bounds(a, b, this, 2);
    for (const plane of this.targets(brush.erase)) {
      this.history.touch(plane, box);
      const data = plane.data;
      const rubbing = brush.erase && plane !== this.structure.base?.erased;
      sweep(a, b, brush.hardness, this, (i, coverage) => {
        const value = Math.round((coverage * brush.strength) / 255);
        if (rubbing) data[i] = Math.min(data[i]!, 255 - value);
        else if (value > data[i]!) data[i] = value;
      });
    }
    return box;
  }

  /** The planes that ink (or the rubber) reaches: the rubber also takes away from the annotator's map. */
  private targets(erase: boolean): Plane<Uint8Array>[] {
    const base = this.structure.base;
    return erase && base?.visible && !base.locked ? [this.active.plane, base.erased] : [this.active.plane];
  }

  /** Fills a polygon in every copy of the symmetry. */
  polygon(points: readonly Point[], brush: Brush): Rect {
    let changed: Rect = { ...NOWHERE };
    for (const copy of copies(this.symmetry, this.width, this.height)) {
      const turned = points.map(copy);
      const inside = new Uint8Array(this.width * this.height);
      const box = fill_polygon(turned, this, (i) => (inside[i] = 1));
      this.apply(inside, box, brush);
      changed = unite(changed, box);
    }
    this.recompose(changed);
    return changed;
  }

  /** The bucket at a point: fills the area up to the ink that is shown; with `erase` takes away the ink that hangs together there. */
  fill(at: Point, gap: number, brush: Brush): Rect {
    const [x, y] = [Math.floor(at.x), Math.floor(at.y)];
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return { ...NOWHERE };
    const open = new Uint8Array(this.width * this.height);
    for (let i = 0; i < open.length; ++i) open[i] = this.composed.data[i]! >= 128 === brush.erase ? 1 : 0;
    const start = y * this.width + x;
    if (!open[start]) return { ...NOWHERE };
    const area = flood_closing_gaps(open, this.width, this.height, start, brush.erase ? 0 : gap);
    // One pixel further, so that no pale seam is left beside an antialiased line.
    const wider = dilate(area, this.width, this.height, 1);
    for (let i = 0; i < area.length; ++i) if (wider[i] && !area[i]) area[i] = brush.erase || this.composed.data[i]! > 0 ? 1 : 0;
    const box = box_of(area, this.width, this.height);
    this.apply(area, box, brush);
    this.recompose(box);
    return box;
  }

  private apply(area: Uint8Array, box: Rect, brush: Brush): void {
    if (is_empty(box)) return;
    for (const plane of this.targets(brush.erase)) {
      this.history.touch(plane, box);
      const rubbing = brush.erase && plane !== this.structure.base?.erased;
      each(box, this.width, (i) => {
        if (!area[i]) return;
        if (rubbing) plane.data[i] = Math.min(plane.data[i]!, 255 - brush.strength);
        else plane.data[i] = Math.max(plane.data[i]!, brush.strength);
      });
    }
  }

  commit(): boolean {
    return this.history.commit();
  }

  /** Takes back the stroke that is being drawn. */
  cancel(): Rect {
    const changed = [...this.history.cancel().values()].reduce(unite, { ...NOWHERE });
    this.recompose(changed);
    return changed;
  }

  /** Changes the active layer pixel by pixel as one step: clear, invert, grow. */
  map_active(label: string, change: (data: Uint8Array) => Uint8Array): boolean {
    if (!this.begin(label)) return false;
    const plane = this.active.plane;
    this.history.touch(plane, whole_of(this));
    plane.data.set(change(plane.data));
    this.recompose(whole_of(this));
    return this.commit();
  }

  // --- layers ---

  /** Replaces the list of layers as one step that can be undone. */
  private restructure(label: string, next: Partial<Structure>): void {
    const before = this.previewed ?? this.structure;
    this.previewed = null;
    const after = { ...this.structure, ...next };
    const put = (structure: Structure) => {
      this.structure = structure;
      this.recompose(whole_of(this));
    };
    put(after);
    const lost = before.layers.filter((layer) => !after.layers.some((other) => other.plane === layer.plane));
    this.history.record(label, () => put(before), () => put(after), 64 + lost.length * this.width * this.height);
  }

  select(id: string): void {
    this.structure = { ...this.structure, active: id };
  }

  /** Puts a layer above the active one; null when there are MAX_LAYERS already. */
  add(label: string, layer = this.blank_layer("")): InkLayer | null {
    if (this.layers.length >= MAX_LAYERS) return null;
    const at = this.layers.indexOf(this.active) + 1;
    this.restructure(label, { layers: [...this.layers.slice(0, at), layer, ...this.layers.slice(at)], active: layer.id });
    return layer;
  }

  duplicate(label: string, name: string): InkLayer | null {
    return this.add(label, { ...this.active, ...{ id: this.blank_layer("").id, name, locked: false }, plane: copy_plane(this.active.plane) });
  }

  /** The last layer is never removed. */
  remove(label: string, id: string): boolean {
    const at = this.layers.findIndex((layer) => layer.id === id);
    if (at < 0 || this.layers.length < 2 || this.layers[at]!.locked) return false;
    const layers = this.layers.filter((layer) => layer.id !== id);
    const active = this.structure.active === id ? layers[Math.max(0, at - 1)]!.id : this.structure.active;
    this.restructure(label, { layers, active });
    return true;
  }

  /** Moves a layer up (+1) or down (-1). */
  reorder(label: string, id: string, by: number): boolean {
    const at = this.layers.findIndex((layer) => layer.id === id);
    const to = at + by;
    if (at < 0 || to < 0 || to >= this.layers.length) return false;
    const layers = [...this.layers];
    layers.splice(to, 0, ...layers.splice(at, 1));
    this.restructure(label, { layers });
    return true;
  }

  change(label: string, id: string, values: LayerSettings): void {
    this.restructure(label, { layers: this.with_values(id, values) });
  }

  /** As change while a slider moves: shown at once; the next `change` becomes one step for all of it. */
  preview(id: string, values: LayerSettings): void {
    this.previewed ??= this.structure;
    this.structure = { ...this.structure, layers: this.with_values(id, values) };
    this.recompose(whole_of(this));
  }

  private with_values(id: string, values: LayerSettings): InkLayer[] {
    return this.layers.map((layer) => (layer.id === id ? { ...layer, ...values } : layer));
  }

  /** A layer and the one below become one. */
  merge_down(label: string, id: string): boolean {
    const at = this.layers.findIndex((layer) => layer.id === id);
    const [below, above] = [this.layers[at - 1], this.layers[at]];
    if (!below || !above || below.locked || above.locked) return false;
    const plane = byte_plane(this.width, this.height);
    for (const layer of [below, above]) if (layer.visible) add_ink(plane.data, layer, whole_of(this), this.width);
    const merged: InkLayer = { ...below, plane, opacity: 1, visible: true };
    this.restructure(label, { layers: [...this.layers.slice(0, at - 1), merged, ...this.layers.slice(at + 1)], active: merged.id });
    return true;
  }

  /** Another map of the annotator (or none). What was rubbed out stays so. */
  set_base(label: string, plane: Plane<Uint8Array> | null, record = true): void {
    const old = this.structure.base;
    const base = plane && { plane, erased: old?.erased ?? byte_plane(this.width, this.height), visible: old?.visible ?? true, locked: old?.locked ?? false };
    if (record) return this.restructure(label, { base });
    this.structure = { ...this.structure, base };
    this.recompose(whole_of(this));
  }

  change_base(label: string, values: Partial<Pick<BaseMap, "visible" | "locked">>): void {
    if (this.structure.base) this.restructure(label, { base: { ...this.structure.base, ...values } });
  }

  // --- result ---

  undo(): Rect | null {
    return this.after_move(this.history.undo());
  }
  redo(): Rect | null {
    return this.after_move(this.history.redo());
  }

  private after_move(change: ReturnType<History["undo"]>): Rect | null {
    if (!change) return null;
    if (change.structure) return whole_of(this);
    const rect = [...change.rects.values()].reduce(unite, { ...NOWHERE });
    this.recompose(rect);
    return rect;
  }

  get is_blank(): boolean {
    return !this.composed.data.some((value) => value > 0);
  }

  recompose(rect: Rect): void {
    const r = clip(rect, this);
    if (is_empty(r)) return;
    const out = this.composed.data;
    const base = this.structure.base;
    each(r, this.width, (i) => {
      out[i] = base?.visible ? Math.min(base.plane.data[i]!, 255 - base.erased.data[i]!) : 0;
    });
    for (const layer of this.structure.layers) if (layer.visible) add_ink(out, layer, r, this.width);
  }
}

/** The control map of a drawing: white on black. This is the only place where drawn ink becomes a map. */
export function control_map(drawing: Drawing): Plane<Uint8Array> {
  return { width: drawing.width, height: drawing.height, data: drawing.composed.data.slice() };
}

function add_ink(out: Uint8Array, layer: InkLayer, r: Rect, width: number): void {
  const ink = layer.plane.data;
  each(r, width, (i) => {
    const value = layer.opacity >= 1 ? ink[i]! : Math.round(ink[i]! * layer.opacity);
    if (value > out[i]!) out[i] = value;
  });
}

function each(r: Rect, width: number, visit: (index: number) => void): void {
  for (let y = r.y0; y < r.y1; ++y) for (let i = y * width + r.x0, end = y * width + r.x1; i < end; ++i) visit(i);
}
