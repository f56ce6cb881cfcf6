// SPDX-License-Identifier: Apache-2.0
// How far something is.
import { names } from "./class_names.ts";
import "./progress.css";

export interface ProgressProps {
  label: string;
  value: number | null; // 0..1; null: not known
  class?: string;
}

export function Progress({ label, value, class: extra }: ProgressProps) {
  return (
    <div
      class={names("progress", value === null && "progress-unknown", extra)}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === null ? undefined : Math.round(value * 100)}
    >
      <div class="progress-bar" style={value === null ? undefined : { inlineSize: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
    </div>
  );
}
