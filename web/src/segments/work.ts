// SPDX-License-Identifier: Apache-2.0
// The work on a map of classes: its tools, and how it is stored. No DOM.
import { bytes_of, KnownMaps } from "../stage/documents.ts";
import { decodePng, encodeIndexed } from "../stage/png.ts";
import { NOWHERE, type Point, type Rect, unite } from "../stage/raster.ts";
import { fitted } from "../stage/resample.ts";
import { constrain, from_centre, outline } from "../stage/shapes.ts";
import { Stroke } from "../stage/stroke.ts";
import type { Contact } from "../stage/use_pointers.ts";
import type { Size } from "../stage/view.ts";
import { import_png } from "./import.ts";
import { SegmentMap } from "./map.ts";
import { ADE, type Palette, png_palette, read_palette, UNLABELLED } from "./palette.ts";

export type SegTool = "brush" | "eraser" | "polygon" | "lasso" | "rectangle" | "ellipse" | "fill" | "pick" | "hand";

export interface SegSettings {
  /** Diameter, 1..256 pixels. */
  size: number;
  /** 0..1. */
  smoothing: number;
  /** The bucket takes all pixels of the class, wherever they are. */
  everywhere: boolean;
  /** Openings of this width do not let the bucket out. */
  gap: number;
}

export const SEG_DEFAULTS: Readonly<SegSettings> = { size: 32, smoothing: 0.1, everywhere: false, gap: 0 };

export interface SegmentsDocument {
  type: "segments";
  version: 1;
  width: number;
  height: number;
  /** Indexed PNG, the same as the map. */
  png: Uint8Array;
  /** JSON of a palette other than ADE20K. */
  palette?: string;
  locked: number[];
  known: string[];
}

export interface SegWork {
  map: SegmentMap;
  palette: Palette;
  known: KnownMaps;
}

export function blank_segments(size: Size, palette: Palette = ADE): SegWork {
  return { map: new SegmentMap(size.width, size.height), palette, known: new KnownMaps() };
}

export async function segments_png({ map, palette }: SegWork): Promise<Uint8Array> {
  return encodeIndexed(map.plane.data.slice(), png_palette(palette), map.width, map.height);
}

export function store_segments({ map, palette, known }: SegWork, png: Uint8Array): SegmentsDocument {
  const other = palette === ADE ? {} : { palette: JSON.stringify({ name: palette.name, classes: palette.classes.map(({ name, rgb, zh }) => ({ name, rgb, ...(zh ? { zh } : {}) })) }) };
  return { type: "segments", version: 1, width: map.width, height: map.height, png, ...other, locked: [...map.locked], known: known.list() };
}

export function is_segments_document(value: unknown): value is SegmentsDocument {
  const document = value as Partial<SegmentsDocument> | null | undefined;
  return document?.type === "segments" && document.version === 1;
}

export async function load_segments(document: SegmentsDocument, size: Size): Promise<SegWork> {
  const palette = typeof document.palette === "string" ? read_palette(document.palette) : ADE;
  const bytes = bytes_of(document.png);
  const work = blank_segments(size, palette);
  if (bytes) work.map.plane.data.set(fitted(import_png(await decodePng(bytes), palette).plane, size, UNLABELLED, true).data);
  for (const index of document.locked ?? []) work.map.locked.add(index);
  return { ...work, known: new KnownMaps(document.known) };
}

export interface SegHost {
  settings(): SegSettings;
  tool(): SegTool;
  /** Class that is painted. */
  current(): number;
  pick(index: number): void;
  label(tool: SegTool): string;
  redraw(rect: Rect): void;
  finished(): void;
  /** The preview changed. */
  shown(): void;
}

export class SegTools {
  /** The area that is being drawn, as points. */
  preview: Point[] = [];
  /** Corners of a polygon that is not closed yet. */
  corners: Point[] = [];
  private stroke: Stroke | null = null;
  private start: Point | null = null;
  private lasso: Point[] = [];
  private picking = false;
  private erasing = false;

  constructor(
    readonly map: SegmentMap,
    private readonly host: SegHost,
  ) {}

  private value(): number {
    return this.erasing ? UNLABELLED : this.host.current();
  }

  down(contact: Contact): void {
    const tool = this.host.tool();
    this.erasing = tool === "eraser" || contact.eraser;
    if (tool === "hand") return;
    if (tool === "pick" || (contact.alt && (tool === "brush" || tool === "fill"))) {
      this.picking = true;
      return this.pick(contact);
    }
    if (tool === "polygon") return this.corner(contact);
    if (tool === "brush" || tool === "eraser") {
      this.map.history.begin(this.host.label(tool));
      this.stroke = new Stroke({ size: this.host.settings().size, smoothing: this.host.settings().smoothing, pressure: false });
      this.host.redraw(this.map.stroke(this.stroke.begin(contact), this.value()));
    } else if (tool === "fill") {
      this.map.history.begin(this.host.label(tool));
      const { everywhere, gap } = this.host.settings();
      this.host.redraw(this.map.fill(contact, this.value(), { everywhere, gap }));
      this.map.history.commit();
      this.host.finished();
    } else if (tool === "lasso") this.lasso = [{ x: contact.x, y: contact.y }];
    else this.start = { x: contact.x, y: contact.y };
  }

  private pick(p: Point): void {
    const index = this.map.at(p);
    if (index !== UNLABELLED) this.host.pick(index);
  }

  move(contacts: readonly Contact[]): void {
    const last = contacts.at(-1);
    if (!last) return;
    if (this.picking) return this.pick(last);
    if (this.stroke) {
      let changed: Rect = { ...NOWHERE };
      for (const contact of contacts) {
        const dabs = this.stroke.push(contact);
        if (dabs.length) changed = unite(changed, this.map.stroke(dabs, this.value()));
      }
      this.host.redraw(changed);
    } else if (this.lasso.length) {
      this.lasso.push(...contacts.map(({ x, y }) => ({ x, y })));
      this.show(this.lasso);
    } else if (this.start) {
      const kind = this.host.tool() as "rectangle" | "ellipse";
      const to = last.shift ? constrain(kind, this.start, last) : last;
      this.show(outline(kind, last.alt ? from_centre(this.start, to) : this.start, to));
    }
  }

  /** While a polygon is being drawn: the side that follows the pointer. */
  hover(contact: Contact | null): void {
    if (this.corners.length && contact) this.show([...this.corners, { x: contact.x, y: contact.y }]);
  }

  private show(points: Point[]): void {
    this.preview = points;
    this.host.shown();
  }

  up(): void {
    if (this.picking) {
      this.picking = false;
      return;
    }
    if (this.stroke) {
      this.host.redraw(this.map.stroke(this.stroke.end(), this.value()));
      this.stroke = null;
      this.map.history.commit();
      this.host.finished();
    } else if (this.lasso.length || this.start) {
      this.area(this.preview);
      this.lasso = [];
      this.start = null;
    }
  }

  private area(points: readonly Point[]): void {
    const tool = this.host.tool();
    this.preview = [];
    if (points.length > 2) {
      this.map.history.begin(this.host.label(tool));
      this.host.redraw(this.map.polygon(points, this.value()));
      this.map.history.commit();
      this.host.finished();
    } else this.host.shown();
  }

  // --- polygons: one corner with each press ---

  private corner(contact: Contact): void {
    const first = this.corners[0];
    if (first && this.corners.length > 2 && Math.hypot(first.x - contact.x, first.y - contact.y) <= contact.reach * 1.5) {
      this.close();
      return;
    }
    const last = this.corners.at(-1);
    // The second press of a double click closes the polygon.
    if (last && Math.hypot(last.x - contact.x, last.y - contact.y) < 1 && this.corners.length > 2) {
      this.close();
      return;
    }
    const p = last && contact.shift ? constrain("line", last, contact) : { x: contact.x, y: contact.y };
    this.corners = [...this.corners, p];
    this.show(this.corners);
  }

  close(): boolean {
    if (this.corners.length < 3) return false;
    const points = this.corners;
    this.corners = [];
    this.area(points);
    return true;
  }

  remove_corner(): boolean {
    if (!this.corners.length) return false;
    this.corners = this.corners.slice(0, -1);
    this.show(this.corners);
    return true;
  }

  discard(): boolean {
    if (!this.corners.length) return false;
    this.corners = [];
    this.show([]);
    return true;
  }

  cancel(): void {
    this.picking = false;
    this.stroke = null;
    this.lasso = [];
    this.start = null;
    this.preview = this.corners;
    const changed = this.map.history.cancel().get(this.map.plane);
    if (changed) this.host.redraw(changed);
    this.host.shown();
  }
}
