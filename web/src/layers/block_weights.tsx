// SPDX-License-Identifier: Apache-2.0
// Thirteen bars: how strongly each block of the ControlNet acts. Drag across them, or use the arrow keys on one.
import { useRef } from "preact/hooks";
import { Select } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { block_count, blockPresets, preset_of } from "./block_presets.ts";

const kMax = 1.5;

export interface BlockWeightsProps {
  weights: number[] | undefined;
  family: string;
  onChange(weights: number[] | undefined): void;
}

export function BlockWeights({ weights, family, onChange }: BlockWeightsProps) {
  const count = weights?.length ?? block_count(family);
  const shown = weights ?? Array<number>(count).fill(1);
  const row = useRef<HTMLDivElement>(null);
  const dragging = useRef(false);

  const set = (at: number, value: number) => {
    const next = shown.map((old, index) => (index === at ? Math.round(Math.max(0, Math.min(kMax, value)) * 20) / 20 : old));
    onChange(next.every((weight) => weight === 1) ? undefined : next);
  };
  const draw = (event: PointerEvent) => {
    const box = row.current?.getBoundingClientRect();
    if (!box) return;
    const at = Math.floor(((event.clientX - box.left) / box.width) * count);
    if (at >= 0 && at < count) set(at, (1 - (event.clientY - box.top) / box.height) * kMax);
  };
  const key = (event: KeyboardEvent, at: number) => {
    const by = event.key === "ArrowUp" ? 0.05 : event.key === "ArrowDown" ? -0.05 : 0;
    const to = event.key === "ArrowRight" ? at + 1 : event.key === "ArrowLeft" ? at - 1 : -1;
    if (by) set(at, shown[at]! + by);
    else if (to >= 0) row.current?.querySelectorAll<HTMLElement>("[role=slider]")[to]?.focus();
    else return;
    event.preventDefault();
  };

  const preset = preset_of(weights);
  return (
    <div class="layer-blocks">
      <Select
        label={t("create.blocks")}
        help={t("create.blocks_help")}
        value={preset ?? "own"}
        options={[
          ...blockPresets.map(({ id }) => ({ value: id, label: t(`create.blocks_${id}`) })),
          ...(preset === null ? [{ value: "own", label: t("create.blocks_own") }] : []),
        ]}
        onChange={(id) => onChange(id === "even" ? undefined : blockPresets.find((one) => one.id === id)?.weights(count))}
      />
      <div
        ref={row}
        class="layer-blocks-bars"
        role="group"
        aria-label={t("create.blocks")}
        onPointerDown={(event) => {
          dragging.current = true;
          event.currentTarget.setPointerCapture(event.pointerId);
          draw(event);
        }}
        onPointerMove={(event) => dragging.current && draw(event)}
        onPointerUp={() => (dragging.current = false)}
        onPointerCancel={() => (dragging.current = false)}
      >
        {shown.map((weight, at) => (
          <div
            key={at}
            class="layer-blocks-bar"
            role="slider"
            tabIndex={0}
            aria-label={at === count - 1 ? t("create.block_middle") : t("create.block", { number: at + 1 })}
            aria-valuemin={0}
            aria-valuemax={kMax}
            aria-valuenow={weight}
            onKeyDown={(event) => key(event, at)}
          >
            <div class="layer-blocks-fill" style={{ blockSize: `${(weight / kMax) * 100}%` }} />
          </div>
        ))}
      </div>
      <div class="layer-blocks-axis" aria-hidden="true">
        <span>{t("create.blocks_fine")}</span>
        <span>{t("create.blocks_deep")}</span>
      </div>
    </div>
  );
}
