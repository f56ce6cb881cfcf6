// SPDX-License-Identifier: Apache-2.0
// Train: curves, pairs of files, the form and what it asks of the server.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Curve, JsonSchema } from "../src/api/types.ts";
import { axis_ticks, charts_of, line_path, log_ticks, nearest, nice_ticks, part_of, range_of, short_number, smoothed, thinned } from "../src/screens/train/charts.ts";
import { changed_options, grouped_fields, initial_form, memory_rows, missing_in, preset_options, run_of_form, schema_in_openapi, without_flags } from "../src/screens/train/form.ts";
import { lines_of_list, pair_files } from "../src/screens/train/pairs.ts";

test("a measure of the held-out pairs has a chart of its own; without its name it is a loss", () => {
  const curves = { loss: [[1, 0.3]], validation: [[1, 0.1]], ceiling: [[1, 0.8]] } as Record<string, Curve>;
  const measured = charts_of({ curves, metric: "edge F1" });
  assert.deepEqual(measured.loss.map((one) => one.name), ["loss"]);
  assert.deepEqual(measured.obeys.map((one) => [one.name, one.dashed]), [["validation", false], ["ceiling", true]]);
  assert.deepEqual(charts_of({ curves, metric: "" }).loss.map((one) => one.name), ["loss", "validation"]);
});

test("a noisy loss is drawn smooth with the values behind it; what is no number is left out", () => {
  const loss = Array.from({ length: 100 }, (_, at) => [at, at === 50 ? Number.NaN : 1 + (at % 2)] as [number, number]);
  const [chart] = charts_of({ curves: { loss }, metric: "" }).loss;
  assert.equal(chart!.faint!.length, 99);
  assert.ok(Math.abs(chart!.points.at(-1)![1] - 1.5) < 0.2);
});

test("smoothing begins at the first value and follows a step", () => {
  assert.equal(smoothed([[0, 4]], 0.9)[0]![1], 4);
  const step = smoothed(Array.from({ length: 60 }, (_, at) => [at, at < 10 ? 0 : 1]), 0.8);
  assert.ok(step.at(-1)![1] > 0.99);
});

test("thinning keeps both ends of every stretch's values", () => {
  const points = Array.from({ length: 10_000 }, (_, at) => [at, at === 4321 ? 99 : 0] as [number, number]);
  const thin = thinned(points, 200);
  assert.ok(thin.length <= 220);
  assert.ok(thin.some(([, value]) => value === 99));
  for (let at = 1; at < thin.length; at += 1) assert.ok(thin[at]![0] > thin[at - 1]![0]);
});

test("axes have round marks", () => {
  assert.deepEqual(nice_ticks(0, 1, 4), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(nice_ticks(0, 8000, 4), [0, 2000, 4000, 6000, 8000]);
  assert.deepEqual(nice_ticks(3, 3, 4), [3]);
  assert.deepEqual(log_ticks(0.01, 0.1), [0.01, 0.02, 0.05, 0.1]);
  assert.ok(axis_ticks(0.21, 0.28, true).length >= 3);
});

test("values are put on the axis, plain or logarithmic", () => {
  assert.equal(part_of(5, { low: 0, high: 10 }, false), 0.5);
  assert.ok(Math.abs(part_of(0.1, { low: 0.01, high: 1 }, true) - 0.5) < 1e-12);
  assert.equal(part_of(-1, { low: 0.01, high: 1 }, true), 0);
  assert.equal(range_of([], false), null);
  assert.ok(range_of([{ name: "x", points: [[0, 2], [1, 2]] }], false)!.high > 2);
  assert.equal(range_of([{ name: "x", points: [[0, 0]] }], true), null);
  assert.equal(line_path([[0, 1], [2.25, 3]]), "M0.0 1.0L2.3 3.0");
});

test("the point under the pointer is the nearest one", () => {
  const points: Curve = [[0, 1], [10, 2], [30, 3]];
  assert.equal(nearest(points, 21)![0], 30);
  assert.equal(nearest(points, 19)![0], 10);
  assert.equal(nearest(points, -5)![0], 0);
  assert.equal(nearest([], 1), null);
  assert.deepEqual([0, 0.00001, 0.02137, 12.345, 4321].map(short_number), ["0", "1.0e-5", "0.0214", "12.35", "4321"]);
});

test("pictures, maps and texts of one name are a pair", () => {
  const { pairs, unused } = pair_files([{ path: "a.png" }, { path: "a_map.png" }, { path: "a.txt", text: " a cat\n" }, { path: "b.jpg" }, { path: "x.txt", text: "alone" }]);
  assert.deepEqual(pairs, [
    { name: "a", picture: "a.png", map: "a_map.png", text: "a cat" },
    { name: "b", picture: "b.jpg", map: null, text: "" },
  ]);
  assert.deepEqual(unused, ["x.txt"]);
});

test("maps may lie in a folder of their own under the picture's name", () => {
  const { pairs } = pair_files([{ path: "set/conditioning/1.png" }, { path: "set/1.webp" }, { path: "set/control/2.png" }]);
  assert.deepEqual(pairs.map((pair) => [pair.picture, pair.map]), [["set/1.webp", "set/conditioning/1.png"]]);
});

test("the lists of Fill50K and of image folders are read, damaged lines are passed over", () => {
  const list = '{"source": "source/0.png", "target": "target/0.png", "prompt": "red circle"}\nno json\n{"file_name": "b.png"}\n';
  assert.equal(lines_of_list(list).length, 2);
  const { pairs, unused } = pair_files([{ path: "fill/prompt.json", text: list }, { path: "fill/source/0.png" }, { path: "fill/target/0.png" }, { path: "fill/b.png" }]);
  assert.deepEqual(pairs[0], { name: "0", picture: "fill/target/0.png", map: "fill/source/0.png", text: "red circle" });
  assert.equal(pairs.length, 2);
  assert.deepEqual(unused, []);
});

const schema: JsonSchema = {
  properties: {
    steps: { type: "integer", default: 4000, minimum: 1 },
    batch: { type: "integer", default: 4 },
    lr: { type: "number", default: 1e-5, minimum: 0, maximum: 1 },
    optimizer: { type: "string", default: "adamw", enum: ["adamw", "muon"] },
    flip: { type: "boolean", default: false },
    model: { type: "string", default: "builtin" },
    control: { type: "string", default: "canny" },
    brand_new: { type: "number", default: 1 },
    init: { type: "string", default: "" },
  },
};

test("only what differs from the server's defaults is sent", () => {
  assert.deepEqual(changed_options({ steps: 4000, batch: 8, lr: 1e-5, unheard_of: 1 }, schema), { batch: 8 });
  assert.deepEqual(changed_options({ steps: 5 }, null), { steps: 5 });
});

test("the form becomes a request of the server", () => {
  const form = { ...initial_form("builtin", true), name: " circles ", options: { steps: 800, batch: 4 } };
  assert.deepEqual(run_of_form(form, schema, []), { name: "circles", kind: "control", options: { steps: 800 }, dataset: { type: "circles", count: 300, seed: 1 } });
  const own = run_of_form({ ...form, type: "upload", control: "depth", model: "sd15" }, schema, [{ target: "asset:aa", text: "x" }]);
  assert.deepEqual(own.dataset, { type: "upload", control: "depth", pairs: [{ target: "asset:aa", text: "x" }] });
  assert.deepEqual(own.options, { steps: 800, model: "sd15", control: "depth" });
});

test("what is missing is told by field", () => {
  const form = initial_form("", true);
  assert.deepEqual(missing_in(form, 0, false), { name: "needs_name", model: "needs_model" });
  assert.deepEqual(missing_in({ ...form, name: "x", model: "y", type: "upload" }, 0, false), { pairs: "needs_pairs" });
  assert.deepEqual(missing_in({ ...form, name: "x", model: "y", type: "upload" }, 3, true), { pairs: "needs_upload" });
});

test("options stand in their groups, and one that nobody sorted under the others", () => {
  const groups = grouped_fields(schema);
  assert.deepEqual(groups.map(({ group, fields }) => [group, fields.map((field) => field.name)]), [["learning", ["lr", "optimizer"]], ["data", ["flip"]], ["other", ["brand_new"]]]);
  assert.deepEqual(grouped_fields(null), []);
  assert.ok(Number(preset_options("thorough", false).steps) > Number(preset_options("quick", false).steps));
});

test("the options are found in the description of the API behind its references", () => {
  const openapi = {
    paths: { "/api/v1/train/runs": { post: { requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/TrainBody" } } } } } } },
    components: { schemas: { TrainBody: { properties: { options: { $ref: "#/components/schemas/TrainOptions" } } }, TrainOptions: schema } },
  } as unknown as JsonSchema;
  assert.equal(schema_in_openapi(openapi), schema);
  assert.equal(schema_in_openapi({ paths: {} } as JsonSchema), null);
  assert.equal(schema_in_openapi(null), null);
});

test("of the memory plan those rows count that lie beside one another at the worst time", () => {
  const rows = [
    { name: "base", bytes: 10, phase: "always" as const },
    { name: "moments", bytes: 5, phase: "training" as const },
    { name: "gradients", bytes: 7, phase: "step" as const },
    { name: "validation", bytes: 3, phase: "validation" as const },
    { name: "encoding", bytes: 4, phase: "encoding" as const },
  ];
  assert.deepEqual(memory_rows(rows).filter((row) => row.counts).map((row) => row.name), ["base", "moments", "gradients"]);
  rows[4]!.bytes = 40;
  assert.deepEqual(memory_rows(rows).filter((row) => row.counts).map((row) => row.name), ["base", "encoding"]);
  assert.equal(without_flags("--gradient-checkpointing on saves 2 GB"), "gradient checkpointing on saves 2 GB");
});
