// SPDX-License-Identifier: Apache-2.0
// The map of the chosen layer, exactly as its ControlNet gets it, with the photograph faded in if wanted.
import { signal } from "@preact/signals";
import { asset_url } from "../../api/client.ts";
import { Button, Chip, Icon, kind_color, Menu, names } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { edit_map, kind_label } from "../../layers/layer_actions.ts";
import { add_items } from "../../layers/list.tsx";
import { layer_by_id, layers, selectedLayer, type ControlLayer } from "../../state/layers.ts";
import { mapStates } from "../../state/maps.ts";
import { recipe } from "../../state/recipe.ts";
import { Viewport } from "./viewport.tsx";

const overlay = signal(0); // 0: map alone, 1: photograph alone

const fits = { crop: "cover", fill: "contain", just: "fill" } as const;

export function chosen_layer(): ControlLayer | undefined {
  return layer_by_id(selectedLayer.value) ?? layers.value.find((layer) => layer.map) ?? layers.value[0];
}

export function MapActions() {
  const layer = chosen_layer();
  if (!layer) return null;
  return (
    <>
      {layer.image && layer.map && (
        <label class="cs-overlay" data-tip={t("create.overlay_help")}>
          <Icon name="image" size={15} />
          <span class="visually-hidden">{t("create.overlay")}</span>
          <input class="range" type="range" min={0} max={1} step={0.01} value={overlay.value} style={{ "--part": `${overlay.value * 100}%` }} onInput={(event) => (overlay.value = Number(event.currentTarget.value))} />
        </label>
      )}
      <Button icon="pencil" onClick={() => edit_map(layer)} tip={`${t("create.edit_map")} (D)`}>{t(layer.map ? "create.edit_map" : "create.draw_map")}</Button>
    </>
  );
}

function LayerChips({ chosen }: { chosen: ControlLayer }) {
  if (layers.value.length < 2) return null;
  return (
    <div class="cs-layers" data-no-pan>
      {layers.value.map((layer, at) => (
        <Chip key={layer.id} mark={kind_color(layer.kind)} pressed={layer.id === chosen.id} class={names(!layer.enabled && "cs-layer-off")} onClick={() => (selectedLayer.value = layer.id)}>
          {at + 1} {kind_label(layer.kind)}
        </Chip>
      ))}
    </div>
  );
}

export function MapView() {
  const layer = chosen_layer();
  const { width, height } = recipe.value;
  if (!layer) {
    return (
      <div class="cs-empty">
        <Icon name="layers" size={34} />
        <p class="cs-empty-title">{t("create.map_none")}</p>
        <p>{t("create.layers_empty")}</p>
        <Menu label={t("create.add_layer")} items={add_items()} button={(props) => <Button {...props} kind="primary" icon="plus">{t("create.add_layer")}</Button>} />
      </div>
    );
  }
  if (!layer.map) {
    const error = mapStates.value[layer.id]?.error;
    return (
      <div class="cs-empty">
        <Icon name={error ? "circle-alert" : "image-plus"} size={34} />
        <p class="cs-empty-title">{kind_label(layer.kind)}</p>
        <p>{error || t(layer.image ? "create.map_waits" : "create.map_missing")}</p>
        <Button kind="primary" icon="pencil" onClick={() => edit_map(layer)}>{t("create.draw_map")}</Button>
        <LayerChips chosen={layer} />
      </div>
    );
  }
  const photo = overlay.value;
  return (
    <Viewport pixelsFrom={1.8} picture={{ width, height }} label={t("create.map_of", { kind: kind_label(layer.kind) })} overlay={<LayerChips chosen={layer} />}>
      <img src={asset_url(layer.map)} alt={t("create.map_of", { kind: kind_label(layer.kind) })} draggable={false} class={names(layer.kind === "seg" && "cs-pixels")} />
      {layer.image && photo > 0 && <img src={asset_url(layer.image)} alt="" draggable={false} style={{ opacity: photo, objectFit: fits[layer.resize] }} />}
      {layer.mask && <img src={asset_url(layer.mask)} alt="" draggable={false} class="cs-region" />}
    </Viewport>
  );
}
