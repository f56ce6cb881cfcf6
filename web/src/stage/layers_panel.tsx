// SPDX-License-Identifier: Apache-2.0
// The sheets of a drawing, top first: eye, name, lock, opacity, order.
import { useEffect, useRef, useState } from "preact/hooks";
import { IconButton, names, Slider } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { Panel } from "./chrome.tsx";
import { type Drawing, type InkLayer, MAX_LAYERS } from "./drawing.ts";
import { svgs } from "./icons.ts";
import type { Plane } from "./raster.ts";

export function layer_name(drawing: Drawing, layer: InkLayer): string {
  return layer.name || t("stage.layer_n", { n: drawing.layers.indexOf(layer) + 1 });
}

/** A small picture of the ink, black on white. `version` changes when the ink does. */
function Thumb({ plane, version }: { plane: Plane<Uint8Array>; version: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const side = 56;
  const scale = side / Math.max(plane.width, plane.height);
  const [width, height] = [Math.max(1, Math.round(plane.width * scale)), Math.max(1, Math.round(plane.height * scale))];
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = new ImageData(width, height);
    for (let y = 0; y < height; ++y)
      for (let x = 0; x < width; ++x) {
        // The darkest of the pixels under this one, or thin lines would vanish.
        let ink = 0;
        for (let py = Math.floor(y / scale); py < Math.min(plane.height, (y + 1) / scale); py += 2)
          for (let px = Math.floor(x / scale); px < Math.min(plane.width, (x + 1) / scale); px += 2) ink = Math.max(ink, plane.data[py * plane.width + px]!);
        image.data.set([0, 0, 0, ink], 4 * (y * width + x));
      }
    context.putImageData(image, 0, 0);
  }, [plane, version]);
  return <canvas ref={canvas} class="stage-thumb" width={width} height={height} aria-hidden="true" />;
}

interface RowProps {
  drawing: Drawing;
  layer: InkLayer;
  version: number;
  onChanged: () => void;
}

function LayerRow({ drawing, layer, version, onChanged }: RowProps) {
  const [naming, setNaming] = useState(false);
  const name = layer_name(drawing, layer);
  const active = drawing.active.id === layer.id;
  const set = (label: string, values: Parameters<Drawing["change"]>[2]) => {
    drawing.change(label, layer.id, values);
    onChanged();
  };
  return (
    <li class={names("stage-layer", active && "stage-layer-active", !layer.visible && "stage-layer-hidden")}>
      <IconButton small icon={layer.visible ? "eye" : "eye-off"} label={t("stage.layer_visible", { name })} pressed={layer.visible} onClick={() => set(t("stage.step_visibility"), { visible: !layer.visible })} />
      {naming ? (
        <input
          class="input stage-layer-input"
          value={name}
          aria-label={t("stage.layer_rename", { name })}
          ref={(element) => element?.select()}
          onBlur={(event) => {
            setNaming(false);
            if (event.currentTarget.value.trim() !== name) set(t("stage.step_rename"), { name: event.currentTarget.value.trim() });
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter") event.currentTarget.blur();
            if (event.key === "Escape") setNaming(false);
            event.stopPropagation();
          }}
        />
      ) : (
        <button
          type="button"
          class="stage-layer-name"
          aria-pressed={active}
          data-tip={t("stage.layer_rename_tip")}
          onClick={() => {
            drawing.select(layer.id);
            onChanged();
          }}
          onDblClick={() => setNaming(true)}
          onKeyDown={(event) => event.key === "F2" && setNaming(true)}
        >
          <Thumb plane={layer.plane} version={version} />
          <span>{name}</span>
          {layer.opacity < 1 && <small class="num">{Math.round(layer.opacity * 100)} %</small>}
        </button>
      )}
      <IconButton small icon={layer.locked ? "lock" : "lock-open"} label={t("stage.layer_locked", { name })} pressed={layer.locked} onClick={() => set(t("stage.step_lock"), { locked: !layer.locked })} />
    </li>
  );
}

function BaseRow({ drawing, onChanged }: { drawing: Drawing; onChanged: () => void }) {
  const base = drawing.base;
  if (!base) return null;
  const name = t("stage.base_map");
  return (
    <li class={names("stage-layer", "stage-layer-base", !base.visible && "stage-layer-hidden")}>
      <IconButton small icon={base.visible ? "eye" : "eye-off"} label={t("stage.layer_visible", { name })} pressed={base.visible} onClick={() => {
        drawing.change_base(t("stage.step_visibility"), { visible: !base.visible });
        onChanged();
      }} />
      <span class="stage-layer-name" data-tip={t("stage.base_map_tip")}>{name}</span>
      <IconButton small icon={base.locked ? "lock" : "lock-open"} label={t("stage.layer_locked", { name })} pressed={base.locked} onClick={() => {
        drawing.change_base(t("stage.step_lock"), { locked: !base.locked });
        onChanged();
      }} />
    </li>
  );
}

export function LayersPanel({ drawing, version, onChanged }: { drawing: Drawing; version: number; onChanged: () => void }) {
  const active = drawing.active;
  const at = drawing.layers.indexOf(active);
  const run = (done: unknown) => done !== null && done !== false && onChanged();
  const last = drawing.layers.length === 1;
  return (
    <Panel title={t("stage.layers")} aside={<IconButton small icon="plus" label={t("stage.layer_add")} disabled={drawing.layers.length >= MAX_LAYERS} onClick={() => run(drawing.add(t("stage.layer_add")))} />}>
      <ul class="stage-layers">
        {[...drawing.layers].reverse().map((layer) => <LayerRow key={layer.id} drawing={drawing} layer={layer} version={version} onChanged={onChanged} />)}
        <BaseRow drawing={drawing} onChanged={onChanged} />
      </ul>
      <Slider
        label={t("stage.layer_opacity")}
        help={t("stage.layer_opacity_help")}
        value={Math.round(active.opacity * 100)}
        min={0}
        max={100}
        initial={100}
        suffix="%"
        onInput={(v) => {
          drawing.preview(active.id, { opacity: v / 100 });
          onChanged();
        }}
        onChange={(v) => {
          drawing.change(t("stage.step_opacity"), active.id, { opacity: v / 100 });
          onChanged();
        }}
      />
      <div class="stage-layer-actions" role="group" aria-label={t("stage.layer_actions", { name: layer_name(drawing, active) })}>
        <IconButton small icon="arrow-up" label={t("stage.layer_up")} disabled={at === drawing.layers.length - 1} onClick={() => run(drawing.reorder(t("stage.step_order"), active.id, 1))} />
        <IconButton small icon="arrow-down" label={t("stage.layer_down")} disabled={at === 0} onClick={() => run(drawing.reorder(t("stage.step_order"), active.id, -1))} />
        <IconButton small icon="copy" label={t("stage.layer_duplicate")} disabled={drawing.layers.length >= MAX_LAYERS} onClick={() => run(drawing.duplicate(t("stage.layer_duplicate"), t("stage.copy_of", { name: layer_name(drawing, active) })))} />
        <IconButton small svg={svgs.merge} label={t("stage.layer_merge")} disabled={at === 0} onClick={() => run(drawing.merge_down(t("stage.layer_merge"), active.id))} />
        <IconButton small icon="trash-2" kind="danger" label={t("stage.layer_delete")} disabled={last || active.locked} onClick={() => run(drawing.remove(t("stage.layer_delete"), active.id))} />
      </div>
    </Panel>
  );
}
