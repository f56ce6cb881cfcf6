// SPDX-License-Identifier: Apache-2.0
// Where tiles stand in a grid of fixed cells, and where a key goes from one. No page in here.

export interface Grid {
  columns: number;
  cell: number; // side of a tile in CSS pixels
  gap: number;
}

// As many columns as fit with tiles of about `wanted`; the tiles then fill the line. Never fewer than `least`.
export function grid_of(width: number, wanted: number, gap: number, least = 2): Grid {
  const columns = Math.max(least, Math.round((width + gap) / (wanted + gap)));
  return { columns, cell: Math.max(1, (width - gap * (columns - 1)) / columns), gap };
}

export function rows_of(count: number, columns: number): number {
  return Math.ceil(count / columns);
}

// Null for a key that moves nothing. `page`: rows in the window.
export function index_after_key(index: number, key: string, columns: number, page: number, count: number): number | null {
  if (count === 0) return null;
  const cut = (to: number) => Math.max(0, Math.min(count - 1, to));
  switch (key) {
    case "ArrowLeft":
      return cut(index - 1);
    case "ArrowRight":
      return cut(index + 1);
    case "ArrowUp":
      return index - columns < 0 ? index : index - columns;
    case "ArrowDown":
      // Into a last line that is shorter: to its end.
      return index + columns < count ? index + columns : rows_of(index + 1, columns) < rows_of(count, columns) ? count - 1 : index;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    case "PageUp":
      return cut(index - Math.max(1, page) * columns);
    case "PageDown":
      return cut(index + Math.max(1, page) * columns);
    default:
      return null;
  }
}

export interface Selection {
  ids: ReadonlySet<string>;
  anchor: string | null; // where a range begins
}

export const noSelection: Selection = { ids: new Set(), anchor: null };

export function toggled(selection: Selection, id: string): Selection {
  const ids = new Set(selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, anchor: id };
}

// All from the anchor to `id` as they stand in the list, besides what was chosen before.
export function extended(selection: Selection, id: string, list: readonly { id: string }[]): Selection {
  const to = list.findIndex((one) => one.id === id);
  const from = selection.anchor === null ? -1 : list.findIndex((one) => one.id === selection.anchor);
  if (to < 0) return selection;
  if (from < 0) return { ids: new Set([...selection.ids, id]), anchor: id };
  const ids = new Set(selection.ids);
  for (let at = Math.min(from, to); at <= Math.max(from, to); at += 1) ids.add(list[at]!.id);
  return { ids, anchor: selection.anchor };
}

// Without those that are gone.
export function remaining(selection: Selection, list: readonly { id: string }[]): Selection {
  const there = new Set(list.map((one) => one.id));
  const ids = new Set([...selection.ids].filter((id) => there.has(id)));
  if (ids.size === selection.ids.size) return selection;
  return { ids, anchor: selection.anchor !== null && there.has(selection.anchor) ? selection.anchor : null };
}

// Runs over all, a few at a time; returns those that failed with why, and never throws.
export async function for_all<T>(items: readonly T[], work: (item: T) => Promise<unknown>, at_once = 6): Promise<{ item: T; error: unknown }[]> {
  const failed: { item: T; error: unknown }[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const item = items[next]!;
      next += 1;
      try {
        await work(item);
      } catch (error) {
        failed.push({ item, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(at_once, items.length) }, lane));
  return failed;
}
