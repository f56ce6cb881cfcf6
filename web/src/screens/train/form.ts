// SPDX-License-Identifier: Apache-2.0
// The form of a new training: what people choose, what the server is asked for, and its options out of the schema. No page in here.
import type { JsonSchema, NewTrainRun, PlanRow, TrainDataset, TrainPair } from "../../api/types.ts";

export type DatasetType = TrainDataset["type"];
export type Preset = "quick" | "standard" | "thorough";
export const presets: readonly Preset[] = ["quick", "standard", "thorough"];

export interface RunForm {
  name: string;
  type: DatasetType;
  count: number; // of drawn pictures
  dataSeed: number;
  control: string; // kind of map
  model: string; // base
  preset: Preset | null; // null: steps or batch were set by hand
  options: Record<string, unknown>; // by name; what is not here has the server's default
}

// Enough for a first look, for a control that works, for a good one. The built-in model is small and starts from a rate that is a
// hundred times larger; a measurement draws pictures, which takes long with large models, so fewer pairs are held out there.
export function preset_options(preset: Preset, small_model: boolean): Record<string, unknown> {
  if (small_model) {
    const common = { batch: 4, lr: 1e-3, optimizer: "muon", warmup: 20, validation: 6 };
    if (preset === "quick") return { ...common, steps: 800, sample_every: 60 };
    if (preset === "standard") return { ...common, steps: 2000, sample_every: 100 };
    return { ...common, steps: 6000, batch: 8, validation: 8, sample_every: 250 };
  }
  const common = { batch: 4, lr: 1e-5, optimizer: "adamw8bit", validation: 2 };
  if (preset === "quick") return { ...common, steps: 1000, batch: 2, validation: 1, sample_every: 250 };
  if (preset === "standard") return { ...common, steps: 4000, sample_every: 500 };
  return { ...common, steps: 12_000, validation: 4, sample_every: 1000 };
}

export function initial_form(model: string, small_model: boolean): RunForm {
  return { name: "", type: "circles", count: 300, dataSeed: 1, control: "canny", model, preset: "quick", options: preset_options("quick", small_model) };
}

// Options that have a place of their own in the form, or that the server sets.
const own = new Set(["what", "data", "model", "control", "out", "cache", "resume", "device", "memory_bytes", "steps", "batch", "size", "init", "decoder_only", "rank_timeout"]);

export interface TrainField {
  name: string;
  type: "int" | "float" | "bool" | "choice" | "text";
  default: unknown;
  min?: number;
  max?: number;
  choices: string[];
  help: string;
}

const groups: [string, string[]][] = [
  ["learning", ["lr", "optimizer", "schedule", "warmup", "schedule_cycles", "schedule_power", "accumulate", "weight_decay", "grad_clip", "ema"]],
  ["loss", ["loss", "huber_c", "min_snr", "debiased", "noise_offset", "zero_terminal_snr"]],
  ["what_learns", ["prediction", "unlock_decoder", "only_mid_control"]],
  ["data", ["prompt_dropout", "tag_dropout", "hint_dropout", "buckets", "random_crop", "flip", "hint_noise", "hint_blur", "random_thresholds", "seed"]],
  ["memory", ["precision", "base_precision", "gradient_checkpointing"]],
  ["watching", ["validation", "validate_every", "patience", "guidance", "sample_every", "save_every", "keep", "log_every"]],
];

function field_of(name: string, property: JsonSchema): TrainField | null {
  const type = Array.isArray(property.type) ? property.type.find((one) => one !== "null") : property.type;
  const kind = property.enum?.length ? "choice" : type === "boolean" ? "bool" : type === "integer" ? "int" : type === "number" ? "float" : type === "string" && !("format" in property) ? "text" : null;
  if (!kind) return null;
  return {
    name,
    type: kind,
    default: property.default ?? (kind === "bool" ? false : kind === "text" ? "" : kind === "choice" ? String(property.enum![0]) : (property.minimum ?? 0)),
    ...(property.minimum === undefined ? {} : { min: property.minimum }),
    ...(property.maximum === undefined ? {} : { max: property.maximum }),
    choices: (property.enum ?? []).map(String),
    help: property.description ?? "",
  };
}

// Advanced options in their groups, each in the order of the table; those that nobody sorted yet stand in "other".
export function grouped_fields(schema: JsonSchema | null): { group: string; fields: TrainField[] }[] {
  const properties = schema?.properties ?? {};
  const sorted = new Set(groups.flatMap(([, names]) => names));
  const others = Object.keys(properties).filter((name) => !own.has(name) && !sorted.has(name));
  return [...groups, ["other", others] as [string, string[]]]
    .map(([group, names]) => ({ group, fields: names.flatMap((name) => (properties[name] ? (field_of(name, properties[name]) ?? []) : [])) }))
    .filter(({ fields }) => fields.length > 0);
}

function resolve(document: JsonSchema, part: unknown): JsonSchema | undefined {
  const schema = part as JsonSchema | undefined;
  const reference = schema?.$ref;
  if (typeof reference !== "string" || !reference.startsWith("#/")) return schema;
  return reference.slice(2).split("/").reduce<JsonSchema | undefined>((at, name) => at?.[name.replace(/~1/g, "/").replace(/~0/g, "~")] as JsonSchema | undefined, document);
}

// The options of POST /api/v1/train/runs out of the description of the API.
export function schema_in_openapi(openapi: JsonSchema | null): JsonSchema | null {
  if (!openapi) return null;
  const paths = openapi.paths as Record<string, { post?: { requestBody?: { content?: Record<string, { schema?: unknown }> } } }> | undefined;
  const body = resolve(openapi, paths?.["/api/v1/train/runs"]?.post?.requestBody?.content?.["application/json"]?.schema);
  const options = resolve(openapi, body?.properties?.options);
  return options?.properties ? options : null;
}

export function default_of(schema: JsonSchema | null, name: string, otherwise: number): number {
  const value = schema?.properties?.[name]?.default;
  return typeof value === "number" ? value : otherwise;
}

// Only what differs from the server's own defaults, so that a newer server may have better ones.
export function changed_options(options: Readonly<Record<string, unknown>>, schema: JsonSchema | null): Record<string, unknown> {
  const known = schema?.properties;
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => (!known || name in known) && known?.[name]?.default !== value));
}

export function run_of_form(form: RunForm, schema: JsonSchema | null, pairs: readonly TrainPair[]): NewTrainRun {
  const dataset: TrainDataset =
    form.type === "upload" ? { type: "upload", control: form.control, pairs: [...pairs] } : { type: form.type, count: form.count, seed: form.dataSeed, ...(form.type === "toyworld" ? { control: form.control } : {}) };
  return {
    name: form.name.trim(),
    kind: "control",
    options: changed_options({ ...form.options, model: form.model, ...(form.type === "circles" ? {} : { control: form.control }) }, schema),
    dataset,
  };
}

// What is missing, by field, as a key of train.*.
export function missing_in(form: RunForm, pairs: number, uploading: boolean): Partial<Record<"name" | "pairs" | "model", string>> {
  return {
    ...(form.name.trim() ? {} : { name: "needs_name" }),
    ...(form.model ? {} : { model: "needs_model" }),
    ...(form.type === "upload" && pairs === 0 ? { pairs: "needs_pairs" } : form.type === "upload" && uploading ? { pairs: "needs_upload" } : {}),
  };
}

// "options.lr" -> "lr": the field of the form to which a fault belongs.
export function field_of_fault(field: string): string {
  return field.replace(/^(options|dataset)\./, "");
}

export interface MemoryRow extends PlanRow {
  counts: boolean; // it is there when the most is needed
}

// Which rows make up the most that is needed at one time. Those of the step and of the validation do not lie beside one another, and
// the pictures are encoded before the rest of the training is there.
export function memory_rows(rows: readonly PlanRow[]): MemoryRow[] {
  const sum = (phase: PlanRow["phase"]) => rows.reduce((all, row) => all + (row.phase === phase ? row.bytes : 0), 0);
  const inner = sum("validation") > sum("step") ? "validation" : "step";
  const training = sum("training") + sum(inner) >= sum("encoding");
  const at_peak = new Set<PlanRow["phase"]>([undefined, "always", ...(training ? (["training", inner] as const) : (["encoding"] as const))]);
  return rows.map((row) => ({ ...row, counts: at_peak.has(row.phase) }));
}

// "--optimizer adamw8bit saves 2.1 GB" speaks of the command line; the page has the same words without the dashes.
export function without_flags(text: string): string {
  return text.replace(/--([a-z][a-z0-9-]*)/g, (_, flag: string) => flag.replace(/-/g, " "));
}
