// SPDX-License-Identifier: Apache-2.0
// The work on straight lines: selection, dragging, drawing, undo, and how they are stored. No DOM.
import { KnownMaps } from "./documents.ts";
import { History } from "./history.ts";
import { length_of, line_map, type LinePart, pick, type Segment, snap, type SnapOptions, type Snapped } from "./lines.ts";
import { encodeGray } from "./png.ts";
import type { Plane, Point } from "./raster.ts";
import { contain } from "./resample.ts";
import type { Contact } from "./use_pointers.ts";
import type { Size } from "./view.ts";

export type LineTool = "select" | "draw" | "erase" | "vanishing" | "hand";

export interface SnapSettings {
  ends: boolean;
  /** Degrees; 0: free. */
  angle: number;
  vanishing: boolean;
}

export interface LinesDocument {
  type: "lines";
  version: 1;
  width: number;
  height: number;
  /** x1, y1, x2, y2 of each line. */
  segments: [number, number, number, number][];
  vanishing: [number, number][];
  known: string[];
}

type Drag =
  | { kind: "end"; id: number; part: "start" | "end"; before: readonly Segment[] }
  | { kind: "move"; from: Point; before: readonly Segment[] }
  | { kind: "draw"; id: number; before: readonly Segment[] }
  | { kind: "erase"; before: readonly Segment[] }
  | { kind: "marquee"; from: Point; to: Point; selected: ReadonlySet<number> };

export class LineWork {
  segments: readonly Segment[] = [];
  vanishing: readonly Point[] = [];
  selected: ReadonlySet<number> = new Set();
  readonly history = new History();
  /** What the moving end last snapped to, for the eye. */
  snapped: Snapped | null = null;
  drag: Drag | null = null;
  private nextId = 1;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {}

  // --- lists ---

  /** Takes lines without ids. */
  fill(lines: readonly Omit<Segment, "id">[]): void {
    this.segments = lines.map((line) => ({ ...line, id: this.nextId++ }));
    this.selected = new Set();
  }

  private record(label: string, before: readonly Segment[], after: readonly Segment[]): void {
    this.history.record(label, () => this.put(before), () => this.put(after), 64 + 48 * Math.abs(after.length - before.length));
  }

  private put(segments: readonly Segment[]): void {
    this.segments = segments;
    this.selected = new Set([...this.selected].filter((id) => segments.some((s) => s.id === id)));
  }

  /** Changes the list as one step. */
  change(label: string, next: readonly Segment[]): void {
    const before = this.segments;
    this.put(next);
    this.record(label, before, next);
  }

  remove_selected(label: string): number {
    const count = this.selected.size;
    if (count) this.change(label, this.segments.filter((s) => !this.selected.has(s.id)));
    return count;
  }

  remove_short(label: string, shortest: number): number {
    const next = this.segments.filter((s) => length_of(s) >= shortest);
    const count = this.segments.length - next.length;
    if (count) this.change(label, next);
    return count;
  }

  nudge(label: string, dx: number, dy: number): void {
    if (!this.selected.size) return;
    this.change(label, this.segments.map((s) => (this.selected.has(s.id) ? moved(s, dx, dy) : s)));
  }

  move_end(label: string, id: number, part: "start" | "end", p: Point): void {
    this.change(label, this.with_end(this.segments, id, part, p));
  }

  private with_end(segments: readonly Segment[], id: number, part: "start" | "end", p: Point): Segment[] {
    const [x, y] = [Math.round(Math.min(this.width - 1, Math.max(0, p.x))), Math.round(Math.min(this.height - 1, Math.max(0, p.y)))];
    return segments.map((s) => (s.id !== id ? s : part === "start" ? { ...s, x1: x, y1: y } : { ...s, x2: x, y2: y }));
  }

  /** Selects the line after (or before) the selected one, for those who use keys. */
  step_selection(by: 1 | -1): Segment | null {
    if (!this.segments.length) return null;
    const at = this.segments.findIndex((s) => this.selected.has(s.id));
    const next = this.segments[(at + by + this.segments.length + (at < 0 && by < 0 ? 1 : 0)) % this.segments.length]!;
    this.selected = new Set([next.id]);
    return next;
  }

  set_vanishing(label: string, next: readonly Point[]): void {
    const before = this.vanishing;
    this.vanishing = next;
    this.history.record(label, () => (this.vanishing = before), () => (this.vanishing = next));
  }

  // --- pointer ---

  down(contact: Contact, tool: LineTool, settings: SnapSettings): void {
    const p = on_pixel(contact);
    if (tool === "draw") return this.begin_line(p, contact, settings);
    if (tool === "erase" || contact.eraser) {
      this.drag = { kind: "erase", before: this.segments };
      return this.erase_at(p, contact.reach);
    }
    const hit = pick(this.segments, p, contact.reach);
    if (!hit) {
      this.drag = { kind: "marquee", from: contact, to: contact, selected: contact.shift ? this.selected : new Set() };
      this.selected = this.drag.selected;
      return;
    }
    this.grab(hit, contact, p);
  }

  private grab(hit: { id: number; part: LinePart }, contact: Contact, p: Point): void {
    if (contact.shift) {
      const next = new Set(this.selected);
      if (!next.delete(hit.id)) next.add(hit.id);
      this.selected = next;
      return;
    }
    if (!this.selected.has(hit.id)) this.selected = new Set([hit.id]);
    this.drag =
      hit.part === "middle" || this.selected.size > 1
        ? { kind: "move", from: p, before: this.segments }
        : { kind: "end", id: hit.id, part: hit.part, before: this.segments };
  }

  private begin_line(p: Point, contact: Contact, settings: SnapSettings): void {
    const from = snap(null, p, this.segments, this.options(settings, contact));
    const [x, y] = [Math.round(from.x), Math.round(from.y)];
    const before = this.segments;
    const line = { id: this.nextId++, x1: x, y1: y, x2: x, y2: y };
    this.segments = [...before, line];
    this.selected = new Set([line.id]);
    this.drag = { kind: "draw", id: line.id, before };
  }

  private options(settings: SnapSettings, contact: Contact): SnapOptions {
    // Shift asks for straight angles, Alt for no snapping at all.
    if (contact.alt) return { ends: 0, angle: 0, vanishing: [], vanishingReach: 0 };
    return {
      ends: settings.ends ? contact.reach : 0,
      angle: contact.shift ? 15 : settings.angle,
      vanishing: settings.vanishing ? this.vanishing : [],
      vanishingReach: contact.shift ? 0 : 4,
    };
  }

  move(contact: Contact, settings: SnapSettings): void {
    const { drag } = this;
    if (!drag) return;
    const p = on_pixel(contact);
    if (drag.kind === "erase") this.erase_at(p, contact.reach);
    else if (drag.kind === "marquee") this.drag_marquee(drag, contact);
    else if (drag.kind === "move") {
      const [dx, dy] = [Math.round(p.x - drag.from.x), Math.round(p.y - drag.from.y)];
      this.segments = drag.before.map((s) => (this.selected.has(s.id) ? moved(s, dx, dy) : s));
    } else {
      const line = this.segments.find((s) => s.id === drag.id);
      if (!line) return;
      const part = drag.kind === "draw" ? "end" : drag.part;
      const anchor = part === "start" ? { x: line.x2, y: line.y2 } : { x: line.x1, y: line.y1 };
      const others = this.segments.filter((s) => s.id !== drag.id);
      this.snapped = snap(anchor, p, others, this.options(settings, contact));
      this.segments = this.with_end(this.segments, drag.id, part, this.snapped);
    }
  }

  private drag_marquee(drag: Drag & { kind: "marquee" }, to: Point): void {
    this.drag = { ...drag, to };
    const [x0, x1] = [Math.min(drag.from.x, to.x), Math.max(drag.from.x, to.x)];
    const [y0, y1] = [Math.min(drag.from.y, to.y), Math.max(drag.from.y, to.y)];
    const inside = (x: number, y: number) => x >= x0 && x <= x1 && y >= y0 && y <= y1;
    const hit = this.segments.filter((s) => inside(s.x1, s.y1) && inside(s.x2, s.y2)).map((s) => s.id);
    this.selected = new Set([...drag.selected, ...hit]);
  }

  private erase_at(p: Point, reach: number): void {
    const hit = pick(this.segments, p, Math.max(3, reach * 0.7));
    if (hit) this.put(this.segments.filter((s) => s.id !== hit.id));
  }

  /** True when the lines changed. */
  up(label: string): boolean {
    const { drag } = this;
    this.drag = null;
    this.snapped = null;
    if (!drag || drag.kind === "marquee") return false;
    if (drag.kind === "draw") {
      const line = this.segments.find((s) => s.id === drag.id);
      if (line && length_of(line) < 2) {
        this.put(drag.before);
        return false;
      }
    }
    if (same_lines(drag.before, this.segments)) {
      this.segments = drag.before;
      return false;
    }
    this.record(label, drag.before, this.segments);
    return true;
  }

  cancel(): void {
    if (this.drag && this.drag.kind !== "marquee") this.put(this.drag.before);
    this.drag = null;
    this.snapped = null;
  }

  // --- result ---

  map(): Plane<Uint8Array> {
    return line_map(this.segments, this.width, this.height);
  }

  async png(): Promise<Uint8Array> {
    return encodeGray(this.map().data, this.width, this.height);
  }

  store(known: string[]): LinesDocument {
    return {
      type: "lines",
      version: 1,
      width: this.width,
      height: this.height,
      segments: this.segments.map((s) => [s.x1, s.y1, s.x2, s.y2]),
      vanishing: this.vanishing.map((p) => [p.x, p.y]),
      known,
    };
  }
}

/** Whole numbers are the middles of pixels; a contact's are their corners. */
function on_pixel(p: Point): Point {
  return { x: p.x - 0.5, y: p.y - 0.5 };
}

function moved(s: Segment, dx: number, dy: number): Segment {
  return { ...s, x1: s.x1 + dx, y1: s.y1 + dy, x2: s.x2 + dx, y2: s.y2 + dy };
}

function same_lines(a: readonly Segment[], b: readonly Segment[]): boolean {
  return a.length === b.length && a.every((s, i) => s.id === b[i]!.id && s.x1 === b[i]!.x1 && s.y1 === b[i]!.y1 && s.x2 === b[i]!.x2 && s.y2 === b[i]!.y2);
}

export function is_lines_document(value: unknown): value is LinesDocument {
  const document = value as Partial<LinesDocument> | null | undefined;
  return document?.type === "lines" && document.version === 1 && Array.isArray(document.segments);
}

/** Stored lines, fitted whole into the size. */
export function load_lines(document: LinesDocument, size: Size): { work: LineWork; known: KnownMaps } {
  const work = new LineWork(size.width, size.height);
  const from = { width: Math.max(1, Number(document.width) || size.width), height: Math.max(1, Number(document.height) || size.height) };
  const place = contain(from, size);
  const scale = place.width / from.width;
  const x = (value: number) => place.x + value * scale;
  const y = (value: number) => place.y + value * scale;
  const usable = document.segments.filter((s) => Array.isArray(s) && s.length === 4 && s.every(Number.isFinite));
  work.fill(usable.map(([x1, y1, x2, y2]) => ({ x1: Math.round(x(x1)), y1: Math.round(y(y1)), x2: Math.round(x(x2)), y2: Math.round(y(y2)) })));
  work.vanishing = (document.vanishing ?? []).filter((p) => p?.every(Number.isFinite)).map(([px, py]) => ({ x: x(px), y: y(py) }));
  return { work, known: new KnownMaps(document.known) };
}
