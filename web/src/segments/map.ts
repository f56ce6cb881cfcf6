// SPDX-License-Identifier: Apache-2.0
// A map of classes: one index for each pixel, brushes with hard edges, bucket, morphology, statistics. No DOM.
import { flood, flood_closing_gaps } from "../stage/fill.ts";
import { History } from "../stage/history.ts";
import { box_of, byte_plane, type Dab, dilate, fill_polygon, is_empty, NOWHERE, type Plane, type Point, type Rect, sweep, sweep_bounds, unite, whole_of } from "../stage/raster.ts";
import { UNLABELLED } from "./palette.ts";

export class SegmentMap {
  readonly width: number;
  readonly height: number;
  readonly plane: Plane<Uint8Array>;
  readonly history = new History();
  /** Classes whose pixels nothing changes. */
  readonly locked = new Set<number>();

  constructor(width: number, height: number, plane = byte_plane(width, height, UNLABELLED)) {
    this.width = width;
    this.height = height;
    this.plane = plane;
  }

  at(p: Point): number {
    const [x, y] = [Math.floor(p.x), Math.floor(p.y)];
    return x < 0 || y < 0 || x >= this.width || y >= this.height ? UNLABELLED : this.plane.data[y * this.width + x]!;
  }

  /** Moves a hard brush along dabs; belongs between history.begin and commit. */
  stroke(dabs: readonly Dab[], value: number): Rect {
    const steps = dabs.length === 1 ? [dabs[0]!, dabs[0]!] : dabs;
    let changed: Rect = { ...NOWHERE };
    for (let i = 0; i + 1 < steps.length; ++i) {
      const box = sweep_bounds(steps[i]!, steps[i + 1]!, this, 2);
      if (is_empty(box)) continue;
      this.history.touch(this.plane, box);
      sweep(steps[i]!, steps[i + 1]!, 1, this, (at) => this.put(at, value));
      changed = unite(changed, box);
    }
    return changed;
  }

  private put(at: number, value: number): void {
    if (!this.locked.has(this.plane.data[at]!)) this.plane.data[at] = value;
  }

  polygon(points: readonly Point[], value: number): Rect {
    const inside: number[] = [];
    const box = fill_polygon(points, this, (at) => inside.push(at));
    if (is_empty(box)) return box;
    this.history.touch(this.plane, box);
    for (const at of inside) this.put(at, value);
    return box;
  }

  /** The bucket: the area of one class around a point, or that class everywhere. `gap`: openings of its border that do not count. */
  fill(p: Point, value: number, options: { everywhere: boolean; gap: number }): Rect {
    const from = this.at(p);
    const [x, y] = [Math.floor(p.x), Math.floor(p.y)];
    if (x < 0 || y < 0 || x >= this.width || y >= this.height || from === value || this.locked.has(from)) return { ...NOWHERE };
    if (options.everywhere) return this.swap(from, value);
    const open = this.plane.data.map((index) => (index === from ? 1 : 0));
    const start = y * this.width + x;
    const area = options.gap > 0 ? flood_closing_gaps(open, this.width, this.height, start, options.gap) : flood(open, this.width, this.height, start);
    return this.mark(area, value);
  }

  /** Gives each marked pixel the class. */
  mark(area: Uint8Array, value: number): Rect {
    const box = box_of(area, this.width, this.height);
    if (is_empty(box)) return box;
    this.history.touch(this.plane, box);
    for (let i = 0; i < area.length; ++i) if (area[i]) this.put(i, value);
    return box;
  }

  /** Class `from` becomes class `to` everywhere. */
  swap(from: number, to: number): Rect {
    return this.mark(this.plane.data.map((index) => (index === from ? 1 : 0)), to);
  }

  /** Both classes change places. */
  exchange(a: number, b: number): Rect {
    if (this.locked.has(a) || this.locked.has(b)) return { ...NOWHERE };
    this.history.touch(this.plane, whole_of(this));
    for (let i = 0; i < this.plane.data.length; ++i) {
      const now = this.plane.data[i]!;
      if (now === a) this.plane.data[i] = b;
      else if (now === b) this.plane.data[i] = a;
    }
    return whole_of(this);
  }

  /** A class spreads over its neighbours by some pixels, except over locked ones. */
  grow(value: number, by: number): Rect {
    if (this.locked.has(value)) return { ...NOWHERE };
    return this.mark(dilate(this.plane.data.map((index) => (index === value ? 1 : 0)), this.width, this.height, by), value);
  }

  /** A class loses some pixels at its border; the nearest other class takes them. */
  shrink(value: number, by: number): Rect {
    if (this.locked.has(value)) return { ...NOWHERE };
    this.history.touch(this.plane, whole_of(this));
    for (let step = 0; step < by; ++step) {
      const before = this.plane.data.slice();
      for (let i = 0; i < before.length; ++i) {
        if (before[i] !== value) continue;
        const other = this.neighbours(i).map((n) => before[n]!).find((index) => index !== value && !this.locked.has(index));
        if (other !== undefined) this.plane.data[i] = other;
      }
    }
    return whole_of(this);
  }

  private neighbours(at: number): number[] {
    const x = at % this.width;
    const out: number[] = [];
    if (x > 0) out.push(at - 1);
    if (x + 1 < this.width) out.push(at + 1);
    if (at >= this.width) out.push(at - this.width);
    if (at + this.width < this.plane.data.length) out.push(at + this.width);
    return out;
  }

  /** Borders become smoother: each pixel takes the class that most pixels around it have. */
  smooth(radius: number): Rect {
    this.history.touch(this.plane, whole_of(this));
    const result = majority(this.plane, radius);
    for (let i = 0; i < result.length; ++i) if (!this.locked.has(result[i]!)) this.put(i, result[i]!);
    return whole_of(this);
  }

  /** Areas of fewer pixels than `smallest` go to the class that surrounds them most. Returns how many areas went. */
  clean(smallest: number): number {
    this.history.touch(this.plane, whole_of(this));
    const { labels, areas } = components(this.plane);
    let removed = 0;
    const goal = new Map<number, number>();
    areas.forEach((area, label) => {
      if (area.size >= smallest || this.locked.has(area.value)) return;
      let [best, most] = [-1, 0];
      for (const [value, count] of area.border) if (count > most && !this.locked.has(value)) [best, most] = [value, count];
      if (best < 0) return;
      goal.set(label, best);
      ++removed;
    });
    for (let i = 0; i < labels.length; ++i) {
      const value = goal.get(labels[i]!);
      if (value !== undefined) this.plane.data[i] = value;
    }
    return removed;
  }

  /** Pixels of each class that occurs. */
  counts(): Map<number, number> {
    const table = new Uint32Array(256);
    for (const index of this.plane.data) table[index] = table[index]! + 1;
    const out = new Map<number, number>();
    table.forEach((count, index) => count && out.set(index, count));
    return out;
  }

  undo(): Rect | null {
    return this.moved(this.history.undo());
  }
  redo(): Rect | null {
    return this.moved(this.history.redo());
  }
  private moved(change: ReturnType<History["undo"]>): Rect | null {
    return change && (change.rects.get(this.plane) ?? { ...NOWHERE });
  }
}

/** The most frequent class in the square around each pixel; with a draw the pixel keeps its own. */
export function majority(plane: Plane<Uint8Array>, radius: number): Uint8Array {
  const { width, height, data } = plane;
  const out = data.slice();
  const votes = new Uint32Array(256);
  for (let y = 0; y < height; ++y) {
    const [y0, y1] = [Math.max(0, y - radius), Math.min(height - 1, y + radius)];
    votes.fill(0);
    const column = (x: number, by: number) => {
      for (let row = y0; row <= y1; ++row) votes[data[row * width + x]!]! += by;
    };
    for (let x = 0; x < Math.min(width, radius); ++x) column(x, 1);
    for (let x = 0; x < width; ++x) {
      if (x + radius < width) column(x + radius, 1);
      if (x - radius - 1 >= 0) column(x - radius - 1, -1);
      let [best, most] = [data[y * width + x]!, votes[data[y * width + x]!]!];
      // Only classes that occur in the square can win; walking them is cheaper than walking all 256.
      if (most <= (2 * radius + 1) * (y1 - y0 + 1) * 0.5)
        for (let row = y0; row <= y1; ++row)
          for (let cx = Math.max(0, x - radius); cx <= Math.min(width - 1, x + radius); ++cx) {
            const value = data[row * width + cx]!;
            if (votes[value]! > most) [best, most] = [value, votes[value]!];
          }
      out[y * width + x] = best;
    }
  }
  return out;
}

interface Area {
  value: number;
  size: number;
  /** Pixels of each class that lie at the area's border. */
  border: Map<number, number>;
}

/** Areas of one class that hang together (4 neighbours). */
export function components(plane: Plane<Uint8Array>): { labels: Int32Array; areas: Area[] } {
  const { width, height, data } = plane;
  const labels = new Int32Array(data.length).fill(-1);
  const areas: Area[] = [];
  const stack: number[] = [];
  for (let start = 0; start < data.length; ++start) {
    if (labels[start]! >= 0) continue;
    const area: Area = { value: data[start]!, size: 0, border: new Map() };
    const label = areas.push(area) - 1;
    labels[start] = label;
    stack.push(start);
    const visit = (n: number) => {
      if (data[n] !== area.value) area.border.set(data[n]!, (area.border.get(data[n]!) ?? 0) + 1);
      else if (labels[n]! < 0) {
        labels[n] = label;
        stack.push(n);
      }
    };
    while (stack.length) {
      const at = stack.pop()!;
      ++area.size;
      const x = at % width;
      if (x > 0) visit(at - 1);
      if (x + 1 < width) visit(at + 1);
      if (at >= width) visit(at - width);
      if (at + width < width * height) visit(at + width);
    }
  }
  return { labels, areas };
}

/** Marks pixels whose right or lower neighbour has another class: the outlines of the regions. */
export function outlines(plane: Plane<Uint8Array>): Uint8Array {
  const { width, height, data } = plane;
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; ++y)
    for (let x = 0; x < width; ++x) {
      const i = y * width + x;
      if ((x + 1 < width && data[i] !== data[i + 1]) || (y + 1 < height && data[i] !== data[i + width])) out[i] = 1;
    }
  return out;
}

/** A place well inside each class's widest part, for its label, and how many pixels of the row there are of that class. */
export function label_places(plane: Plane<Uint8Array>): Map<number, Point & { length: number }> {
  const { width, height, data } = plane;
  const best = new Map<number, { at: number; depth: number }>();
  depths(plane).forEach((depth, at) => {
    if (depth > (best.get(data[at]!)?.depth ?? 0)) best.set(data[at]!, { at, depth });
  });
  best.delete(UNLABELLED);
  const out = new Map<number, Point & { length: number }>();
  for (const [value, { at }] of best) {
    const row = at - (at % width);
    let [left, right] = [at, at];
    while (left > row && data[left - 1] === value) --left;
    while (right + 1 < Math.min(row + width, width * height) && data[right + 1] === value) ++right;
    // Not further to a side than the region reaches to the other one.
    const length = 2 * Math.min(at - left, right - at) + 1;
    out.set(value, { x: (at % width) + 0.5, y: row / width + 0.5, length });
  }
  return out;
}

/** Steps from each pixel to the nearest other class or to the edge of the map; at least 1. */
function depths({ width, height, data }: Plane<Uint8Array>): Uint16Array {
  const out = new Uint16Array(data.length);
  const step = (i: number, n: number, inside: boolean) => (inside && data[n] === data[i] ? out[n]! + 1 : 1);
  for (let y = 0, i = 0; y < height; ++y) for (let x = 0; x < width; ++x, ++i) out[i] = Math.min(step(i, i - 1, x > 0), step(i, i - width, y > 0));
  for (let y = height - 1, i = data.length - 1; y >= 0; --y)
    for (let x = width - 1; x >= 0; --x, --i) out[i] = Math.min(out[i]!, step(i, i + 1, x + 1 < width), step(i, i + width, y + 1 < height));
  return out;
}
