// SPDX-License-Identifier: Apache-2.0
// Panels of the depth editor: what the tool can be told, and the levels of the whole map.
import { Button, RangeSlider, Segmented, Select, Slider } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { Panel } from "./chrome.tsx";
import type { DepthState } from "./depth_editor.tsx";
import { type Levels, NO_LEVELS } from "./depth.ts";
import type { DepthMode, DepthSettings } from "./depth_work.ts";

const percent = (value: number) => Math.round(value * 100);

export function DepthFields({ mode, settings, onChange }: { mode: DepthMode; settings: DepthSettings; onChange: (change: Partial<DepthSettings>) => void }) {
  if (mode === "hand") return <p class="stage-hint">{t("stage.hand_hint")}</p>;
  if (mode === "pick") return <p class="stage-hint">{t("stage.pick_depth_hint")}</p>;
  if (mode === "gradient") {
    return (
      <>
        <Segmented label={t("stage.gradient_shape")} hideLabel value={settings.shape} options={[{ value: "linear", label: t("stage.gradient_linear") }, { value: "radial", label: t("stage.gradient_radial") }]} onChange={(shape) => onChange({ shape })} />
        <Slider label={t("stage.gradient_start")} value={percent(settings.start)} min={0} max={100} suffix="%" onChange={(v) => onChange({ start: v / 100 })} />
        <Slider label={t("stage.gradient_end")} value={percent(settings.end)} min={0} max={100} suffix="%" onChange={(v) => onChange({ end: v / 100 })} />
        <Select
          label={t("stage.gradient_mode")}
          value={settings.mode}
          options={[
            { value: "replace", label: t("stage.gradient_replace") },
            { value: "near", label: t("stage.gradient_near") },
            { value: "far", label: t("stage.gradient_far") },
          ]}
          onChange={(mode) => onChange({ mode: mode as DepthSettings["mode"] })}
        />
        <p class="stage-hint">{t("stage.gradient_hint")}</p>
      </>
    );
  }
  return (
    <>
      <Slider label={t("stage.depth_strength")} value={percent(settings.strength)} min={1} max={100} initial={40} suffix="%" onChange={(v) => onChange({ strength: v / 100 })} />
      <Slider label={t("stage.hardness")} value={percent(settings.hardness)} min={0} max={100} initial={10} suffix="%" onChange={(v) => onChange({ hardness: v / 100 })} />
      {mode === "flatten" && <Slider label={t("stage.depth_level")} help={t("stage.depth_level_help")} value={percent(settings.level)} min={0} max={100} suffix="%" onChange={(v) => onChange({ level: v / 100 })} />}
      {(mode === "raise" || mode === "lower") && <p class="stage-hint">{t("stage.raise_hint")}</p>}
    </>
  );
}

export function LevelsPanel({ state, normals }: { state: DepthState; normals: boolean }) {
  const { work } = state;
  const { levels } = work;
  // A drag gives no end of its own with two handles: what follows within a moment belongs to the same step.
  const preview = (next: Levels) => {
    work.preview_levels(next);
    state.changed();
  };
  const commit = (next: Levels) => {
    work.set_levels(t("stage.step_levels"), next);
    state.changed();
  };
  return (
    <Panel title={t("stage.levels")} aside={<Button small kind="quiet" onClick={() => commit({ ...NO_LEVELS })}>{t("common.reset")}</Button>}>
      <div onPointerUp={() => commit(work.levels)} onKeyUp={() => commit(work.levels)} onBlurCapture={() => commit(work.levels)}>
        <RangeSlider
          label={t("stage.levels_range")}
          labels={[t("stage.levels_far"), t("stage.levels_near")]}
          help={t("stage.levels_help")}
          value={[percent(levels.far), percent(levels.near)]}
          min={0}
          max={100}
          format={(value) => `${value} %`}
          onChange={([far, near]) => preview({ ...levels, far: far / 100, near: near / 100 })}
        />
      </div>
      <Slider label={t("stage.gamma")} help={t("stage.gamma_help")} value={levels.gamma} min={0.2} max={5} step={0.05} initial={1} onInput={(gamma) => preview({ ...levels, gamma })} onChange={(gamma) => commit({ ...levels, gamma })} />
      {normals && (
        <Slider label={t("stage.normal_relief")} help={t("stage.normal_relief_help")} value={work.relief} min={1} max={150} initial={40} onChange={(relief) => {
          work.relief = relief;
          state.changed();
        }} />
      )}
      <div class="stage-row">
        <Button small onClick={() => { work.stretch(t("stage.stretch")); state.changed(); }}>{t("stage.stretch")}</Button>
      </div>
    </Panel>
  );
}
