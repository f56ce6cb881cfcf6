// SPDX-License-Identifier: Apache-2.0
// A picture beside another one or one of its maps: a line that is dragged, side by side, by turns, their difference, or one over the other.
import type { StudioImage } from "../api/types.ts";
import { asset_url } from "../api/client.ts";
import { Icon, Segmented, Select, Slider, type Option } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { kind_label } from "../layers/layer_actions.ts";
import { choices_of, compareModes, type Against, type CompareMode, type OtherImage } from "./choices.ts";
import { compareAgainst, compareMode, heatGain, overlayMeasured, overlayStrength } from "./state.ts";
import { BlinkView } from "./blink_view.tsx";
import { DifferenceView } from "./difference_view.tsx";
import { OverlayView } from "./overlay_view.tsx";
import { SideView } from "./side_view.tsx";
import { SliderView } from "./slider_view.tsx";
import { ReceiptCard } from "./receipt_card.tsx";
import "./compare.css";

export function label_of(against: Against): string {
  if (against.what === "map") return t("create.map_of", { kind: kind_label(against.kind) });
  if (against.what === "init") return t("compare.start_picture");
  return `${against.image.seed} · ${against.image.prompt || t("create.no_prompt")}`;
}

function options_of(choices: Against[]): (Option | { group: string; options: Option[] })[] {
  const option = (one: Against): Option => ({ value: one.id, label: label_of(one).slice(0, 60) });
  const own = choices.filter((one) => one.what !== "image").map(option);
  const others = choices.filter((one) => one.what === "image").map(option);
  return [...(own.length ? [{ group: t("compare.group_own"), options: own }] : []), ...(others.length ? [{ group: t("compare.group_others"), options: others }] : [])];
}

export interface CompareProps {
  image: StudioImage;
  others: readonly OtherImage[];
}

export function Compare({ image, others }: CompareProps) {
  const choices = choices_of(image, others);
  const chosen = choices.find((one) => one.id === compareAgainst.value) ?? choices[0];
  if (!chosen) {
    return (
      <div class="cs-empty">
        <Icon name="columns-2" size={34} />
        <p class="cs-empty-title">{t("compare.none")}</p>
        <p>{t("compare.hint")}</p>
      </div>
    );
  }
  const pair = { image, chosen, label: label_of(chosen), url: chosen.what === "image" ? chosen.image.url : asset_url(chosen.sha) };
  const now = compareMode.value;
  return (
    <div class="compare">
      <div class="compare-stage">
        {now === "slider" && <SliderView {...pair} />}
        {now === "side" && <SideView {...pair} />}
        {now === "blink" && <BlinkView {...pair} />}
        {now === "difference" && <DifferenceView {...pair} gain={heatGain.value} />}
        {now === "overlay" && <OverlayView {...pair} strength={overlayStrength.value} measured={overlayMeasured.value} />}
        {chosen.what === "map" && <ReceiptCard image={image} kind={chosen.kind} />}
      </div>
      <div class="compare-bar">
        <Segmented<CompareMode>
          label={t("compare.way")}
          hideLabel
          class="compare-modes"
          value={now}
          options={compareModes.map((value) => ({ value, label: t(`compare.mode_${value}`), help: t(`compare.mode_${value}_help`) }))}
          onChange={(value) => (compareMode.value = value)}
        />
        <Select class="compare-with" label={t("create.compare_with")} hideLabel value={chosen.id} options={options_of(choices)} onChange={(value) => (compareAgainst.value = value)} />
        {now === "difference" && <Slider class="compare-slider" label={t("compare.gain")} hideLabel min={1} max={16} step={1} initial={4} suffix="×" value={heatGain.value} onChange={(value) => (heatGain.value = value)} />}
        {now === "overlay" && <Slider class="compare-slider" label={t("compare.strength")} hideLabel min={0} max={1} step={0.01} initial={0.75} value={overlayStrength.value} onChange={(value) => (overlayStrength.value = value)} />}
        {now === "overlay" && chosen.what === "map" && (
          <label class="compare-check">
            <input type="checkbox" checked={overlayMeasured.value} onChange={(event) => (overlayMeasured.value = event.currentTarget.checked)} />
            {t("compare.measured")}
          </label>
        )}
      </div>
    </div>
  );
}

export interface PairProps {
  image: StudioImage;
  chosen: Against;
  label: string; // of the second picture
  url: string;
}
