// SPDX-License-Identifier: Apache-2.0
// Curves of a training as lines of a chart: which belong together, smoothing, scales, marks of an axis. No page in here.
import type { Curve, TrainRunDetails } from "../../api/types.ts";

export interface Series {
  name: string; // of the curve; its words are train.curve_<name>
  points: Curve;
  faint?: Curve; // drawn thin behind it: the values before smoothing
  dashed?: boolean; // a level to compare with rather than a result
}

export interface Charts {
  loss: Series[];
  obeys: Series[]; // measures of how well the map is followed, and the levels to compare them with
}

const levels = new Set(["baseline", "ceiling", "wrong_map", "without"]);

// "validation" is a measure where the run says of what, else a loss. Curves that nobody knows yet are shown beside what they resemble.
export function charts_of(run: Pick<TrainRunDetails, "curves" | "metric">): Charts {
  const charts: Charts = { loss: [], obeys: [] };
  for (const [name, points] of Object.entries(run.curves)) {
    if (!Array.isArray(points) || points.length === 0) continue;
    const clean = points.filter((point) => Number.isFinite(point[0]) && Number.isFinite(point[1]));
    if (/loss/.test(name) || (name === "validation" && !run.metric)) {
      const noisy = clean.length > 30 && name === "loss";
      charts.loss.push({ name, points: noisy ? smoothed(clean, 0.82) : clean, ...(noisy ? { faint: clean } : {}) });
    } else charts.obeys.push({ name, points: clean, dashed: levels.has(name) });
  }
  return charts;
}

// A running mean that weighs what is older by `keep` less at each step, corrected for its beginning.
export function smoothed(points: Curve, keep: number): Curve {
  let sum = 0;
  let weight = 0;
  return points.map(([step, value]) => {
    sum = sum * keep + value * (1 - keep);
    weight = weight * keep + (1 - keep);
    return [step, sum / weight];
  });
}

// At most about `most` points: of each stretch the lowest and the highest, so that no spike is lost.
export function thinned(points: Curve, most: number): Curve {
  if (points.length <= most) return points;
  const stretch = Math.ceil(points.length / (most / 2));
  const out: Curve = [];
  for (let from = 0; from < points.length; from += stretch) {
    const part = points.slice(from, from + stretch);
    let low = part[0]!;
    let high = part[0]!;
    for (const point of part) {
      if (point[1] < low[1]) low = point;
      if (point[1] > high[1]) high = point;
    }
    out.push(...(low === high ? [low] : low[0] < high[0] ? [low, high] : [high, low]));
  }
  return out;
}

// Round numbers between low and high, about `count` of them.
export function nice_ticks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough)!;
  const ticks: number[] = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-6; at += 1) ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

// 1, 2 and 5 times the powers of ten between low and high.
export function log_ticks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const factor of [1, 2, 5]) {
      const value = Number((factor * 10 ** power).toPrecision(6));
      if (value >= low * 0.999 && value <= high * 1.001) ticks.push(value);
    }
  }
  return ticks.length > 7 ? ticks.filter((value) => /^1/.test(value.toExponential())) : ticks;
}

// Of the upright axis. Between two powers of ten there is room for plain numbers only.
export function axis_ticks(low: number, high: number, log: boolean): number[] {
  const ticks = log ? log_ticks(low, high) : [];
  return ticks.length >= 3 ? ticks : nice_ticks(low, high, 4);
}

export interface Range {
  low: number;
  high: number;
}

// Of all values, with a little air; null where there are none. A logarithmic one leaves out what is not above 0.
export function range_of(series: readonly Series[], log: boolean): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const { points, faint } of series) {
    for (const [, value] of [...points, ...(faint ?? [])]) {
      if (log && value <= 0) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (!(high >= low)) return null;
  if (log) return { low: low / 1.1, high: high * 1.1 };
  const air = (high - low || Math.abs(high) || 1) * 0.06;
  return { low: low >= 0 ? Math.max(0, low - air) : low - air, high: high + air };
}

// The place of a value between 0 (low) and 1 (high).
export function part_of(value: number, range: Range, log: boolean): number {
  if (log) return Math.log(Math.max(value, range.low) / range.low) / Math.log(range.high / range.low);
  return (value - range.low) / (range.high - range.low || 1);
}

// "M0 10L5 8..." of points already in pixels.
export function line_path(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

// The point nearest to a step; null without points.
export function nearest(points: Curve, step: number): [number, number] | null {
  if (points.length === 0) return null;
  let low = 0;
  let high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle]![0] <= step) low = middle;
    else high = middle;
  }
  return Math.abs(points[low]![0] - step) <= Math.abs(points[high]![0] - step) ? points[low]! : points[high]!;
}

// 0.0214 -> "0.0214", 12345 -> "12345", 1e-6 -> "1.0e-6": as many digits as tell something.
export function short_number(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.001) return value.toExponential(1);
  if (size < 1) return Number(value.toPrecision(3)).toString();
  if (size < 100) return Number(value.toFixed(2)).toString();
  return Math.round(value).toString();
}
