// SPDX-License-Identifier: Apache-2.0
// Panels of the segmentation painter: what the tool can be told, and what is done to the whole map.
import { useState } from "preact/hooks";
import { announce, Button, NumberField, Segmented, Slider } from "../design/index.ts";
import { language, t } from "../i18n/index.ts";
import { Panel } from "../stage/chrome.tsx";
import { class_name, UNLABELLED } from "./palette.ts";
import type { SegState } from "./segment_editor.tsx";
import type { SegSettings, SegTool } from "./work.ts";

export function ToolFields({ tool, settings, onChange }: { tool: SegTool; settings: SegSettings; onChange: (change: Partial<SegSettings>) => void }) {
  return (
    <>
      {(tool === "brush" || tool === "eraser") && (
        <Slider label={t("stage.smoothing")} value={Math.round(settings.smoothing * 100)} min={0} max={100} initial={10} suffix="%" onChange={(v) => onChange({ smoothing: v / 100 })} />
      )}
      {tool === "fill" && (
        <>
          <Segmented
            label={t("segments.fill_reach")}
            hideLabel
            value={settings.everywhere ? "all" : "area"}
            options={[{ value: "area", label: t("segments.fill_area") }, { value: "all", label: t("segments.fill_all"), help: t("segments.fill_all_help") }]}
            onChange={(value) => onChange({ everywhere: value === "all" })}
          />
          {!settings.everywhere && <Slider label={t("stage.gap")} help={t("segments.gap_help")} value={settings.gap} min={0} max={40} initial={0} suffix="px" onChange={(gap) => onChange({ gap })} />}
        </>
      )}
      <p class="stage-hint">{t(`segments.hint_${tool}`)}</p>
    </>
  );
}

export function WholePanel({ state, current, unlabelled }: { state: SegState; current: number; unlabelled: number }) {
  const { map, palette, step } = state;
  const [by, setBy] = useState(3);
  const [radius, setRadius] = useState(2);
  const [least, setLeast] = useState(64);
  const name = class_name(palette.classes[current], language.value);
  return (
    <Panel title={t("segments.whole")}>
      <NumberField label={t("segments.border_of", { name })} value={by} min={1} max={64} suffix="px" onChange={setBy} />
      <div class="stage-row">
        <Button small onClick={() => step(t("segments.grow"), () => map.grow(current, by))}>{t("segments.grow")}</Button>
        <Button small onClick={() => step(t("segments.shrink"), () => map.shrink(current, by))}>{t("segments.shrink")}</Button>
      </div>
      <NumberField label={t("segments.smooth_radius")} help={t("segments.smooth_help")} value={radius} min={1} max={8} suffix="px" onChange={setRadius} />
      <div class="stage-row">
        <Button small onClick={() => step(t("segments.smooth"), () => map.smooth(radius))}>{t("segments.smooth")}</Button>
      </div>
      <NumberField label={t("segments.clean_least")} help={t("segments.clean_help")} value={least} min={2} max={10000} suffix="px" onChange={setLeast} />
      <div class="stage-row">
        <Button small onClick={() => step(t("segments.clean"), () => announce(t("segments.cleaned", { count: map.clean(least) })))}>{t("segments.clean")}</Button>
      </div>
      {unlabelled > 0 && (
        <div class="stage-row">
          <Button small icon="paint-bucket" onClick={() => step(t("segments.fill_rest_step"), () => map.swap(UNLABELLED, current))}>{t("segments.fill_rest", { name })}</Button>
        </div>
      )}
    </Panel>
  );
}
