// SPDX-License-Identifier: Apache-2.0
// What the server can do. Null until it has answered.
import { computed, signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { AnnotatorInfo, Capabilities, ControlKindInfo, ModelEntry } from "../api/types.ts";
import { chosen_annotator } from "./annotators.ts";
import { families_match } from "./families.ts";
import { unit_fields } from "./schema_fields.ts";

export const capabilities = signal<Capabilities | null>(null);

export async function load_capabilities(): Promise<void> {
  capabilities.value = await api.capabilities();
}

export const baseModels = computed<ModelEntry[]>(() => (capabilities.value?.models ?? []).filter((model) => model.kind === "base"));
export const controlnets = computed<ModelEntry[]>(() => (capabilities.value?.models ?? []).filter((model) => model.kind === "controlnet"));
export const controlKinds = computed<ControlKindInfo[]>(() => capabilities.value?.control_kinds ?? []);

export function kind_info(kind: string): ControlKindInfo | undefined {
  return controlKinds.value.find((info) => info.kind === kind);
}

// By its name; without one, what the server takes for the kind: the annotator of that name, else the built-in network, else any.
export function annotator_info(kind: string, annotator?: string): AnnotatorInfo | undefined {
  return chosen_annotator(kind_info(kind)?.annotators ?? [], kind, annotator);
}

// Of a device as the server and its workers name it: "cpu, 2 threads", "cuda:0 NVIDIA H100".
export function is_gpu(device: string): boolean {
  return /cuda|gpu|nvidia/i.test(device);
}

// Whether a model can be used at all.
export function usable(model: ModelEntry): boolean {
  return model.ready !== false && !model.problem;
}

// Fields that a control unit may have on this server.
export const unitFields = computed(() => unit_fields(capabilities.value?.request_schema));

export function model_by_id(id: string): ModelEntry | undefined {
  return capabilities.value?.models.find((model) => model.id === id);
}

// ControlNets of this kind that fit a base model.
export function controlnets_for(kind: string, model: ModelEntry | undefined): ModelEntry[] {
  return controlnets.value.filter((net) => net.control_kind === kind && families_match(net.family, model?.family ?? ""));
}

// What a name in a request stands for: an annotator ("scribble_xdog") and its kind, or a kind alone.
export function kind_of(name: string): { kind: string; annotator: string | undefined } {
  for (const info of controlKinds.value) {
    if (info.annotators.some((annotator) => annotator.name === name)) return { kind: info.kind, annotator: name };
  }
  return { kind: name, annotator: undefined };
}
