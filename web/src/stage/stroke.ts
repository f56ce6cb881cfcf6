// SPDX-License-Identifier: Apache-2.0
// From pointer samples to dabs: pressure becomes width, a trailing average smooths the hand, curves fill the gaps. No DOM.
import type { Dab, Point } from "./raster.ts";

/** One position of a pointer in pixels of the drawing. */
export interface Sample extends Point {
  /** 0..1; 1 for devices that do not measure it. */
  pressure: number;
}

export interface StrokeOptions {
  /** Diameter at full pressure, pixels. */
  size: number;
  /** 0 follows the hand exactly, 1 smooths most. */
  smoothing: number;
  /** Whether pressure changes the width. */
  pressure: boolean;
}

/** Part of the diameter that is left at pressure 0, so that a light touch still draws. */
const LIGHTEST = 0.15;

/** What a pointer reports as pressure is a measurement only for pens; a mouse says 0.5, a finger 0 or 1. */
export function useful_pressure(pointerType: string, pressure: number): number {
  if (pointerType !== "pen" || !(pressure > 0)) return pointerType === "pen" ? 0 : 1;
  return Math.min(1, pressure);
}

/** Radius of the brush for a pressure; never thinner than one pixel. */
export function radius_for(options: StrokeOptions, pressure: number): number {
  const share = options.pressure ? LIGHTEST + (1 - LIGHTEST) * Math.pow(Math.min(1, Math.max(0, pressure)), 0.8) : 1;
  return Math.max(0.5, (options.size * share) / 2);
}

/**
 * A stroke while it is drawn. `begin`, `push` and `end` return the dabs that are new; the first of them repeats the last one
 * returned before, so that a sweep over each list leaves no gap. The result does not depend on how samples are grouped.
 */
export class Stroke {
  private last: Sample = { x: 0, y: 0, pressure: 0 };
  private smooth: Sample = { x: 0, y: 0, pressure: 0 };
  private previous: Dab = { x: 0, y: 0, radius: 1 };
  private tip: Dab = { x: 0, y: 0, radius: 1 };

  constructor(private readonly options: StrokeOptions) {}

  begin(sample: Sample): Dab[] {
    this.last = this.smooth = sample;
    this.previous = this.tip = this.dab(sample);
    return [this.tip];
  }

  push(sample: Sample): Dab[] {
    if (sample.x === this.last.x && sample.y === this.last.y && sample.pressure <= this.last.pressure) return [];
    this.last = sample;
    const keep = Math.min(0.93, this.options.smoothing * 0.93);
    // Pressure lags less than position: a quick change of width is meant.
    this.smooth = mix(sample, this.smooth, keep, keep * 0.6);
    return this.extend(this.dab(this.smooth));
  }

  /** Runs the rest of the way, since a smoothed stroke lags behind the hand. */
  end(): Dab[] {
    const goal = { ...this.dab(this.smooth), x: this.last.x, y: this.last.y };
    const rest = this.extend(goal);
    const out = [...(rest.length ? rest : [this.tip]), goal];
    this.tip = goal;
    return out;
  }

  private dab(sample: Sample): Dab {
    return { x: sample.x, y: sample.y, radius: radius_for(this.options, sample.pressure) };
  }

  /** A quadratic curve from the last middle of two points to the next one, with the point between as control. */
  private extend(next: Dab): Dab[] {
    const control = this.previous;
    const goal = { x: (control.x + next.x) / 2, y: (control.y + next.y) / 2, radius: (control.radius + next.radius) / 2 };
    const from = this.tip;
    const length = Math.hypot(control.x - from.x, control.y - from.y) + Math.hypot(goal.x - control.x, goal.y - control.y);
    const pieces = Math.min(64, Math.max(1, Math.ceil(length / 2)));
    const out: Dab[] = [from];
    for (let i = 1; i <= pieces; ++i) {
      const t = i / pieces;
      const [a, b, c] = [(1 - t) * (1 - t), 2 * t * (1 - t), t * t];
      out.push({
        x: a * from.x + b * control.x + c * goal.x,
        y: a * from.y + b * control.y + c * goal.y,
        radius: a * from.radius + b * control.radius + c * goal.radius,
      });
    }
    this.previous = next;
    this.tip = goal;
    return out;
  }
}

function mix(now: Sample, before: Sample, keep: number, keepPressure: number): Sample {
  return {
    x: before.x * keep + now.x * (1 - keep),
    y: before.y * keep + now.y * (1 - keep),
    pressure: before.pressure * keepPressure + now.pressure * (1 - keepPressure),
  };
}
