// SPDX-License-Identifier: Apache-2.0
// Times and counts as people say them. No page in here.

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 7],
  ["week", 5],
  ["month", 12],
  ["year", Infinity],
];

// "3 minutes ago"; what lies less than 5 s back, or ahead of a clock that is a little off, is now.
export function time_ago(ms: number, now: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  let value = (now - ms) / 1000;
  if (value < 5) return format.format(0, "second");
  for (const [unit, next] of steps) {
    if (Math.round(value) < next || unit === "year") return format.format(-Math.round(value), unit);
    value /= unit === "day" ? 7 : unit === "week" ? 4.345 : next;
  }
  return "";
}

// "26 Nov 2026, 21:03".
export function date_time(ms: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(ms);
}

// Where a list stands: "November 2026", or the day where it is of this month.
export function day_label(ms: number, now: number, language: string): string {
  const date = new Date(ms);
  const today = new Date(now);
  const same_month = date.getFullYear() === today.getFullYear() && date.getMonth() === today.getMonth();
  if (same_month) return new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "short" }).format(date);
  return new Intl.DateTimeFormat(language, { month: "long", year: "numeric" }).format(date);
}

// Midnight at the beginning of the day that lies `days` before today.
export function days_before(days: number, now: number): number {
  const date = new Date(now);
  date.setHours(0, 0, 0, 0);
  date.setDate(date.getDate() - days);
  return date.getTime();
}

// 12,345
export function whole(number: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(number);
}
