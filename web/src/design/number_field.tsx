// SPDX-License-Identifier: Apache-2.0
// Fields for numbers: typed, on a slider, or two on one line.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { names } from "./class_names.ts";
import { Field } from "./field.tsx";
import { clamp, format_number, snap } from "./numbers.ts";

export interface NumberFieldProps {
  label: string;
  value: number;
  min?: number;
  max?: number;
  step?: number;
  hideLabel?: boolean;
  help?: string;
  error?: string;
  suffix?: string;
  disabled?: boolean;
  class?: string;
  aside?: ComponentChildren;
  onChange(value: number): void;
}

// The bare input: what is typed counts on Enter, on leaving, and with the arrow keys at once.
export function NumberInput({ id, label, value, min = -Infinity, max = Infinity, step = 1, disabled, describedBy, suffix, onChange }: {
  id?: string;
  label?: string; // where no visible label belongs to the field
  value: number;
  min?: number;
  max?: number;
  step?: number;
  disabled?: boolean;
  describedBy?: string | undefined;
  suffix?: string | undefined;
  onChange(value: number): void;
}) {
  const [text, setText] = useState<string | null>(null);
  const commit = (value_text: string) => {
    setText(null);
    const parsed = Number(value_text.trim().replace(",", "."));
    if (value_text.trim() === "" || !Number.isFinite(parsed)) return;
    onChange(snap(clamp(parsed, min, max), min, step));
  };
  const nudge = (steps: number) => {
    setText(null);
    onChange(snap(clamp(value + steps * step, min, max), min, step));
  };
  return (
    <span class={names("number", suffix && "number-suffixed")}>
      <input
        id={id}
        class="input num"
        type="text"
        inputMode="decimal"
        role="spinbutton"
        aria-label={label}
        aria-valuenow={value}
        aria-valuemin={Number.isFinite(min) ? min : undefined}
        aria-valuemax={Number.isFinite(max) ? max : undefined}
        aria-describedby={describedBy}
        disabled={disabled}
        value={text ?? format_number(value, step)}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={() => text !== null && commit(text)}
        onFocus={(event) => event.currentTarget.select()}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey) return;
          if (event.key === "Enter" && text !== null) {
            // The number is what was meant, not the form around it.
            event.preventDefault();
            commit(text);
          } else if (event.key === "Escape") setText(null);
          else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
            event.preventDefault();
            nudge((event.key === "ArrowUp" ? 1 : -1) * (event.shiftKey ? 10 : 1));
          }
        }}
      />
      {suffix && <span class="number-suffix">{suffix}</span>}
    </span>
  );
}

export function NumberField({ label, hideLabel, help, error, aside, class: extra, ...rest }: NumberFieldProps) {
  return (
    <Field label={label} hideLabel={hideLabel} help={help} error={error} aside={aside} class={extra}>
      {({ id, describedBy }) => <NumberInput id={id} describedBy={describedBy} {...rest} />}
    </Field>
  );
}

export interface SliderProps extends NumberFieldProps {
  min: number;
  max: number;
  initial?: number; // taken on a double click
  onInput?: (value: number) => void; // while it is dragged; then onChange at the end. Without it onChange is called all the time.
}

// A slider and its number.
export function Slider({ label, value, min, max, step = 1, initial, hideLabel, help, error, suffix, disabled, class: extra, aside, onChange, onInput }: SliderProps) {
  const part = max > min ? ((value - min) / (max - min)) * 100 : 0;
  return (
    <Field label={label} hideLabel={hideLabel} help={help} error={error} class={names("slider", extra)} aside={aside}>
      {({ id, describedBy }) => (
        <div class="slider-row">
          <input
            id={id}
            class="range"
            type="range"
            min={min}
            max={max}
            step={step}
            value={value}
            disabled={disabled}
            aria-describedby={describedBy}
            aria-valuetext={`${format_number(value, step)}${suffix ?? ""}`}
            style={{ "--part": `${part}%` }}
            onInput={(event) => (onInput ?? onChange)(Number(event.currentTarget.value))}
            onChange={(event) => onInput && onChange(Number(event.currentTarget.value))}
            onDblClick={() => initial !== undefined && onChange(initial)}
          />
          <NumberInput label={label} value={value} min={min} max={max} step={step} disabled={disabled} suffix={suffix} onChange={onChange} />
        </div>
      )}
    </Field>
  );
}

export interface RangeSliderProps {
  label: string;
  labels?: [string, string]; // of the two handles
  value: [number, number];
  min: number;
  max: number;
  step?: number;
  format?: (value: number) => string;
  suffix?: string; // behind both numbers
  hideLabel?: boolean;
  help?: string;
  error?: string;
  disabled?: boolean;
  class?: string;
  marks?: number; // lines of an axis under the handles, for example one for each step
  onChange(value: [number, number]): void;
}

// Two handles on one line; neither passes the other.
export function RangeSlider({ label, labels = ["min", "max"], value, min, max, step = 1, format, suffix = "", hideLabel, help, error, disabled, class: extra, marks = 0, onChange }: RangeSliderProps) {
  const show = format ?? ((number: number) => format_number(number, step));
  const part = (number: number) => ((number - min) / (max - min || 1)) * 100;
  const [low, high] = value;
  const handle = (which: 0 | 1, describedBy: string | undefined, id?: string) => (
    <input
      id={id}
      type="range"
      class="range range-double"
      min={min}
      max={max}
      step={step}
      value={value[which]}
      disabled={disabled}
      aria-label={`${label}: ${labels[which]}`}
      aria-valuetext={show(value[which]) + suffix}
      aria-describedby={describedBy}
      onInput={(event) => {
        const number = Number(event.currentTarget.value);
        const next: [number, number] = which === 0 ? [Math.min(number, high), high] : [low, Math.max(number, low)];
        event.currentTarget.value = String(next[which]);
        onChange(next);
      }}
    />
  );
  return (
    <Field label={label} hideLabel={hideLabel} help={help} error={error} class={names("slider", extra)}
      aside={<span class="num muted">{show(low)} – {show(high)}{suffix}</span>}>
      {({ id, describedBy }) => (
        <div class="range-pair" style={{ "--from": `${part(low)}%`, "--to": `${part(high)}%` }}>
          <div class="range-track" style={marks > 1 ? { "--marks": `${100 / marks}%` } : undefined} data-marks={marks > 1 || undefined} />
          {handle(0, describedBy, id)}
          {handle(1, describedBy)}
        </div>
      )}
    </Field>
  );
}
