// SPDX-License-Identifier: Apache-2.0
// What pointers mean: one draws, two fingers move and zoom, and once a pen was seen fingers no longer draw (the palm lies on
// the glass). No DOM: the surface passes plain values in and carries out what comes back.
import type { Point } from "./raster.ts";

export interface Press extends Point {
  id: number;
  /** "mouse", "pen" or "touch". */
  type: string;
  /** 0 main, 1 middle, 2 right, 5 the other end of a pen. */
  button: number;
  timeMs: number;
}

export type Action =
  | { kind: "start"; id: number; eraser: boolean }
  | { kind: "draw"; id: number }
  | { kind: "end"; id: number }
  | { kind: "cancel" }
  | { kind: "pan"; dx: number; dy: number }
  | { kind: "pinch"; factor: number; at: Point; dx: number; dy: number };

/** A second finger within this time, or before the first has gone far, means a pinch and no drawing. */
const PINCH_MS = 300;
const PINCH_PIXELS = 14;

interface Finger extends Press {
  startX: number;
  startY: number;
}

export class Gestures {
  private fingers = new Map<number, Finger>();
  private drawing: Finger | null = null;
  private panning: number | null = null;
  /** Set while Space is held or the hand tool is chosen: whatever presses, pans. */
  hand = false;
  private sawPen = false;

  get pen_seen(): boolean {
    return this.sawPen;
  }
  get is_drawing(): boolean {
    return this.drawing !== null;
  }
  get is_panning(): boolean {
    return this.panning !== null;
  }

  down(press: Press): Action[] {
    const finger = { ...press, startX: press.x, startY: press.y };
    if (press.type === "pen") this.sawPen = true;
    if (press.type === "touch") {
      // While the pen is down, what touches is the palm.
      if (this.drawing?.type === "pen") return [];
      this.fingers.set(press.id, finger);
      if (this.fingers.size === 2) return this.second_finger(press);
      if (this.fingers.size > 2) return [];
    }
    if (this.hand || press.button === 1 || (press.type === "touch" && this.sawPen)) {
      this.panning = press.id;
      this.fingers.set(press.id, finger);
      return [];
    }
    const eraser = press.button === 5;
    if (press.button !== 0 && !eraser) return [];
    const before: Action[] = this.drawing ? [{ kind: "cancel" }] : [];
    if (press.type === "pen") this.fingers.clear();
    this.drawing = finger;
    return [...before, { kind: "start", id: press.id, eraser }];
  }

  private second_finger(press: Press): Action[] {
    const first = this.drawing;
    if (!first) {
      this.panning = null;
      return [];
    }
    const now = this.fingers.get(first.id) ?? first;
    const far = Math.hypot(now.x - first.startX, now.y - first.startY) > PINCH_PIXELS;
    if (far && press.timeMs - first.timeMs > PINCH_MS) {
      // In the midst of a stroke a second finger is an accident.
      this.fingers.delete(press.id);
      return [];
    }
    this.drawing = null;
    return [{ kind: "cancel" }];
  }

  move(id: number, x: number, y: number): Action[] {
    const finger = this.fingers.get(id);
    const [beforeX, beforeY] = [finger?.x ?? x, finger?.y ?? y];
    if (finger && this.fingers.size >= 2 && !this.drawing && this.panning === null) {
      const other = [...this.fingers.values()].find((f) => f.id !== id)!;
      const [was, is] = [Math.hypot(beforeX - other.x, beforeY - other.y), Math.hypot(x - other.x, y - other.y)];
      this.fingers.set(id, { ...finger, x, y });
      const middle = { x: (x + other.x) / 2, y: (y + other.y) / 2 };
      return [{ kind: "pinch", factor: was > 1 && is > 1 ? is / was : 1, at: middle, dx: (x - beforeX) / 2, dy: (y - beforeY) / 2 }];
    }
    if (finger) this.fingers.set(id, { ...finger, x, y });
    if (this.panning === id) return [{ kind: "pan", dx: x - beforeX, dy: y - beforeY }];
    return this.drawing?.id === id ? [{ kind: "draw", id }] : [];
  }

  up(id: number): Action[] {
    this.fingers.delete(id);
    if (this.panning === id) this.panning = null;
    if (this.drawing?.id !== id) return [];
    this.drawing = null;
    return [{ kind: "end", id }];
  }

  /** The system took the pointer away. */
  lost(id: number): Action[] {
    const drew = this.drawing?.id === id;
    this.fingers.delete(id);
    if (this.panning === id) this.panning = null;
    if (!drew) return [];
    this.drawing = null;
    return [{ kind: "cancel" }];
  }

  /** Breaks off what is being drawn (Escape). */
  abandon(): Action[] {
    if (!this.drawing) return [];
    this.drawing = null;
    return [{ kind: "cancel" }];
  }
}
