// SPDX-License-Identifier: Apache-2.0
// Models as the screen shows them: which part they belong to, what a search finds, what is wrong. No page in here.
import type { ControlKindInfo, ModelEntry, ModelKind } from "../../api/types.ts";

export const modelParts: readonly ModelKind[] = ["base", "controlnet", "annotator", "lora"];

export function is_ready(model: Pick<ModelEntry, "ready" | "problem">): boolean {
  return model.ready !== false && !model.problem;
}

// Those that can be used first, then by family and name.
export function models_of(models: readonly ModelEntry[], part: ModelKind, search: string): ModelEntry[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (model: ModelEntry) => [model.title, model.id, model.file, model.family, model.control_kind, model.sha10].join(" ").toLowerCase();
  return models
    .filter((model) => model.kind === part && words.every((word) => text(model).includes(word)))
    .sort((a, b) => Number(is_ready(b)) - Number(is_ready(a)) || a.family.localeCompare(b.family) || a.title.localeCompare(b.title));
}

export interface Family {
  family: string;
  models: ModelEntry[];
}

// ControlNets stand under the family of bases with which they work.
export function by_family(models: readonly ModelEntry[]): Family[] {
  const families: Family[] = [];
  for (const model of models) {
    const known = families.find((one) => one.family === model.family);
    if (known) known.models.push(model);
    else families.push({ family: model.family, models: [model] });
  }
  return families;
}

export function counts_of(models: readonly ModelEntry[]): Record<ModelKind, { all: number; broken: number }> {
  const count = (part: ModelKind) => {
    const own = models.filter((model) => model.kind === part);
    return { all: own.length, broken: own.filter((model) => !is_ready(model)).length };
  };
  return { base: count("base"), controlnet: count("controlnet"), annotator: count("annotator"), lora: count("lora") };
}

export interface AnnotatorLine {
  kind: string;
  why_not: string; // of the kind as a whole
  annotators: { name: string; label: string; state: "ready" | "needs_weights" | "missing"; weights: string }[];
}

export function annotator_lines(kinds: readonly ControlKindInfo[], search: string): AnnotatorLine[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return kinds
    .map((info): AnnotatorLine => ({
      kind: info.kind,
      why_not: info.available ? "" : info.why_not,
      annotators: info.annotators
        .filter((annotator) => words.every((word) => `${info.kind} ${info.label} ${annotator.name} ${annotator.label}`.toLowerCase().includes(word)))
        .map((annotator) => ({
          name: annotator.name,
          label: annotator.label,
          state: annotator.available ? "ready" : annotator.weights_needed ? "needs_weights" : "missing",
          weights: annotator.weights ?? "",
        })),
    }))
    .filter((line) => line.annotators.length > 0);
}
