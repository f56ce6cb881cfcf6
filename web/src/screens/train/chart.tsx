// SPDX-License-Identifier: Apache-2.0
// Curves over the steps of a training. A pointer or the arrow keys read the values at a step.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { names } from "../../design/index.ts";
import { language, t, t_or } from "../../i18n/index.ts";
import { whole } from "../parts/time.ts";
import { axis_ticks, line_path, nearest, nice_ticks, part_of, range_of, short_number, thinned, type Series } from "./charts.ts";

export interface ChartProps {
  title: string;
  series: Series[];
  steps: number; // the whole training; the axis ends at the last value
  log?: boolean;
  convergence?: number | null; // step since which the map is followed
  at?: number | null; // step of the pictures that are shown
}

const kHeight = 210;
const kLeft = 46;
const kRight = 14;
const kTop = 12;
const kBottom = 24;

const colours: Record<string, string> = { loss: "var(--train-loss)", validation: "var(--train-obeys)", adherence: "var(--train-obeys)", ceiling: "var(--text-muted)", baseline: "var(--text-muted)" };
const spare = ["var(--train-third)", "var(--train-fourth)"];

function colour_of(name: string, at: number): string {
  return colours[name] ?? spare[at % spare.length]!;
}

function label_of(name: string): string {
  return t_or(`train.curve_${name}`, name.replace(/_/g, " "));
}

function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setWidth(element.clientWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

export function Chart({ title, series, steps, log = false, convergence, at }: ChartProps) {
  const [box, width] = useWidth();
  const [cursor, setCursor] = useState<number | null>(null);
  const range = range_of(series, log);
  const last = Math.max(1, ...series.map((one) => one.points.at(-1)?.[0] ?? 0));
  const inner = Math.max(1, width - kLeft - kRight);
  const x = (step: number) => kLeft + (step / last) * inner;
  const y = (value: number) => kTop + (1 - (range ? part_of(value, range, log) : 0)) * (kHeight - kTop - kBottom);
  const path = (points: Series["points"]) => line_path(thinned(points.filter(([, value]) => !log || value > 0), Math.max(200, inner)).map(([step, value]) => [x(step), y(value)] as const));
  const main = series.find((one) => !one.dashed) ?? series[0];

  const point = (event: PointerEvent) => {
    const left = box.current!.getBoundingClientRect().left;
    const step = ((event.clientX - left - kLeft) / inner) * last;
    setCursor(step < -last * 0.02 || step > last * 1.02 ? null : Math.max(0, Math.min(last, step)));
  };
  const press = (event: KeyboardEvent) => {
    const points = main?.points ?? [];
    if (!points.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = nearest(points, cursor ?? last)!;
    const index = points.indexOf(now);
    const by = (event.shiftKey ? 10 : 1) * Math.max(1, Math.round(points.length / 100));
    const to = event.key === "ArrowLeft" ? index - by : event.key === "ArrowRight" ? index + by : event.key === "Home" ? 0 : event.key === "End" ? points.length - 1 : null;
    if (to === null) return;
    event.preventDefault();
    setCursor(points[Math.max(0, Math.min(points.length - 1, to))]![0]);
  };
  const read = cursor ?? last;
  const values = series.map((one) => ({ one, found: nearest(one.points, read) }));
  const summary = `${title}. ${values.map(({ one, found }) => `${label_of(one.name)} ${found ? short_number(found[1]) : "–"}`).join(", ")}. ${t("train.at_step", { step: whole(read, language.value) })}`;

  return (
    <figure class="train-chart">
      <figcaption class="train-chart-head">
        <h3>{title}</h3>
        <span class="muted num">{t("train.at_step", { step: whole(read, language.value) })}</span>
        <span class="train-legend num">
          {values.map(({ one, found }, index) => (
            <span key={one.name}>
              <span class={names("train-legend-line", one.dashed && "train-legend-dashed")} style={{ color: colour_of(one.name, index) }} />
              {label_of(one.name)} <strong>{found ? short_number(found[1]) : "–"}</strong>
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={box} class="train-chart-box" tabIndex={0} role="img" aria-label={summary} onPointerMove={point} onPointerLeave={() => setCursor(null)} onKeyDown={press} onBlur={() => setCursor(null)}>
        {width > 0 && range && (
          <svg width={width} height={kHeight} aria-hidden="true">
            {axis_ticks(range.low, range.high, log).map((tick) => (
              <g key={tick}>
                <line class="train-rule" x1={kLeft} x2={width - kRight} y1={y(tick)} y2={y(tick)} />
                <text class="train-tick" x={kLeft - 8} y={y(tick) + 4} text-anchor="end">{short_number(tick)}</text>
              </g>
            ))}
            {nice_ticks(0, last, Math.max(2, Math.floor(inner / 110))).map((tick) => (
              <text key={tick} class="train-tick" x={x(tick)} y={kHeight - 6} text-anchor={tick === 0 ? "start" : x(tick) > width - 40 ? "end" : "middle"}>{whole(tick, language.value)}</text>
            ))}
            {series.map((one, index) => (
              <g key={one.name} style={{ color: colour_of(one.name, index) }}>
                {one.faint && <path class="train-line train-line-faint" d={path(one.faint)} />}
                <path class={names("train-line", one.dashed && "train-line-dashed")} d={path(one.points)} />
                {one.points.length === 1 && <circle cx={x(one.points[0]![0])} cy={y(one.points[0]![1])} r="3" fill="currentColor" />}
              </g>
            ))}
            {convergence !== null && convergence !== undefined && convergence <= last && (
              <g class="train-converges">
                <line x1={x(convergence)} x2={x(convergence)} y1={kTop} y2={kHeight - kBottom} />
                <text x={x(convergence) + (x(convergence) > width * 0.6 ? -7 : 7)} y={kTop + 34} text-anchor={x(convergence) > width * 0.6 ? "end" : "start"}>{t("train.converged_at", { step: whole(convergence, language.value) })}</text>
              </g>
            )}
            {at !== null && at !== undefined && at <= last && <path class="train-at" d={`M${x(at) - 5} ${kHeight - kBottom + 5}l5 -6 5 6z`} />}
            {cursor !== null && (
              <g class="train-cursor">
                <line x1={x(cursor)} x2={x(cursor)} y1={kTop} y2={kHeight - kBottom} />
                {values.map(({ one, found }, index) => found && <circle key={one.name} cx={x(found[0])} cy={y(found[1])} r="3.5" style={{ fill: colour_of(one.name, index) }} />)}
              </g>
            )}
          </svg>
        )}
      </div>
      {steps > last && <p class="visually-hidden">{t("train.of_steps", { step: last, steps })}</p>}
    </figure>
  );
}
