// SPDX-License-Identifier: Apache-2.0
// Live maps: a layer that stands on a photograph gets its map again whenever picture, parameters or size change; the latest wins.
import { effect, signal } from "@preact/signals";
import { api, ApiError, is_abort } from "../api/client.ts";
import { capabilities } from "./capabilities.ts";
import { error_text } from "./errors.ts";
import { layers, update_layer, type ControlLayer } from "./layers.ts";
import { recipe } from "./recipe.ts";
import { from_photo } from "./request.ts";
import { connection } from "./session.ts";

export interface MapState {
  busy: boolean;
  error: string;
  seconds: number | null;
}
export const mapStates = signal<Record<string, MapState>>({});

const kWaitMs = 30;
const tab = crypto.randomUUID?.() ?? String(Math.random());

interface Running {
  key: string;
  timer: ReturnType<typeof setTimeout>;
  abort: AbortController;
}
const running = new Map<string, Running>();
const failed = new Map<string, string>(); // key of the last fault, so that it is not asked again and again

export function map_key(layer: ControlLayer, width: number, height: number): string {
  return JSON.stringify([layer.image, layer.kind, layer.annotator ?? "", Object.entries(layer.parameters).sort(), width, height, layer.resize]);
}

function set_state(id: string, change: Partial<MapState>): void {
  const before = mapStates.value[id] ?? { busy: false, error: "", seconds: null };
  mapStates.value = { ...mapStates.value, [id]: { ...before, ...change } };
}

function stop(id: string): void {
  const job = running.get(id);
  if (!job) return;
  clearTimeout(job.timer);
  job.abort.abort();
  running.delete(id);
}

async function make(layer: ControlLayer, key: string, width: number, height: number, abort: AbortController): Promise<void> {
  set_state(layer.id, { busy: true, error: "" });
  try {
    const made = await api.annotate(
      { asset: layer.image!, kind: layer.kind, annotator: layer.annotator ?? "", parameters: layer.parameters, width, height, resize: layer.resize, slot: `${tab}/${layer.id}` },
      abort.signal,
    );
    if (running.get(layer.id)?.key !== key) return;
    update_layer(layer.id, { map: made.asset, mapKey: key, pose: made.pose ?? undefined, document: undefined });
    set_state(layer.id, { busy: false, seconds: made.seconds });
    failed.delete(layer.id);
  } catch (error) {
    if (is_abort(error) || (error instanceof ApiError && error.code === "superseded") || running.get(layer.id)?.key !== key) return;
    failed.set(layer.id, key);
    set_state(layer.id, { busy: false, error: error_text(error) });
  } finally {
    if (running.get(layer.id)?.key === key) running.delete(layer.id);
  }
}

// Tries again what failed.
export function retry_map(id: string): void {
  failed.delete(id);
  layers.value = [...layers.value];
}

export function follow_layers(): () => void {
  return effect(() => {
    const { width, height } = recipe.value;
    const known = new Set<string>();
    const ready = capabilities.value !== null && connection.value === "open";
    for (const layer of layers.value) {
      known.add(layer.id);
      const key = map_key(layer, width, height);
      const wanted = ready && from_photo(layer) && layer.image !== undefined && layer.mapKey !== key && failed.get(layer.id) !== key;
      if (!wanted) {
        if (running.get(layer.id)?.key !== key) stop(layer.id);
        continue;
      }
      if (running.get(layer.id)?.key === key) continue;
      stop(layer.id);
      const abort = new AbortController();
      running.set(layer.id, { key, abort, timer: setTimeout(() => void make(layer, key, width, height, abort), kWaitMs) });
    }
    for (const id of [...running.keys()]) if (!known.has(id)) stop(id);
  });
}
