// SPDX-License-Identifier: Apache-2.0
// Undo and redo for rasters: a step keeps only the tiles that changed, packed. No DOM.
import { clip, type Plane, type Rect, unite, NOWHERE } from "./raster.ts";

export const UNDO_STEPS = 200;
/** Fewer steps are kept only when they hold more than this. */
export const UNDO_BYTES = 384 * 1024 * 1024;
const TILE = 64;

/** Samples as runs (value, length) where that is shorter, else as they are. */
interface Packed {
  runs: boolean;
  data: Uint8Array | Uint16Array;
}

interface Tile {
  plane: Plane;
  rect: Rect;
  before: Packed;
}

/** What an undo or redo changed: the editor redraws this part. */
export interface Change {
  label: string;
  rects: Map<Plane, Rect>;
  /** The structure (layers, settings) changed, not only pixels. */
  structure: boolean;
}

interface Step {
  label: string;
  tiles: Tile[];
  bytes: number;
  structure?: { undo: () => void; redo: () => void };
}

function read_tile(plane: Plane, r: Rect): Uint8Array | Uint16Array {
  const width = r.x1 - r.x0;
  const out = plane.data instanceof Uint16Array ? new Uint16Array(width * (r.y1 - r.y0)) : new Uint8Array(width * (r.y1 - r.y0));
  for (let y = r.y0; y < r.y1; ++y)
    out.set(plane.data.subarray(y * plane.width + r.x0, y * plane.width + r.x1), (y - r.y0) * width);
  return out;
}

function write_tile(plane: Plane, r: Rect, samples: Uint8Array | Uint16Array): void {
  const width = r.x1 - r.x0;
  for (let y = r.y0; y < r.y1; ++y)
    plane.data.set(samples.subarray((y - r.y0) * width, (y - r.y0 + 1) * width), y * plane.width + r.x0);
}

/** Packs samples; the runs are 16 bits wide, so a tile of one colour takes four bytes. */
export function pack(samples: Uint8Array | Uint16Array): Packed {
  const limit = samples.byteLength / 4;
  const runs: number[] = [];
  for (let i = 0; i < samples.length; ) {
    let end = i + 1;
    while (end < samples.length && samples[end] === samples[i] && end - i < 65535) ++end;
    runs.push(samples[i]!, end - i);
    if (runs.length >= limit) return { runs: false, data: samples.slice() };
    i = end;
  }
  return { runs: true, data: Uint16Array.from(runs) };
}

export function unpack(packed: Packed, like: Uint8Array | Uint16Array, length: number): Uint8Array | Uint16Array {
  if (!packed.runs) return packed.data;
  const out = like instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < packed.data.length; i += 2) {
    out.fill(packed.data[i]!, at, at + packed.data[i + 1]!);
    at += packed.data[i + 1]!;
  }
  return out;
}

function same(a: Uint8Array | Uint16Array, b: Uint8Array | Uint16Array): boolean {
  for (let i = 0; i < a.length; ++i) if (a[i] !== b[i]) return false;
  return true;
}

/** The steps of one editor. Call begin, then touch before each change of pixels, then commit. */
export class History {
  private done: Step[] = [];
  private undone: Step[] = [];
  private open: { label: string; tiles: Map<Plane, Map<number, { rect: Rect; samples: Uint8Array | Uint16Array }>> } | null = null;

  constructor(
    private readonly maxSteps = UNDO_STEPS,
    private readonly maxBytes = UNDO_BYTES,
  ) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }
  get canRedo(): boolean {
    return this.undone.length > 0;
  }
  get isOpen(): boolean {
    return this.open !== null;
  }
  get undoLabel(): string {
    return this.done.at(-1)?.label ?? "";
  }
  get redoLabel(): string {
    return this.undone.at(-1)?.label ?? "";
  }
  get steps(): number {
    return this.done.length;
  }
  get bytes(): number {
    return [...this.done, ...this.undone].reduce((sum, step) => sum + step.bytes, 0);
  }

  begin(label: string): void {
    if (this.open) this.commit();
    this.open = { label, tiles: new Map() };
  }

  /** Remembers the pixels of a rectangle, which are about to change. */
  touch(plane: Plane, rect: Rect): void {
    if (!this.open) throw new Error("History.touch outside of a step");
    const r = clip(rect, plane);
    let tiles = this.open.tiles.get(plane);
    if (!tiles) this.open.tiles.set(plane, (tiles = new Map()));
    const columns = Math.ceil(plane.width / TILE);
    for (let ty = Math.floor(r.y0 / TILE); ty * TILE < r.y1; ++ty) {
      for (let tx = Math.floor(r.x0 / TILE); tx * TILE < r.x1; ++tx) {
        const key = ty * columns + tx;
        if (tiles.has(key)) continue;
        const box = clip({ x0: tx * TILE, y0: ty * TILE, x1: (tx + 1) * TILE, y1: (ty + 1) * TILE }, plane);
        tiles.set(key, { rect: box, samples: read_tile(plane, box) });
      }
    }
  }

  /** Ends the step; false when no pixel changed, and then no step is kept. */
  commit(): boolean {
    if (!this.open) return false;
    const { label, tiles } = this.open;
    this.open = null;
    const kept: Tile[] = [];
    for (const [plane, touched] of tiles)
      for (const { rect, samples } of touched.values())
        if (!same(samples, read_tile(plane, rect))) kept.push({ plane, rect, before: pack(samples) });
    if (!kept.length) return false;
    this.push({ label, tiles: kept, bytes: kept.reduce((sum, tile) => sum + tile.before.data.byteLength, 0) });
    return true;
  }

  /** Puts back what the open step changed. */
  cancel(): Map<Plane, Rect> {
    const rects = new Map<Plane, Rect>();
    for (const [plane, touched] of this.open?.tiles ?? [])
      for (const { rect, samples } of touched.values()) {
        write_tile(plane, rect, samples);
        rects.set(plane, unite(rects.get(plane) ?? NOWHERE, rect));
      }
    this.open = null;
    return rects;
  }

  /** A step of another kind (a layer added, a line moved), already done. `bytes`: what its functions keep alive. */
  record(label: string, undo: () => void, redo: () => void, bytes = 64): void {
    this.push({ label, tiles: [], bytes, structure: { undo, redo } });
  }

  undo(): Change | null {
    return this.move(this.done, this.undone, "undo");
  }
  redo(): Change | null {
    return this.move(this.undone, this.done, "redo");
  }

  clear(): void {
    this.done = [];
    this.undone = [];
    this.open = null;
  }

  private push(step: Step): void {
    this.undone = [];
    this.done.push(step);
    let bytes = this.bytes;
    while (this.done.length > this.maxSteps || (bytes > this.maxBytes && this.done.length > 1))
      bytes -= this.done.shift()!.bytes;
  }

  private move(from: Step[], to: Step[], way: "undo" | "redo"): Change | null {
    if (this.open) this.commit();
    const step = from.pop();
    if (!step) return null;
    const rects = new Map<Plane, Rect>();
    for (const tile of step.tiles) {
      const now = read_tile(tile.plane, tile.rect);
      write_tile(tile.plane, tile.rect, unpack(tile.before, now, now.length));
      tile.before = pack(now);
      rects.set(tile.plane, unite(rects.get(tile.plane) ?? NOWHERE, tile.rect));
    }
    step.bytes = step.tiles.length ? step.tiles.reduce((sum, tile) => sum + tile.before.data.byteLength, 0) : step.bytes;
    step.structure?.[way]();
    to.push(step);
    return { label: step.label, rects, structure: step.structure !== undefined };
  }
}
