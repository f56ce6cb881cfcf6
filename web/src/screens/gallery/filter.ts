// SPDX-License-Identifier: Apache-2.0
// What the gallery shows: the filter as people set it, as the server takes it, and whether a new picture fits it. No page in here.
import type { ImageFilter } from "../../api/types.ts";
import { days_before } from "../parts/time.ts";

export type Shelf = "all" | "starred" | "trash";
export type When = "any" | "today" | "week" | "month" | "range";

export interface GalleryFilter {
  text: string;
  shelf: Shelf;
  kind: string; // "": any
  model: string;
  when: When;
  from: string; // of "range", as a date field writes it: "2026-11-26"; "": open
  to: string;
}

export const emptyFilter: GalleryFilter = { text: "", shelf: "all", kind: "", model: "", when: "any", from: "", to: "" };

// Midnight of "2026-11-26" in the time of the people who look at it; null for what is no date.
export function day_of(text: string): number | null {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!parts) return null;
  const date = new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]));
  return Number.isFinite(date.getTime()) ? date.getTime() : null;
}

const kDay = 24 * 3600 * 1000;

// First and last millisecond, both included.
export function time_range(filter: Pick<GalleryFilter, "when" | "from" | "to">, now: number): { from_ms?: number; to_ms?: number } {
  switch (filter.when) {
    case "any":
      return {};
    case "today":
      return { from_ms: days_before(0, now) };
    case "week":
      return { from_ms: days_before(6, now) };
    case "month":
      return { from_ms: days_before(29, now) };
    case "range": {
      const from = day_of(filter.from);
      const to = day_of(filter.to);
      // A day with a change of the clock has another length; its end is the next midnight.
      const end = to === null ? null : new Date(to + 1.5 * kDay).setHours(0, 0, 0, 0) - 1;
      return { ...(from === null ? {} : { from_ms: from }), ...(end === null ? {} : { to_ms: end }) };
    }
  }
}

export function query_of(filter: GalleryFilter, now: number): ImageFilter {
  return {
    ...(filter.text.trim() ? { q: filter.text.trim() } : {}),
    ...(filter.kind ? { kind: filter.kind } : {}),
    ...(filter.model ? { model: filter.model } : {}),
    ...(filter.shelf === "starred" ? { starred: true } : {}),
    ...(filter.shelf === "trash" ? { trashed: true } : {}),
    ...time_range(filter, now),
  };
}

export function is_narrowed(filter: GalleryFilter): boolean {
  return Boolean(filter.text.trim() || filter.kind || filter.model || filter.when !== "any");
}

export interface Fitting {
  prompt: string;
  kinds: readonly string[];
  model: string;
  starred: boolean;
  trashed: boolean;
  created: number;
}

// As the server decides it, so that a picture that has just been made can be put into the list. Words are compared by their
// beginnings; text without spaces, as Chinese, wherever it stands.
export function fits(image: Fitting, query: ImageFilter): boolean {
  if (image.trashed !== (query.trashed ?? false)) return false;
  if (query.starred && !image.starred) return false;
  if (query.kind && !image.kinds.includes(query.kind)) return false;
  if (query.model && image.model !== query.model) return false;
  if (query.from_ms !== undefined && image.created < query.from_ms) return false;
  if (query.to_ms !== undefined && image.created > query.to_ms) return false;
  return words_of(query.q ?? "").every((word) => has_word(plain(image.prompt), word));
}

function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function words_of(text: string): string[] {
  return plain(text).match(/[\p{L}\p{N}]+/gu) ?? [];
}

function has_word(text: string, word: string): boolean {
  if (/[\u2e80-\u9fff\u3040-\u30ff]/.test(word)) return text.includes(word);
  return (text.match(/[\p{L}\p{N}]+/gu) ?? []).some((each) => each.startsWith(word));
}
