// SPDX-License-Identifier: Apache-2.0
// Two pictures over one another with a line between them.
import { signal } from "@preact/signals";
import { t } from "../i18n/index.ts";
import { Viewport } from "../screens/create/viewport.tsx";
import { split_after_key } from "./choices.ts";
import type { PairProps } from "./compare.tsx";

const split = signal(0.5);

export function SliderView({ image, label, url }: PairProps) {
  const part = split.value;
  const drag = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.parentElement!.getBoundingClientRect();
    split.value = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  const press = (event: KeyboardEvent) => {
    const next = split_after_key(part, event.key, event.shiftKey);
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    split.value = next;
  };
  return (
    <Viewport picture={image} label={t("create.tab_compare")}>
      <img src={image.url} alt={image.prompt} draggable={false} />
      <img src={url} alt={label} draggable={false} class="compare-second" style={{ clipPath: `inset(0 0 0 ${part * 100}%)` }} />
      <div
        class="compare-line"
        data-no-pan
        role="slider"
        tabIndex={0}
        aria-label={t("create.compare_line")}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(part * 100)}
        aria-valuetext={`${Math.round(part * 100)} %`}
        style={{ insetInlineStart: `${part * 100}%` }}
        onPointerDown={(event) => {
          event.stopPropagation();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={drag}
        onKeyDown={press}
        onDblClick={(event) => {
          event.stopPropagation();
          split.value = 0.5;
        }}
      />
    </Viewport>
  );
}
