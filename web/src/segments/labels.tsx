// SPDX-License-Identifier: Apache-2.0
// Names of the classes: written on their regions, and of what lies under the pointer.
import type { Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { language, t } from "../i18n/index.ts";
import { to_window, type View } from "../stage/view.ts";
import { rgb_css } from "./class_panel.tsx";
import { label_places, type SegmentMap } from "./map.ts";
import { class_name, type Palette, UNLABELLED } from "./palette.ts";
import { text_on } from "./painter.ts";

/** About the width of a word at 12 pixels; Chinese signs are twice as wide. */
function word_width(word: string): number {
  let width = 0;
  for (const sign of word) width += sign > "\u2e80" ? 13 : 6.6;
  return width;
}

export function Labels({ map, palette, version, view }: { map: SegmentMap; palette: Palette; version: number; view: View }) {
  const places = useMemo(() => [...label_places(map.plane)], [map, version]);
  return (
    <g aria-hidden="true">
      {places.map(([index, place]) => {
        const entry = palette.classes[index];
        const name = class_name(entry, language.value);
        // A word that does not fit into its region would be read as its neighbour's.
        if (!entry || place.length * view.scale < word_width(name) + 12) return null;
        const at = to_window(view, place);
        const ink = text_on(entry.rgb);
        return (
          <text key={index} x={at.x} y={at.y} class="seg-label" fill={ink} stroke={ink === "#000" ? "rgb(255 255 255 / 0.55)" : "rgb(0 0 0 / 0.55)"}>
            {name}
          </text>
        );
      })}
    </g>
  );
}

/** What the pointer is on, in a corner where the hand does not cover it. */
export function UnderPointer({ index, palette }: { index: Signal<number | null>; palette: Palette }) {
  const at = index.value;
  if (at === null) return null;
  const entry = palette.classes[at];
  return (
    <div class="stage-float seg-under">
      <span class="seg-swatch" style={entry && { background: rgb_css(entry.rgb) }} />
      {at === UNLABELLED || !entry ? t("segments.unlabelled") : class_name(entry, language.value)}
    </div>
  );
}
