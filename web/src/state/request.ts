// SPDX-License-Identifier: Apache-2.0
// From recipe and layers to the request that the server takes, and back from the request of a picture. No page in here.
import type { ControlUnit, GenerateRequest, ParameterValue, Sha } from "../api/types.ts";
import { new_layer, type ControlLayer } from "./layers.ts";
import type { Recipe } from "./recipe.ts";
import { split_styles, styled_prompt, type Style } from "./styles.ts";

const kAsset = "asset:";

export function asset_ref(sha: Sha): string {
  return kAsset + sha;
}

export function sha_of_ref(ref: unknown): Sha | null {
  return typeof ref === "string" && ref.startsWith(kAsset) && ref.length > kAsset.length ? ref.slice(kAsset.length) : null;
}

// What hinders a layer from taking part, as a key of create.*; null: nothing.
export function layer_problem(layer: ControlLayer): "layer_needs_picture" | "layer_needs_map" | null {
  if (from_photo(layer)) return layer.image ? null : "layer_needs_picture";
  return layer.map || layer.pose ? null : "layer_needs_map";
}

export function from_photo(layer: ControlLayer): boolean {
  return layer.source === "photo" || layer.source === "result";
}

// "low=100" of each parameter, sorted so that the same layer always gives the same request.
export function parameter_list(parameters: Record<string, ParameterValue>): string[] {
  return Object.keys(parameters)
    .sort()
    .map((name) => `${name}=${parameters[name]}`);
}

export function parameters_of_list(list: readonly string[]): Record<string, ParameterValue> {
  const parameters: Record<string, ParameterValue> = {};
  for (const entry of list) {
    const at = entry.indexOf("=");
    if (at <= 0) continue;
    const text = entry.slice(at + 1);
    const number = Number(text);
    parameters[entry.slice(0, at)] = text === "true" ? true : text === "false" ? false : text !== "" && Number.isFinite(number) ? number : text;
  }
  return parameters;
}

// `fields`: what the server takes. A photograph goes as it is when the server would make the same map of it; else its map goes.
export function unit_of_layer(layer: ControlLayer, fields: ReadonlySet<string> = everyField): ControlUnit {
  const same_map = (layer.annotator === undefined || layer.annotator === layer.kind || fields.has("annotator")) && (layer.resize === "crop" || fields.has("resize"));
  const photo = from_photo(layer) && (same_map || !layer.map);
  const image = photo ? layer.image : (layer.pose ?? layer.map);
  const unit: ControlUnit = {
    kind: layer.kind,
    image: image ? asset_ref(image) : "",
    map: !photo,
    weight: layer.weight,
    start: layer.start,
    end: layer.end,
    mode: layer.mode,
    resize: layer.resize,
    only_mid: layer.onlyMid ?? false,
    parameters: photo ? parameter_list(layer.parameters) : [],
    ...(photo && layer.annotator ? { annotator: layer.annotator } : {}),
    ...(layer.mask ? { mask: asset_ref(layer.mask) } : {}),
    ...(layer.blockWeights ? { block_weights: layer.blockWeights } : {}),
  };
  return Object.fromEntries(Object.entries(unit).filter(([name]) => fields.has(name))) as unknown as ControlUnit;
}

const everyField: ReadonlySet<string> = new Set(["kind", "image", "map", "weight", "start", "end", "mode", "resize", "only_mid", "parameters", "annotator", "mask", "block_weights"]);

export interface ComposeContext {
  styles: readonly Style[]; // that fit the model
  seed: number;
  model: string;
  unitFields?: ReadonlySet<string>;
}

export function compose_request(recipe: Recipe, layers: readonly ControlLayer[], context: ComposeContext): GenerateRequest {
  const texts = styled_prompt(recipe.prompt, recipe.negative, recipe.styles, context.styles);
  const active = layers.filter((layer) => layer.enabled && layer_problem(layer) === null);
  const nets = new Map(active.filter((layer) => layer.controlnet).map((layer) => [layer.kind, layer.controlnet!]));
  return {
    ...with_parts(recipe.extra),
    prompt: texts.prompt,
    negative: texts.negative,
    ...(recipe.addedWords ? {} : { a_prompt: "", n_prompt: "" }),
    ...(context.model ? { model: context.model } : {}),
    controls: active.map((layer) => unit_of_layer(layer, context.unitFields)),
    ...(nets.size ? { controlnets: [...nets].map(([kind, id]) => `${kind}=${id}`) } : {}),
    width: recipe.width,
    height: recipe.height,
    steps: recipe.steps,
    ...(recipe.fast ? { fast: true } : {}),
    ...(recipe.cfg === null ? {} : { cfg: recipe.cfg }),
    batch: recipe.count,
    seed: context.seed,
    ...(recipe.sampler ? { sampler: recipe.sampler } : {}),
    eta: recipe.eta,
    guess: recipe.guess && active.length > 0,
    ...(recipe.init ? { init: asset_ref(recipe.init), denoise: recipe.denoise } : {}),
    ...(recipe.init && recipe.mask ? { mask: asset_ref(recipe.mask), mask_blur: recipe.maskBlur } : {}),
  };
}

export type RecallPart = "prompt" | "seed" | "size" | "settings" | "controls" | "init";
export const recallParts: readonly RecallPart[] = ["prompt", "seed", "size", "settings", "controls", "init"];

export interface Names {
  // The kind of ControlNet of an annotator or kind; and whether that name is an annotator's.
  kind_of(name: string): { kind: string; annotator: string | undefined };
}

export function layer_of_unit(unit: ControlUnit, names: Names): ControlLayer {
  const known = names.kind_of(unit.kind);
  const kind = known.kind;
  const annotator = unit.annotator ?? (known.annotator === kind ? undefined : known.annotator);
  const sha = sha_of_ref(unit.image) ?? undefined;
  return new_layer(kind, {
    source: unit.map ? "map" : "photo",
    ...(unit.map ? { map: sha } : { image: sha, annotator }),
    parameters: parameters_of_list(unit.parameters ?? []),
    weight: unit.weight ?? 1,
    start: unit.start ?? 0,
    end: unit.end ?? 1,
    mode: unit.mode ?? "balanced",
    resize: unit.resize ?? "crop",
    onlyMid: unit.only_mid ?? false,
    ...(sha_of_ref(unit.mask) ? { mask: sha_of_ref(unit.mask)! } : {}),
    ...(unit.block_weights?.length ? { blockWeights: unit.block_weights } : {}),
  });
}

// Fields of the request that have a place of their own in the recipe.
export const knownFields: ReadonlySet<string> = new Set([
  "prompt", "negative", "a_prompt", "n_prompt", "controls", "model", "controlnets", "steps", "fast", "cfg", "seed", "width", "height", "batch", "sampler", "eta",
  "guess", "init", "denoise", "mask", "mask_blur",
]);

// The chosen parts of a request as changes of recipe and layers; what the request does not say stays as it is.
export function recall(request: GenerateRequest, parts: readonly RecallPart[], styles: readonly Style[], names: Names): { recipe: Partial<Recipe>; layers: ControlLayer[] | null } {
  const want = new Set(parts);
  const change: Partial<Recipe> = {};
  if (want.has("prompt")) {
    const split = split_styles(request.prompt ?? "", request.negative ?? "", styles);
    Object.assign(change, { prompt: split.prompt, negative: split.negative, styles: split.chosen });
  }
  if (want.has("seed") && request.seed !== undefined) Object.assign(change, { seed: request.seed, seedFixed: true });
  if (want.has("size") && request.width && request.height) Object.assign(change, { width: request.width, height: request.height });
  if (want.has("settings")) Object.assign(change, settings_of(request));
  if (want.has("init")) {
    const init = sha_of_ref(request.init);
    if (init) {
      Object.assign(change, { init, denoise: request.denoise ?? 0.75, mask: sha_of_ref(request.mask), maskBlur: request.mask_blur ?? 5, maskDocument: null });
    }
  }
  const units = want.has("controls") ? (request.controls ?? []) : null;
  const nets = parameters_of_list(request.controlnets ?? []);
  const layers = units?.map((unit) => layer_of_unit(unit, names)) ?? null;
  for (const layer of layers ?? []) {
    const net = nets[layer.kind];
    if (net !== undefined) layer.controlnet = String(net);
  }
  return { recipe: change, layers };
}

function settings_of(request: GenerateRequest): Partial<Recipe> {
  const change: Partial<Recipe> = {};
  if (request.steps !== undefined) change.steps = request.steps;
  if (request.fast !== undefined) change.fast = request.fast;
  if (request.cfg !== undefined) change.cfg = request.cfg;
  if (request.sampler !== undefined) change.sampler = request.sampler;
  if (request.eta !== undefined) change.eta = request.eta;
  if (request.guess !== undefined) change.guess = request.guess;
  if (request.model !== undefined) change.model = request.model;
  if (request.batch !== undefined) change.count = request.batch;
  change.addedWords = !(request.a_prompt === "" && request.n_prompt === "");
  const extra = without_parts(request);
  if (Object.keys(extra).length) change.extra = extra;
  return change;
}

type Values = Record<string, unknown>;

// { "hires.scale": 2 } -> { hires: { scale: 2 } }
function with_parts(extra: Values): Values {
  const request: Values = {};
  for (const [name, value] of Object.entries(extra)) {
    const [part, field] = name.split(".", 2) as [string, string | undefined];
    if (field === undefined) request[name] = value;
    else request[part] = { ...(request[part] as Values | undefined), [field]: value };
  }
  return request;
}

// The other way round, of the fields that have no place of their own.
function without_parts(request: GenerateRequest): Values {
  const extra: Values = {};
  const is_plain = (value: unknown) => value !== null && typeof value !== "object";
  for (const [name, value] of Object.entries(request)) {
    if (knownFields.has(name) || (name === "skip" && is_said_by_fast(request))) continue;
    if (is_plain(value)) extra[name] = value;
    else if (value && !Array.isArray(value)) {
      for (const [field, part] of Object.entries(value)) if (is_plain(part)) extra[`${name}.${field}`] = part;
    }
  }
  return extra;
}

// What a server makes of the switch alone. Where another one makes something else of it, what it made is asked for besides, and holds.
const kFastSteps = 0.65;
function is_said_by_fast(request: GenerateRequest): boolean {
  return request.fast === true && Object.entries((request.skip as Values | undefined) ?? {}).every(([name, part]) => part === (name === "steps" ? kFastSteps : 0));
}

// Four pictures like one: a little of another seed's noise mixed in where the server can do that, else the next seeds.
export function varied(request: GenerateRequest, image: { seed: number }, can_vary: boolean, other_seed: number): GenerateRequest {
  if (can_vary) return { ...request, seed: image.seed, batch: 4, variation_seed: other_seed, variation_strength: 0.15 };
  return { ...request, seed: image.seed + 1, batch: 4 };
}
