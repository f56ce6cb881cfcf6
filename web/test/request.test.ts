// SPDX-License-Identifier: Apache-2.0
// From recipe and layers to a request, and back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { new_layer } from "../src/state/layers.ts";
import { initialRecipe } from "../src/state/recipe.ts";
import { compose_request, layer_of_unit, layer_problem, parameter_list, parameters_of_list, recall, recallParts, unit_of_layer, varied } from "../src/state/request.ts";
import { chosen_annotator } from "../src/state/annotators.ts";
import { fields_of_schema, unit_fields } from "../src/state/schema_fields.ts";
import { split_styles, styled_prompt, styles_for } from "../src/state/styles.ts";

const big = styles_for({ id: "v1-5", family: "sd1" });
const context = { styles: big, seed: 7, model: "v1-5" };
const names = { kind_of: (name: string) => (name === "scribble_xdog" ? { kind: "scribble", annotator: name } : name === "canny" ? { kind: "canny", annotator: "canny" } : { kind: name, annotator: undefined }) };

test("a photograph's unit names its annotator and the parameters that were changed", () => {
  const unit = unit_of_layer(new_layer("scribble", { image: "abc", annotator: "scribble_xdog", parameters: { xdog_threshold: 24 }, weight: 0.8 }));
  assert.deepEqual(unit, { kind: "scribble", annotator: "scribble_xdog", image: "asset:abc", map: false, weight: 0.8, start: 0, end: 1, mode: "balanced", resize: "crop", only_mid: false, parameters: ["xdog_threshold=24"] });
});

test("a server that takes no annotator gets the map that is shown, and no field that it does not know", () => {
  const old = unit_fields(undefined);
  const unit = unit_of_layer(new_layer("scribble", { image: "abc", map: "m", annotator: "scribble_xdog", mask: "r", blockWeights: [1] }), old);
  assert.deepEqual([unit.image, unit.map, unit.parameters], ["asset:m", true, []]);
  assert.deepEqual(Object.keys(unit).filter((name) => !old.has(name)), []);
  assert.equal(unit_of_layer(new_layer("canny", { image: "abc", map: "m", resize: "fill" }), old).map, true);
  assert.equal(unit_of_layer(new_layer("canny", { image: "abc", map: "m" }), old).map, false);
});

test("fields of units are read from the schema, also behind a reference", () => {
  assert.deepEqual([...unit_fields({ properties: { controls: { items: { properties: { kind: {}, mask: {} } } } } })], ["kind", "mask"]);
  assert.deepEqual([...unit_fields({ $defs: { Unit: { properties: { image: {} } } }, properties: { controls: { items: { $ref: "#/$defs/Unit" } } } })], ["image"]);
  assert.ok(unit_fields({ properties: { controls: {} } }).has("weight"));
});

test("without a name the annotator is the one that the server takes", () => {
  const info = (name: string, available: boolean) => ({ name, label: name, available, weights_needed: false, parameters: [] });
  const all = [info("depth_anything_v2", true), info("depth", false), info("toy_depth", true)];
  assert.equal(chosen_annotator(all, "depth")?.name, "toy_depth");
  assert.equal(chosen_annotator(all, "depth", "depth_anything_v2")?.name, "depth_anything_v2");
  assert.equal(chosen_annotator([info("depth", true)], "depth", "gone")?.name, "depth");
  assert.equal(chosen_annotator([], "depth"), undefined);
});

test("a drawing goes as a finished map, people as points rather than as their picture", () => {
  const drawing = unit_of_layer(new_layer("canny", { source: "drawing", map: "m", parameters: { low: 3 } }));
  assert.equal(drawing.image, "asset:m");
  assert.equal(drawing.map, true);
  assert.deepEqual(drawing.parameters, []);
  assert.equal(unit_of_layer(new_layer("openpose", { source: "drawing", map: "m", pose: "p" })).image, "asset:p");
});

test("layers that are off or hold nothing stay out of the request", () => {
  const layers = [new_layer("canny"), new_layer("depth", { image: "d", enabled: false }), new_layer("seg", { source: "map", map: "s" })];
  assert.deepEqual(layers.map(layer_problem), ["layer_needs_picture", null, null]);
  assert.deepEqual(compose_request(initialRecipe, layers, context).controls?.map((unit) => unit.kind), ["seg"]);
});

test("an automatic guidance and sampler are left to the server", () => {
  const request = compose_request(initialRecipe, [], context);
  assert.ok(!("cfg" in request) && !("sampler" in request) && !("a_prompt" in request));
  assert.equal(compose_request({ ...initialRecipe, addedWords: false }, [], context).a_prompt, "");
});

test("a mask counts only with a picture to start from, guess mode only with a layer", () => {
  const request = compose_request({ ...initialRecipe, mask: "m", guess: true }, [], context);
  assert.ok(!("mask" in request) && !("init" in request));
  assert.equal(request.guess, false);
  assert.equal(compose_request({ ...initialRecipe, init: "i", mask: "m" }, [], context).mask, "asset:m");
});

test("everything comes back from the request that it became", () => {
  const layers = [new_layer("canny", { image: "a", annotator: "canny_fine", parameters: { low: 50, safe: true, rules: "v11" }, weight: 0.7, start: 0.1, end: 0.8, mode: "prompt", controlnet: "net-1", mask: "r", blockWeights: [1, 0.5] })];
  const recipe = { ...initialRecipe, prompt: "a fox", negative: "fog", styles: ["oil"], steps: 33, fast: true, cfg: 5, sampler: "euler", width: 640, height: 448, count: 3, init: "i", denoise: 0.4, mask: "m", maskBlur: 9, extra: { profile: "seed11", "hires.scale": 1.5, "hires.upscaler": "lanczos", "skip.deep": 0.5 } };
  const request = compose_request(recipe, layers, context);
  const back = recall(request, recallParts, big, names);
  assert.deepEqual({ ...back.recipe, seedFixed: undefined, maskDocument: undefined }, {
    prompt: "a fox", negative: "fog", styles: ["oil"], seed: 7, seedFixed: undefined, width: 640, height: 448, steps: 33, fast: true, cfg: 5, sampler: "euler", eta: 0, guess: false,
    model: "v1-5", count: 3, addedWords: true, extra: recipe.extra, init: "i", denoise: 0.4, mask: "m", maskBlur: 9, maskDocument: undefined,
  });
  const { id: _a, ...first } = layers[0]!;
  const { id: _b, ...second } = back.layers![0]!;
  assert.deepEqual(second, { ...first, onlyMid: false });
});

test("what the switch alone makes a server skip is not asked for besides", () => {
  const skip = { steps: 0.65, deep: 0, control: 0, guidance: 0, tokens: 0 };
  assert.equal(recall({ fast: true, skip }, ["settings"], big, names).recipe.extra, undefined);
  assert.equal(recall({ fast: true, skip: { ...skip, deep: 0.5 } }, ["settings"], big, names).recipe.extra!["skip.deep"], 0.5);
  assert.equal(recall({ fast: true, skip: { ...skip, steps: 0.4 } }, ["settings"], big, names).recipe.extra!["skip.steps"], 0.4, "the switch gave way to it");
  assert.equal(recall({ fast: false, skip }, ["settings"], big, names).recipe.extra!["skip.steps"], 0.65);
});

test("only the chosen parts are taken over", () => {
  const request = { prompt: "x", seed: 3, width: 64, height: 64, controls: [{ kind: "canny", image: "asset:a" }] };
  assert.deepEqual(recall(request, ["seed"], big, names), { recipe: { seed: 3, seedFixed: true }, layers: null });
});

test("parameters survive as numbers, switches and words", () => {
  const parameters = { low: 100, safe: false, rules: "v11", a: 6.283 };
  assert.deepEqual(parameters_of_list(parameter_list(parameters)), parameters);
  assert.deepEqual(parameters_of_list(["broken", "=3", "empty="]), { empty: "" });
});

test("a unit of a kind that nobody knows becomes a layer all the same", () => {
  assert.equal(layer_of_unit({ kind: "novel", image: "asset:z", map: true }, names).map, "z");
});

test("styles are put behind the prompt and found there again", () => {
  const texts = styled_prompt("a fox, ", "", ["ink", "photo"], big);
  assert.ok(texts.prompt.startsWith("a fox, photograph"));
  assert.deepEqual(split_styles(texts.prompt, texts.negative, big), { prompt: "a fox", negative: "", chosen: ["photo", "ink"] });
  assert.deepEqual(split_styles("just words", "", big), { prompt: "just words", negative: "", chosen: [] });
});

test("the built-in model has chips that it understands", () => {
  assert.ok(styles_for({ id: "builtin", family: "toy" }).every((style) => style.toy));
  assert.ok(big.every((style) => !style.toy));
});

test("fields of a newer server appear as what their schema says", () => {
  const fields = fields_of_schema({ properties: {
    steps: { type: "integer" }, tiling: { type: "boolean" }, profile: { type: "string", enum: ["a", "b"] }, strength: { type: ["number", "null"], minimum: 0, maximum: 1 },
    path: { type: "string", format: "path" }, list: { type: "array" }, words: { type: "string" },
    hires: { type: "object", properties: { scale: { type: "number", minimum: 0, maximum: 4 }, upscaler: { type: "string", enum: ["latent"] } } }, last: { type: "boolean" },
  } });
  assert.deepEqual(fields.map(({ name, type }) => [name, type]), [["tiling", "bool"], ["profile", "choice"], ["strength", "float"], ["words", "text"], ["last", "bool"], ["hires.scale", "float"], ["hires.upscaler", "choice"]]);
  assert.equal(fields[1]!.default, "a");
});

test("variations use another seed's noise where the server can, else the next seeds", () => {
  assert.equal(varied({ steps: 5 }, { seed: 9 }, true, 77).variation_seed, 77);
  assert.equal(varied({ steps: 5 }, { seed: 9 }, false, 77).seed, 10);
});
