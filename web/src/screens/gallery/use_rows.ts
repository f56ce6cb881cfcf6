// SPDX-License-Identifier: Apache-2.0
// The lines of a long list that are near the window: only these stand in the page.
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer, type VirtualItem } from "@tanstack/virtual-core";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

export interface Rows {
  items: VirtualItem[];
  height: number; // of the whole list
  scroll_to(row: number): void; // no farther than it takes to see it
  first: number; // line at the upper edge
  page: number; // whole lines in the window
}

export function useRows(element: { readonly current: HTMLElement | null }, count: number, height: number, padding: { start: number; end: number }): Rows {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const holder = useRef<Virtualizer<HTMLElement, HTMLElement> | null>(null);
  const options = {
    count,
    getScrollElement: () => element.current,
    estimateSize: () => height,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    overscan: 3,
    paddingStart: padding.start,
    paddingEnd: padding.end,
    scrollPaddingStart: padding.start,
    scrollPaddingEnd: padding.start,
    onChange: () => redraw(undefined),
  };
  const rows = (holder.current ??= new Virtualizer<HTMLElement, HTMLElement>(options));
  rows.setOptions(options);
  useLayoutEffect(() => rows._didMount(), []);
  useLayoutEffect(() => rows._willUpdate());
  // All lines have the same height; another width of the window is another height for all.
  useLayoutEffect(() => rows.measure(), [height, padding.start]);
  const top = rows.scrollOffset ?? 0;
  return {
    items: rows.getVirtualItems(),
    height: rows.getTotalSize(),
    scroll_to: (row) => rows.scrollToIndex(Math.max(0, Math.min(count - 1, row)), { align: "auto" }),
    first: Math.max(0, Math.floor((top - padding.start) / Math.max(1, height))),
    page: Math.max(1, Math.floor((rows.scrollRect?.height ?? 0) / Math.max(1, height))),
  };
}
