// SPDX-License-Identifier: Apache-2.0
// The control layers of the recipe: what each holds, and the few ways in which they change.
import { signal } from "@preact/signals";
import type { ControlMode, ParameterValue, ResizeMode, Sha } from "../api/types.ts";

export type LayerSource = "photo" | "map" | "drawing" | "scene" | "result";

export interface ControlLayer {
  id: string;
  kind: string; // "canny", "pose", ...
  enabled: boolean;
  source: LayerSource;
  image?: Sha; // the photograph (photo, result)
  map?: Sha; // the finished map: made by the annotator, dropped in, or drawn
  pose?: Sha; // people as OpenPose JSON
  document?: unknown; // of the editor that drew the map
  annotator?: string;
  parameters: Record<string, ParameterValue>;
  weight: number; // 0..2
  start: number; // 0..1 of the steps
  end: number;
  mode: ControlMode;
  guess?: boolean;
  resize: ResizeMode;
  mask?: Sha; // region in white
  blockWeights?: number[]; // 13 of SD 1 and 2, 10 of SDXL
  onlyMid?: boolean;
  controlnet?: string; // id of the ControlNet; unset: the server's choice for the kind
  mapKey?: string; // of what the map was made (state/maps.ts)
  invertedFrom?: Sha; // the map as it was dropped in, before it was made white on black
  name?: string; // of the file, for people
  maskDocument?: unknown; // of the editor that drew the region
  kept?: Pick<ControlLayer, "map" | "pose" | "document">; // a drawing, while the layer stands on a photograph again
}

export const layers = signal<ControlLayer[]>([]);
export const selectedLayer = signal<string | null>(null);

let count = 0;
export function new_layer_id(): string {
  count += 1;
  return `layer-${Date.now().toString(36)}-${count}`;
}

export function new_layer(kind: string, values: Partial<ControlLayer> = {}): ControlLayer {
  return {
    id: new_layer_id(),
    kind,
    enabled: true,
    source: "photo",
    parameters: {},
    weight: 1,
    start: 0,
    end: 1,
    mode: "balanced",
    resize: "crop",
    ...values,
  };
}

export function add_layer(layer: ControlLayer): void {
  layers.value = [...layers.value, layer];
  selectedLayer.value = layer.id;
}

export function update_layer(id: string, change: Partial<ControlLayer>): void {
  layers.value = layers.value.map((layer) => (layer.id === id ? { ...layer, ...change } : layer));
}

export function remove_layer(id: string): void {
  const at = layers.value.findIndex((layer) => layer.id === id);
  if (at < 0) return;
  layers.value = layers.value.filter((layer) => layer.id !== id);
  if (selectedLayer.value === id) {
    const next = layers.value[Math.min(at, layers.value.length - 1)];
    selectedLayer.value = next ? next.id : null;
  }
}

export function duplicate_layer(id: string): void {
  const at = layers.value.findIndex((layer) => layer.id === id);
  const layer = layers.value[at];
  if (!layer) return;
  const copy = { ...structuredClone(layer), id: new_layer_id() };
  layers.value = [...layers.value.slice(0, at + 1), copy, ...layers.value.slice(at + 1)];
  selectedLayer.value = copy.id;
}

// Moves a layer to another place in the list (0 is the first); places outside are cut to the ends.
export function move_layer(id: string, to: number): void {
  const at = layers.value.findIndex((layer) => layer.id === id);
  const layer = layers.value[at];
  if (!layer) return;
  const rest = layers.value.filter((other) => other.id !== id);
  const place = Math.max(0, Math.min(rest.length, to));
  layers.value = [...rest.slice(0, place), layer, ...rest.slice(place)];
}

export function layer_by_id(id: string | null): ControlLayer | undefined {
  return layers.value.find((layer) => layer.id === id);
}
