// SPDX-License-Identifier: Apache-2.0
// Where something that floats (a menu, a tooltip) is put beside its anchor so that it stays in the window.
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Placement {
  left: number;
  top: number;
  above: boolean;
}

// Below the anchor where there is room, else above; moved sideways into the window.
export function place(anchor: Box, size: { width: number; height: number }, window_size: { width: number; height: number }, align: "start" | "center" | "end", gap = 6): Placement {
  const margin = 8;
  const below = anchor.top + anchor.height + gap;
  const over = anchor.top - gap - size.height;
  const above = below + size.height > window_size.height - margin && over >= margin;
  const wanted =
    align === "start" ? anchor.left : align === "end" ? anchor.left + anchor.width - size.width : anchor.left + (anchor.width - size.width) / 2;
  const left = Math.max(margin, Math.min(wanted, window_size.width - size.width - margin));
  const top = above ? over : Math.max(margin, Math.min(below, window_size.height - size.height - margin));
  return { left, top, above };
}
