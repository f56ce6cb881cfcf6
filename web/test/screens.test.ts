// SPDX-License-Identifier: Apache-2.0
// Queue, models, comparing, exact re-runs and times: everything of these screens that needs no page.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControlKindInfo, Job, ModelEntry, StudioImage } from "../src/api/types.ts";
import { choices_of, is_line_map, split_after_key } from "../src/compare/choices.ts";
import { difference_of, first_gain, heat_table, paint_heat, rgb_of_png, type Rgb } from "../src/compare/difference.ts";
import { annotator_lines, by_family, counts_of, models_of } from "../src/screens/models/model_list.ts";
import { day_label, days_before, time_ago, whole } from "../src/screens/parts/time.ts";
import { hint_of, history_of, in_turn, is_silent, priority_before, seconds_of, states_of } from "../src/screens/queue/queue_list.ts";
import { is_gpu } from "../src/state/capabilities.ts";
import { rerun_outcome } from "../src/state/reruns.ts";

function job(id: string, values: Partial<Job> = {}): Job {
  return { id, kind: "generate", state: "done", position: -1, progress: null, created: Number(id.replace(/\D/g, "")) || 0, started: null, finished: null, request: {}, error: null, images: [], warnings: [], seconds: {}, seed: null, worker: "", attempt: 1, preview: null, ...values };
}

test("jobs stand as they will be done: what runs, then by their place in the queue", () => {
  const all = [job("j4", { state: "queued", position: 2 }), job("j3", { state: "done" }), job("j2", { state: "queued", position: 1 }), job("j1", { state: "running", position: 0 })];
  assert.deepEqual(in_turn(all).map((one) => one.id), ["j1", "j2", "j4"]);
  assert.equal(priority_before([job("a", { state: "queued", priority: 3 }), job("b", { state: "done", priority: 9 })]), 4);
  assert.equal(priority_before([]), 1);
});

test("the history takes events over what was fetched, and keeps pages apart", () => {
  const fetched = [job("j9"), job("j8", { state: "running" }), job("j7", { state: "dead" })];
  const live = [job("j10", { state: "failed" }), job("j8", { state: "done" }), job("j2")];
  assert.deepEqual(history_of(fetched, live, "all").map((one) => one.id), ["j10", "j9", "j8", "j7"]);
  assert.deepEqual(history_of(fetched, live, "failed").map((one) => one.id), ["j10", "j7"]);
  assert.deepEqual(states_of("failed"), ["failed", "dead"]);
});

test("faults with advice have it, others do not make any up", () => {
  assert.equal(hint_of("out_of_memory"), "out_of_memory");
  assert.equal(hint_of("teapot"), null);
  assert.equal(seconds_of(job("a", { started: 1000, finished: 3500 })), 2.5);
  assert.equal(seconds_of(job("a", { started: null, finished: 3500 })), null);
  assert.equal(is_silent({ last_seen: 0 }, 39_000), false);
  assert.equal(is_silent({ last_seen: 0 }, 41_000), true);
});

test("a processor with its threads is no graphics card", () => {
  assert.deepEqual(["cpu", "cpu, 2 threads", "cuda:0 NVIDIA H100", "cuda"].map(is_gpu), [false, false, true, true]);
});

test("the badge of a picture tells its newest re-run", () => {
  const same = job("j1", { rerun: { of: "img", identical: true, psnr: null } });
  const off = job("j2", { rerun: { of: "img", identical: false, psnr: 41 } });
  assert.equal(rerun_outcome("img", [], {}), null);
  assert.deepEqual(rerun_outcome("img", [off, same], {}), { state: "differs", psnr: 41 });
  assert.deepEqual(rerun_outcome("img", [off, same], { img: "j1" }), { state: "identical" });
  assert.deepEqual(rerun_outcome("img", [job("j3", { state: "running", progress: { phase: "x", done: 1, total: 2, fraction: 0.5, eta_seconds: null } })], { img: "j3" }), { state: "running", fraction: 0.5 });
  assert.equal(rerun_outcome("img", [job("j3", { state: "cancelled" })], { img: "j3" }), null);
});

function model(id: string, values: Partial<ModelEntry> = {}): ModelEntry {
  return { id, title: id, kind: "base", file: "", family: "sd15", control_kind: "", sha10: "", bytes: 1, ready: true, problem: "", ...values };
}

test("models that can be used come first, and a search looks at all they are called", () => {
  const all = [model("b", { problem: "cut short" }), model("c", { sha10: "abc123" }), model("a"), model("net", { kind: "controlnet", control_kind: "canny" })];
  assert.deepEqual(models_of(all, "base", "").map((one) => one.id), ["a", "c", "b"]);
  assert.deepEqual(models_of(all, "base", "ABC").map((one) => one.id), ["c"]);
  assert.deepEqual(counts_of(all).base, { all: 3, broken: 1 });
  assert.deepEqual(by_family([model("x"), model("y", { family: "sdxl" }), model("z")]).map((one) => one.models.length), [2, 1]);
});

test("annotators say whether they want a file", () => {
  const kinds: ControlKindInfo[] = [{ kind: "hed", label: "soft", available: false, why_not: "no ControlNet", annotators: [{ name: "hed", label: "HED", available: false, weights_needed: true, weights: "x.pth", parameters: [] }, { name: "toy", label: "toy", available: true, weights_needed: false, parameters: [] }] }];
  assert.deepEqual(annotator_lines(kinds, "")[0]!.annotators.map((one) => one.state), ["needs_weights", "ready"]);
  assert.equal(annotator_lines(kinds, "")[0]!.why_not, "no ControlNet");
  assert.deepEqual(annotator_lines(kinds, "canny"), []);
});

const rgb = (data: number[], width = data.length / 3): Rgb => ({ width, height: 1, data: Uint8Array.from(data) });

test("equal pictures are identical, and one level in one channel is a difference", () => {
  const a = rgb([10, 20, 30, 40, 50, 60]);
  assert.deepEqual({ ...difference_of(a, a), levels: null }, { identical: true, changed: 0, largest: 0, psnr: null, levels: null });
  const off = difference_of(a, rgb([10, 20, 31, 40, 50, 60]));
  assert.equal(off.identical, false);
  assert.equal(off.changed, 0.5);
  assert.equal(off.largest, 1);
  assert.ok(Math.abs(off.psnr! - 10 * Math.log10((255 * 255) / (1 / 6))) < 1e-9);
});

test("heat rises in lightness, so it reads without colour", () => {
  const table = heat_table();
  const light = (level: number) => 0.2126 * table[level * 3]! + 0.7152 * table[level * 3 + 1]! + 0.0722 * table[level * 3 + 2]!;
  for (let level = 1; level < 256; level += 1) assert.ok(light(level) >= light(level - 1) - 0.5, `at ${level}`);
  const out = new Uint8ClampedArray(8);
  paint_heat(Uint8Array.of(0, 200), 4, out);
  assert.deepEqual([...out.slice(0, 3)], [...table.slice(0, 3)]);
  assert.deepEqual([...out.slice(4, 7)], [...table.slice(765)]);
  assert.equal(out[7], 255);
  assert.equal(first_gain(2), 16);
  assert.equal(first_gain(255), 1);
});

test("every kind of PNG becomes three channels", () => {
  const one = (kind: "gray" | "gray-alpha" | "rgb" | "rgba" | "indexed", data: number[], bits: 8 | 16 = 8) => [...rgb_of_png({ width: 1, height: 1, kind, bits, data: bits === 16 ? Uint16Array.from(data) : Uint8Array.from(data), palette: Uint8Array.of(0, 0, 0, 9, 8, 7) }).data];
  assert.deepEqual(one("gray", [7]), [7, 7, 7]);
  assert.deepEqual(one("gray", [0x1234], 16), [0x12, 0x12, 0x12]);
  assert.deepEqual(one("gray-alpha", [7, 1]), [7, 7, 7]);
  assert.deepEqual(one("rgba", [1, 2, 3, 4]), [1, 2, 3]);
  assert.deepEqual(one("indexed", [1]), [9, 8, 7]);
});

test("a picture is compared with its maps, its start, then what is most like it", () => {
  const picture = (id: string, values: Partial<StudioImage> = {}) => ({ id, sha: id, seed: 1, width: 8, height: 8, trashed: false, prompt: "", url: "", maps: [], request: {}, ...values }) as unknown as StudioImage;
  const image = picture("me", { maps: [{ kind: "canny", sha: "m" }], request: { init: "asset:start" } });
  const all = choices_of(image, [picture("wide", { width: 16, seed: 2 }), picture("gone", { trashed: true }), image, picture("seed"), picture("size", { seed: 2 })]);
  assert.deepEqual(all.map((one) => one.id), ["map:0", "init", "seed", "size", "wide"]);
  assert.equal(is_line_map("canny"), true);
  assert.equal(is_line_map("depth"), false);
  assert.equal(is_line_map("openpose"), false);
});

test("the line between two pictures moves by keys", () => {
  assert.equal(split_after_key(0.5, "ArrowRight", false), 0.51);
  assert.equal(split_after_key(0.5, "ArrowLeft", true), 0.4);
  assert.equal(split_after_key(0.995, "ArrowRight", true), 1);
  assert.equal(split_after_key(0.5, "Home", false), 0);
  assert.equal(split_after_key(0.5, "x", false), null);
});

test("times and counts are said as people say them", () => {
  const now = new Date(2026, 10, 26, 15).getTime();
  assert.equal(time_ago(now - 1000, now, "en"), "now");
  assert.equal(time_ago(now - 50_000, now, "en"), "50 seconds ago");
  assert.equal(time_ago(now - 3 * 3600_000, now, "en"), "3 hours ago");
  assert.equal(time_ago(now - 26 * 3600_000, now, "en"), "yesterday");
  assert.equal(time_ago(now - 400 * 24 * 3600_000, now, "en"), "last year");
  assert.equal(days_before(0, now), new Date(2026, 10, 26).getTime());
  assert.equal(day_label(new Date(2026, 2, 3).getTime(), now, "en"), "March 2026");
  assert.equal(whole(100014, "en"), "100,014");
});
