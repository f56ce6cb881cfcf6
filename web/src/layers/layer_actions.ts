// SPDX-License-Identifier: Apache-2.0
// What can be done with a control layer, for cards, menus and the stage.
import { api, asset_url } from "../api/client.ts";
import { toast, type MenuEntry } from "../design/index.ts";
import { t, t_or } from "../i18n/index.ts";
import { capabilities, controlnets_for, kind_info } from "../state/capabilities.ts";
import { map_change } from "../state/dropped_map.ts";
import { is_pose_file, upload } from "../state/import.ts";
import { duplicate_layer, layers, move_layer, remove_layer, selectedLayer, update_layer, type ControlLayer } from "../state/layers.ts";
import { send_to_init } from "../state/recall.ts";
import { recipe } from "../state/recipe.ts";
import { chosenModel } from "../state/submit.ts";
import { editing, pane, stageTab } from "../state/view.ts";

export function kind_label(kind: string): string {
  return t_or(`kinds.${kind}`, kind_info(kind)?.label ?? kind);
}

// Shows the layer's map on the stage.
export function show_map(layer: ControlLayer): void {
  selectedLayer.value = layer.id;
  stageTab.value = "map";
  pane.value = "stage";
}

export function edit_map(layer: ControlLayer): void {
  show_map(layer);
  editing.value = layer.id;
}

export async function take_photo(layer: ControlLayer, file: File): Promise<void> {
  const asset = await upload(file);
  if (!asset) return;
  if (is_pose_file(file)) update_layer(layer.id, { source: "map", pose: asset.sha, map: undefined, image: undefined, name: file.name });
  else update_layer(layer.id, { source: "photo", image: asset.sha, document: undefined, pose: undefined, name: file.name });
  if (selectedLayer.value === layer.id && !editing.value) stageTab.value = "map";
}

export async function take_map(layer: ControlLayer, file: File): Promise<void> {
  const asset = await upload(file);
  if (!asset) return;
  if (is_pose_file(file)) update_layer(layer.id, { source: "map", pose: asset.sha, map: undefined, image: undefined, name: file.name });
  else update_layer(layer.id, await map_change(layer.kind, asset, file.name));
}

// A drawing is kept aside while the layer stands on something else, and comes back with it.
export function source_change(layer: ControlLayer, source: "photo" | "map" | "drawing"): Partial<ControlLayer> {
  const drew = layer.source === "drawing" || layer.source === "scene";
  if (source === "drawing") return { source, mapKey: undefined, ...(layer.kept ?? {}), kept: undefined };
  const kept = drew ? { map: layer.map, pose: layer.pose, document: layer.document } : layer.kept;
  return { source, mapKey: undefined, kept };
}

// Why this layer cannot take part with this model, if so.
export function compatibility(layer: ControlLayer): string | null {
  if (!capabilities.value) return null;
  const info = kind_info(layer.kind);
  const model = chosenModel.value;
  if (!info) return t("create.kind_unknown", { kind: kind_label(layer.kind) });
  if (model && controlnets_for(layer.kind, model).length === 0) {
    return t("create.no_controlnet", { kind: kind_label(layer.kind), family: model.family || model.title });
  }
  return info.available ? null : info.why_not || null;
}

async function use_as_init(layer: ControlLayer): Promise<void> {
  const sha = layer.image ?? layer.map;
  if (!sha) return;
  const picture = new Image();
  picture.src = asset_url(sha);
  await picture.decode().catch(() => {});
  send_to_init({ sha, width: recipe.value.width, height: recipe.value.height });
}

async function download_map(layer: ControlLayer): Promise<void> {
  if (!layer.map) return;
  try {
    const bytes = await api.asset_bytes(layer.map);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "image/png" }));
    link.download = `${layer.kind}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch {
    toast({ kind: "error", title: t("create.not_read", { name: layer.kind }) });
  }
}

export function menu_of(layer: ControlLayer, at: number): MenuEntry[] {
  const full = layers.value.length >= (capabilities.value?.limits.max_layers ?? 8);
  return [
    { id: "edit", label: t("create.edit_map"), icon: "pencil", note: "D", onSelect: () => edit_map(layer) },
    { id: "copy", label: t("create.duplicate"), icon: "copy", disabled: full, onSelect: () => duplicate_layer(layer.id) },
    { id: "init", label: t("create.as_init"), icon: "image", disabled: !layer.image && !layer.map, onSelect: () => void use_as_init(layer) },
    { id: "save", label: t("create.save_map"), icon: "download", disabled: !layer.map, onSelect: () => void download_map(layer) },
    { separator: true },
    { id: "up", label: t("create.move_up"), icon: "arrow-up", note: "Alt+↑", disabled: at === 0, onSelect: () => move_layer(layer.id, at - 1) },
    { id: "down", label: t("create.move_down"), icon: "arrow-down", note: "Alt+↓", disabled: at === layers.value.length - 1, onSelect: () => move_layer(layer.id, at + 1) },
    { separator: true },
    { id: "remove", label: t("common.delete"), icon: "trash-2", danger: true, onSelect: () => remove_with_undo(layer, at) },
  ];
}

export function remove_with_undo(layer: ControlLayer, at: number): void {
  if (editing.value?.endsWith(layer.id)) editing.value = null;
  remove_layer(layer.id);
  toast({
    title: t("create.layer_removed", { kind: kind_label(layer.kind) }),
    action: {
      label: t("common.undo"),
      run: () => {
        layers.value = [...layers.value.slice(0, at), layer, ...layers.value.slice(at)];
        selectedLayer.value = layer.id;
      },
    },
  });
}

