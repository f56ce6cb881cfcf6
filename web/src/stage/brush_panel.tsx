// SPDX-License-Identifier: Apache-2.0
// Settings of the brush: in the bar what is needed all the time, in the panel the rest. They are kept for all editors.
import { signal } from "@preact/signals";
import { IconButton, NumberField, Slider, Switch } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { BarSlider } from "./chrome.tsx";
import { svgs } from "./icons.ts";
import { BRUSH_DEFAULTS, type BrushSettings, is_shape, MAX_BRUSH, type ScribbleTool } from "./scribble_tools.ts";
import type { Symmetry } from "./shapes.ts";

/** One for lines and one for masks and areas, which want another width. */
export const lineBrush = signal<BrushSettings>({ ...BRUSH_DEFAULTS });
export const areaBrush = signal<BrushSettings>({ ...BRUSH_DEFAULTS, size: 40, smoothing: 0.15, pressure: false, filled: true });

export type BrushSignal = typeof lineBrush;

export function set_brush(brush: BrushSignal, change: Partial<BrushSettings>): void {
  brush.value = { ...brush.value, ...change };
}

/** The brackets: steps that grow with the size. */
export function step_size(size: number, way: 1 | -1, max = MAX_BRUSH): number {
  const step = size < 10 ? 1 : size < 30 ? 2 : size < 60 ? 5 : 10;
  return Math.min(max, Math.max(1, size + way * step));
}

export function brush_keys(brush: BrushSignal, max = MAX_BRUSH) {
  const hard = (by: number) => set_brush(brush, { hardness: Math.round(Math.min(1, Math.max(0, brush.value.hardness + by)) * 100) / 100 });
  return {
    "[": () => set_brush(brush, { size: step_size(brush.value.size, -1, max) }),
    "]": () => set_brush(brush, { size: step_size(brush.value.size, 1, max) }),
    "Shift+[": () => hard(-0.1),
    "Shift+]": () => hard(0.1),
  };
}

export function SizeSlider({ brush, max = MAX_BRUSH }: { brush: BrushSignal; max?: number }) {
  return (
    <BarSlider label={t("stage.size")} tip={t("stage.size_tip")} value={brush.value.size} min={1} max={max} curved suffix="px" onChange={(size) => set_brush(brush, { size })} />
  );
}

export function SymmetryButtons({ value, onChange }: { value: Symmetry; onChange: (value: Symmetry) => void }) {
  return (
    <div class="stage-symmetry" role="group" aria-label={t("stage.symmetry")}>
      <IconButton svg={svgs.mirror_x} label={t("stage.mirror_x")} shortcut="M" pressed={value.x} onClick={() => onChange({ ...value, x: !value.x })} />
      <IconButton svg={svgs.mirror_y} label={t("stage.mirror_y")} pressed={value.y} onClick={() => onChange({ ...value, y: !value.y })} />
      <IconButton svg={svgs.radial} label={t("stage.radial")} pressed={value.radial > 1} onClick={() => onChange({ ...value, radial: value.radial > 1 ? 1 : 6 })} />
    </div>
  );
}

/** What the chosen tool can be told, beyond its size. */
export function BrushFields({ brush, tool, symmetry, onSymmetry, fade }: {
  brush: BrushSignal;
  tool: ScribbleTool;
  symmetry?: Symmetry;
  onSymmetry?: (value: Symmetry) => void;
  /** Wording for maps in which partial ink has a meaning. */
  fade?: boolean;
}) {
  const { hardness, smoothing, pressure, strength, filled, gap } = brush.value;
  const draws = tool === "brush" || tool === "eraser";
  return (
    <>
      {(draws || (is_shape(tool) && (tool === "line" || !filled))) && (
        <Slider label={t("stage.hardness")} help={t("stage.hardness_help")} value={Math.round(hardness * 100)} min={0} max={100} initial={100} suffix="%" onChange={(v) => set_brush(brush, { hardness: v / 100 })} />
      )}
      {draws && (
        <>
          <Slider label={t("stage.smoothing")} value={Math.round(smoothing * 100)} min={0} max={100} initial={35} suffix="%" onChange={(v) => set_brush(brush, { smoothing: v / 100 })} />
          <Switch label={t("stage.pressure")} help={t("stage.pressure_help")} checked={pressure} onChange={(v) => set_brush(brush, { pressure: v })} />
        </>
      )}
      {(fade || strength < 255) && tool !== "hand" && tool !== "move" && (
        <Slider label={t("stage.strength")} help={t("stage.strength_help")} value={Math.round(strength / 2.55)} min={1} max={100} initial={100} suffix="%" onChange={(v) => set_brush(brush, { strength: Math.max(1, Math.round(v * 2.55)) })} />
      )}
      {is_shape(tool) && tool !== "line" && <Switch label={t("stage.filled")} checked={filled} onChange={(v) => set_brush(brush, { filled: v })} />}
      {tool === "fill" && <Slider label={t("stage.gap")} help={t("stage.gap_help")} value={gap} min={0} max={40} initial={0} suffix="px" onChange={(v) => set_brush(brush, { gap: v })} />}
      {symmetry && onSymmetry && symmetry.radial > 1 && (
        <NumberField label={t("stage.radial_count")} value={symmetry.radial} min={2} max={16} onChange={(radial) => onSymmetry({ ...symmetry, radial })} />
      )}
      {(tool === "hand" || tool === "move") && <p class="stage-hint">{t(tool === "hand" ? "stage.hand_hint" : "stage.move_hint")}</p>}
      {tool === "lasso" && <p class="stage-hint">{t("stage.lasso_hint")}</p>}
      {tool === "bezier" && <p class="stage-hint">{t("stage.bezier_hint")}</p>}
      {(tool === "rectangle" || tool === "ellipse" || tool === "line") && <p class="stage-hint">{t("stage.shape_hint")}</p>}
    </>
  );
}
