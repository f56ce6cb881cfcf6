// SPDX-License-Identifier: Apache-2.0
// What few people change about a layer: how the source is fitted, where it acts, and how strongly each block does.
import { asset_url } from "../api/client.ts";
import { Button, IconButton, Segmented, Select, Switch } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { controlnets_for, unitFields } from "../state/capabilities.ts";
import type { ControlLayer } from "../state/layers.ts";
import { is_toy_model } from "../state/styles.ts";
import { chosenModel } from "../state/submit.ts";
import { editing } from "../state/view.ts";
import { BlockWeights } from "./block_weights.tsx";
import { show_map } from "./layer_actions.ts";

export function More({ layer, set }: { layer: ControlLayer; set: (change: Partial<ControlLayer>) => void }) {
  const nets = controlnets_for(layer.kind, chosenModel.value);
  return (
    <div class="layer-card-more">
      <Segmented
        label={t("create.resize")}
        help={t("create.resize_help")}
        value={layer.resize}
        options={[
          { value: "crop", label: t("create.resize_crop") },
          { value: "fill", label: t("create.resize_fill") },
          { value: "just", label: t("create.resize_just") },
        ]}
        onChange={(resize) => set({ resize })}
      />
      {nets.length > 1 && (
        <Select
          label={t("create.controlnet")}
          value={layer.controlnet ?? ""}
          options={[{ value: "", label: t("common.auto") }, ...nets.map((net) => ({ value: net.id, label: net.title }))]}
          onChange={(id) => set({ controlnet: id || undefined })}
        />
      )}
      {unitFields.value.has("mask") && <div class="layer-card-line">
        <span class="field-label">{t("create.region")}</span>
        {layer.mask && <img class="layer-card-mask" src={asset_url(layer.mask, 64)} alt="" />}
        <Button
          small
          icon="brush"
          onClick={() => {
            show_map(layer);
            editing.value = `region:${layer.id}`;
          }}
        >
          {t(layer.mask ? "create.region_edit" : "create.region_add")}
        </Button>
        {layer.mask && <IconButton small icon="x" label={t("create.region_remove")} onClick={() => set({ mask: undefined, maskDocument: undefined })} />}
      </div>}
      <Switch label={t("create.only_mid")} help={t("create.only_mid_help")} checked={layer.onlyMid ?? false} onChange={(onlyMid) => set({ onlyMid })} />
      {!layer.onlyMid && unitFields.value.has("block_weights") && !is_toy_model(chosenModel.value) && (
        <BlockWeights weights={layer.blockWeights} family={chosenModel.value?.family ?? ""} onChange={(blockWeights) => set({ blockWeights })} />
      )}
    </div>
  );
}
