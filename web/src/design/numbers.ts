// SPDX-License-Identifier: Apache-2.0
// Numbers of fields: cut to a range, put on a grid, written with as many digits as the grid has.

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function digits_of(step: number): number {
  const text = step.toString();
  if (text.includes("e-")) return Number(text.slice(text.indexOf("e-") + 2));
  const point = text.indexOf(".");
  return point < 0 ? 0 : text.length - point - 1;
}

// The nearest value of the grid that begins at `min` (at 0 where there is no least value).
export function snap(value: number, min: number, step: number): number {
  if (!(step > 0)) return value;
  const origin = Number.isFinite(min) ? min : 0;
  const digits = Math.max(digits_of(step), digits_of(origin));
  return Number((origin + Math.round((value - origin) / step) * step).toFixed(digits));
}

export function format_number(value: number, step: number): string {
  return Number.isFinite(value) ? value.toFixed(Math.min(6, digits_of(step))) : "";
}

const units = ["B", "kB", "MB", "GB", "TB"];
// 1234567 -> "1.2 MB" (powers of 1000, as disks and cards are sold).
export function format_bytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

// 75 -> "1:15", 3.2 -> "3.2 s".
export function format_seconds(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const two = (number: number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
