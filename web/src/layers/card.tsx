// SPDX-License-Identifier: Apache-2.0
// One control layer in the recipe: a line when it is closed, all its controls when it is the chosen one.
import { useState } from "preact/hooks";
import { asset_url } from "../api/client.ts";
import { Button, Chip, Dropzone, Icon, IconButton, kind_color, Menu, names, RangeSlider, Segmented, Select, Slider, type MenuEntry } from "../design/index.ts";
import { t, t_or } from "../i18n/index.ts";
import { annotator_info, controlKinds, kind_info } from "../state/capabilities.ts";
import { dropped_image } from "../state/drag.ts";
import { undo_inversion } from "../state/dropped_map.ts";
import { layers, selectedLayer, update_layer, type ControlLayer, type LayerSource } from "../state/layers.ts";
import { mapStates, retry_map } from "../state/maps.ts";
import { recipe } from "../state/recipe.ts";
import { from_photo, layer_problem } from "../state/request.ts";
import { fieldErrors } from "../state/submit.ts";
import { unsaved } from "../state/unsaved.ts";
import { editing } from "../state/view.ts";
import { More } from "./card_more.tsx";
import { compatibility, edit_map, kind_label, menu_of, show_map, source_change, take_map, take_photo } from "./layer_actions.ts";
import { Parameters } from "./parameters.tsx";
import "./card.css";

function SourceThumb({ layer }: { layer: ControlLayer }) {
  const photo = from_photo(layer);
  const sha = photo ? layer.image : undefined;
  const drop = (data: DataTransfer) => {
    const image = dropped_image(data);
    if (!image) return false;
    update_layer(layer.id, { source: "result", image: image.sha, document: undefined });
    return true;
  };
  return (
    <Dropzone
      class="layer-card-thumb"
      label={sha ? t("create.replace_picture") : t("create.drop_picture")}
      accept="image/*,.json"
      onFiles={([file]) => file && void (photo ? take_photo(layer, file) : take_map(layer, file))}
      onDropData={drop}
    >
      {sha ? (
        <img src={asset_url(sha, 256)} alt="" loading="lazy" />
      ) : (
        <span class="layer-card-thumb-empty">
          <Icon name="image-plus" size={20} />
          {t(photo ? "create.picture" : "create.map_file")}
        </span>
      )}
    </Dropzone>
  );
}

function MapThumb({ layer }: { layer: ControlLayer }) {
  const state = mapStates.value[layer.id];
  // In the editor the map is seen as it is drawn.
  const busy = state?.busy || (unsaved.value.has(layer.id) && editing.value !== layer.id);
  return (
    <button type="button" class="layer-card-thumb layer-card-map" aria-label={`${t("create.map")}: ${t("create.show_map")}`} data-tip={t("create.show_map")} onClick={() => show_map(layer)}>
      {layer.map ? (
        <img src={asset_url(layer.map, 256)} alt="" loading="lazy" class={names(busy && "layer-card-waiting")} />
      ) : (
        <span class="layer-card-thumb-empty">
          <Icon name={layer.source === "drawing" ? "pencil" : "scan"} size={20} />
          {t("create.map")}
        </span>
      )}
      {busy && <Icon name="loader-circle" class="spin layer-card-busy" size={18} />}
    </button>
  );
}

function source_options(): { value: "photo" | "map" | "drawing"; label: string; help: string }[] {
  return [
    { value: "photo", label: t("create.source_photo"), help: t("create.source_photo_help") },
    { value: "map", label: t("create.source_map"), help: t("create.source_map_help") },
    { value: "drawing", label: t("create.source_drawing"), help: t("create.source_drawing_help") },
  ];
}

function source_of(source: LayerSource): "photo" | "map" | "drawing" {
  return source === "result" ? "photo" : source === "scene" ? "drawing" : source;
}

function Balance({ layer, set }: { layer: ControlLayer; set: (change: Partial<ControlLayer>) => void }) {
  const at = layers.value.findIndex((other) => other.id === layer.id);
  const error = (name: string) => fieldErrors.value[`controls[${at}].${name}`];
  return (
    <>
      <Slider
        label={t("create.weight")}
        help={t("create.weight_help")}
        min={0}
        max={2}
        step={0.05}
        initial={1}
        value={layer.weight}
        error={error("weight")}
        onChange={(weight) => set({ weight })}
      />
      <RangeSlider
        label={t("create.range")}
        labels={[t("create.range_start"), t("create.range_end")]}
        help={t("create.range_help")}
        min={0}
        max={1}
        step={0.01}
        marks={Math.min(60, recipe.value.steps)}
        format={(value) => String(Math.round(value * 100))}
        suffix=" %"
        value={[layer.start, layer.end]}
        error={error("start") ?? error("end")}
        onChange={([start, end]) => set({ start, end })}
      />
      <Segmented
        label={t("create.balance")}
        help={t("create.balance_help")}
        value={layer.mode}
        options={[
          { value: "prompt", label: t("create.balance_prompt") },
          { value: "balanced", label: t("create.balance_balanced") },
          { value: "control", label: t("create.balance_control") },
        ]}
        onChange={(mode) => set({ mode })}
      />
    </>
  );
}

function Body({ layer }: { layer: ControlLayer }) {
  const [more, setMore] = useState(false);
  const set = (change: Partial<ControlLayer>) => update_layer(layer.id, change);
  const state = mapStates.value[layer.id];
  const annotators = kind_info(layer.kind)?.annotators ?? [];
  const annotator = annotator_info(layer.kind, layer.annotator);
  const photo = from_photo(layer);
  const problem = compatibility(layer);
  const missing = layer_problem(layer);
  const drawn = layer.source === "drawing" || layer.source === "scene";
  return (
    <div class="layer-card-body">
      {problem && (
        <p class="layer-card-note layer-card-note-warn" role="status">
          <Icon name="triangle-alert" size={14} /> {problem}
        </p>
      )}
      <Segmented label={t("create.source")} hideLabel value={source_of(layer.source)} options={source_options()} onChange={(source) => {
        set(source_change(layer, source));
        if (source === "drawing") edit_map(layer);
      }} />
      <div class={names("layer-card-thumbs", drawn && "layer-card-thumbs-one")}>
        {!drawn && <SourceThumb layer={layer} />}
        {!drawn && <Icon name="arrow-right" size={15} class="layer-card-arrow" />}
        <MapThumb layer={layer} />
        {drawn && (
          <Button small icon="pencil" class="card-edit" onClick={() => edit_map(layer)}>
            {t("create.open_editor")}
          </Button>
        )}
      </div>
      {state?.error && photo && (
        <p class="layer-card-note layer-card-note-error" role="alert">
          <Icon name="circle-alert" size={14} /> <span>{state.error}</span>
          <Button small kind="quiet" icon="refresh-cw" onClick={() => retry_map(layer.id)}>{t("common.retry")}</Button>
        </p>
      )}
      {layer.invertedFrom && (
        <Chip icon="refresh-cw" tone="accent" onClick={() => undo_inversion(layer)} tip={t("create.inverted_help")}>
          {t("create.inverted")} · {t("common.undo")}
        </Chip>
      )}
      {missing && !problem && <p class="layer-card-note"><Icon name="info" size={14} /> {t(`create.${missing}`)}</p>}
      {photo && annotators.length > 1 && (
        <Select
          label={t("create.annotator")}
          value={annotator?.name ?? ""}
          options={annotators.map((one) => ({ value: one.name, label: t_or(`kinds.annotator_${one.name}`, one.label), disabled: !one.available }))}
          onChange={(name) => set({ annotator: name === annotator_info(layer.kind)?.name ? undefined : name, parameters: {} })}
        />
      )}
      {photo && annotator && <Parameters parameters={annotator.parameters} values={layer.parameters} image={layer.image} onChange={(parameters) => set({ parameters })} />}
      <div class="layer-card-rule" />
      <Balance layer={layer} set={set} />
      <Button small kind="quiet" class="layer-card-more-button" icon={more ? "chevron-up" : "chevron-down"} aria-expanded={more} onClick={() => setMore(!more)}>
        {t(more ? "common.less" : "create.more_controls")}
      </Button>
      {more && <More layer={layer} set={set} />}
    </div>
  );
}

function summary(layer: ControlLayer): string {
  const range = layer.start > 0 || layer.end < 1 ? ` · ${Math.round(layer.start * 100)}–${Math.round(layer.end * 100)} %` : "";
  return `${layer.weight.toFixed(2)}${range}`;
}

export interface CardProps {
  layer: ControlLayer;
  at: number;
  dragged: boolean;
  onDragStart(event: DragEvent): void;
  onDragOver(event: DragEvent): void;
  onDragEnd(): void;
}

export function LayerCard({ layer, at, dragged, onDragStart, onDragOver, onDragEnd }: CardProps) {
  const open = selectedLayer.value === layer.id;
  const [grip, setGrip] = useState(false);
  const problem = compatibility(layer) ?? (layer_problem(layer) ? t(`create.${layer_problem(layer)}`) : null);
  const others = controlKinds.value;
  return (
    <article
      class={names("layer-card", open && "layer-card-open", !layer.enabled && "layer-card-off", dragged && "layer-card-dragged")}
      style={{ "--kind": kind_color(layer.kind) }}
      aria-label={t("create.layer_named", { number: at + 1, kind: kind_label(layer.kind) })}
      draggable={grip}
      onDragStart={onDragStart}
      onDragOver={onDragOver}
      onDragEnd={() => {
        setGrip(false);
        onDragEnd();
      }}
      onDrop={(event) => event.dataTransfer?.types.includes("application/x-zeroconv-layer") && event.preventDefault()}
    >
      <header class="layer-card-head">
        <span class="layer-card-grip" aria-hidden="true" onPointerDown={() => setGrip(true)} onPointerUp={() => setGrip(false)}>
          <Icon name="grip-vertical" size={15} />
        </span>
        {!open && (
          <button type="button" class="layer-card-mini" tabIndex={-1} aria-hidden="true" onClick={() => show_map(layer)}>
            {layer.map || layer.image ? <img src={asset_url((layer.map ?? layer.image)!, 64)} alt="" loading="lazy" /> : <Icon name="image-plus" size={16} />}
          </button>
        )}
        <button
          type="button"
          class="layer-card-title"
          aria-expanded={open}
          onClick={() => (selectedLayer.value = open ? null : layer.id)}
        >
          <span class="layer-card-kind">{kind_label(layer.kind)}</span>
          {!open && <span class="layer-card-summary num">{problem && layer.enabled ? <span class="layer-card-summary-warn">{problem}</span> : summary(layer)}</span>}
        </button>
        {open && (
          <Menu
            label={t("create.kind")}
            items={others.map((info) => ({
              id: info.kind,
              label: kind_label(info.kind),
              mark: kind_color(info.kind),
              checked: info.kind === layer.kind,
              disabled: !info.available,
              detail: info.available ? undefined : info.why_not,
              onSelect: () => update_layer(layer.id, { kind: info.kind, annotator: undefined, parameters: {}, controlnet: undefined, mapKey: undefined, ...(from_photo(layer) ? { map: undefined, pose: undefined } : {}) }),
            }) as MenuEntry)}
            button={(props) => <IconButton {...props} small icon="chevrons-up-down" label={t("create.change_kind")} />}
          />
        )}
        <span class="layer-card-space" />
        <IconButton
          small
          icon={layer.enabled ? "eye" : "eye-off"}
          label={t(layer.enabled ? "create.layer_off" : "create.layer_on")}
          shortcut={at < 9 ? `Alt+${at + 1}` : undefined}
          onClick={() => update_layer(layer.id, { enabled: !layer.enabled })}
        />
        <Menu label={t("common.more")} align="end" items={menu_of(layer, at)} button={(props) => <IconButton {...props} small icon="ellipsis" label={t("common.more")} />} />
      </header>
      {open && <Body layer={layer} />}
    </article>
  );
}
