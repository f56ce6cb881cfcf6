// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { apply_dab, apply_gradient, blank_depth, DabSpacing, depth_map, full_range, invert_depth, level_table, NEAREST, NO_LEVELS, normal_map, type DepthBrush } from "../src/stage/depth.ts";
import { draw_relief, relief_view } from "../src/stage/relief.ts";

const brush: DepthBrush = { tool: "raise", strength: 0.5, hardness: 0.2, level: 0 };

test("the brush raises and lowers softly, and stays within the range", () => {
  const plane = blank_depth(64, 64, 30000);
  apply_dab(plane, { x: 32, y: 32, radius: 10 }, brush);
  assert.ok(plane.data[32 * 64 + 32]! > 30000);
  assert.ok(plane.data[32 * 64 + 39]! < plane.data[32 * 64 + 32]!);
  assert.equal(plane.data[32 * 64 + 45], 30000);
  for (let i = 0; i < 200; ++i) apply_dab(plane, { x: 32, y: 32, radius: 10 }, { ...brush, strength: 1 });
  assert.equal(plane.data[32 * 64 + 32], NEAREST);
  for (let i = 0; i < 400; ++i) apply_dab(plane, { x: 32, y: 32, radius: 10 }, { ...brush, tool: "lower", strength: 1 });
  assert.equal(plane.data[32 * 64 + 32], 0);
});

test("smoothing takes steps away and keeps flat parts", () => {
  const plane = blank_depth(64, 64);
  for (let y = 0; y < 64; ++y) plane.data.fill(60000, y * 64 + 32, y * 64 + 64);
  const step = () => plane.data[32 * 64 + 32]! - plane.data[32 * 64 + 31]!;
  const before = step();
  for (let i = 0; i < 10; ++i) apply_dab(plane, { x: 32, y: 32, radius: 12 }, { ...brush, tool: "smooth", strength: 1 });
  assert.ok(step() < before / 2);
  assert.equal(plane.data[0], 0);
  const flat = blank_depth(32, 32, 12345);
  apply_dab(flat, { x: 3, y: 3, radius: 8 }, { ...brush, tool: "smooth", strength: 1 });
  assert.ok(flat.data.every((value) => value === 12345));
});

test("the effect of a stroke does not depend on the speed of the hand", () => {
  const along = (points: number[]) => {
    const spacing = new DabSpacing();
    return spacing.next(points.map((x) => ({ x, y: 0, radius: 8 }))).length;
  };
  const slow = along(Array.from({ length: 101 }, (_, i) => i));
  const fast = along([0, 100]);
  assert.ok(Math.abs(slow - fast) <= 1);
  assert.equal(along([5, 5, 5]), 1);
});

test("gradients run between two points, straight or round, and can keep what is nearer", () => {
  const plane = blank_depth(11, 3, 30000);
  apply_gradient(plane, { shape: "linear", from: { x: 0.5, y: 0 }, to: { x: 10.5, y: 0 }, start: 0, end: NEAREST, mode: "near" });
  assert.equal(plane.data[0], 30000);
  assert.equal(plane.data[10], NEAREST);
  apply_gradient(plane, { shape: "radial", from: { x: 5.5, y: 1.5 }, to: { x: 10.5, y: 1.5 }, start: NEAREST, end: 0, mode: "replace" });
  assert.equal(plane.data[1 * 11 + 5], NEAREST);
  assert.equal(plane.data[1 * 11 + 10], 0);
});

test("16 bits are kept inside: inverting twice changes nothing, and 8 bits are made at the end", () => {
  const plane = blank_depth(256, 256);
  for (let i = 0; i < plane.data.length; ++i) plane.data[i] = i;
  const before = plane.data.slice();
  invert_depth(plane);
  assert.equal(plane.data[0], NEAREST);
  invert_depth(plane);
  assert.deepEqual(plane.data, before);
  const map = depth_map(plane, NO_LEVELS);
  assert.deepEqual([map.data[0], map.data[257 * 100], map.data[65535]], [0, 100, 255]);
});

test("levels move near and far, and gamma keeps both ends", () => {
  const table = level_table({ far: 0.25, near: 0.75, gamma: 2 });
  assert.equal(table[0], 0);
  assert.equal(table[16000], 0);
  assert.equal(table[NEAREST], 255);
  assert.ok(Math.abs(table[32768]! - 180) <= 1);
  const plane = blank_depth(2, 1);
  plane.data.set([6554, 58982]);
  const range = full_range(plane);
  assert.ok(Math.abs(range.far - 0.1) < 1e-3 && Math.abs(range.near - 0.9) < 1e-3);
  assert.deepEqual(full_range(blank_depth(4, 4, 9)), { far: 0, near: 1 });
});

test("normals of a flat relief look at the camera, and slopes lean as the annotator's do", () => {
  const flat = normal_map(blank_depth(4, 4, 500), NO_LEVELS, 10);
  assert.deepEqual([...flat.subarray(0, 3)], [127, 127, 255]);
  const ramp = blank_depth(16, 4);
  for (let i = 0; i < ramp.data.length; ++i) ramp.data[i] = (i % 16) * 4000;
  const slope = normal_map(ramp, NO_LEVELS, 40);
  assert.ok(slope[8 * 3]! > 200 && slope[8 * 3 + 1] === 127);
});

test("the relief shows the map, tilted or not, and what is near hides what is far", () => {
  const depth = { width: 64, height: 48, near: new Float32Array(64 * 48) };
  for (let y = 16; y < 32; ++y) depth.near.fill(1, y * 64 + 20, y * 64 + 44);
  const view = relief_view(120, 90);
  draw_relief(depth, { yaw: 0, pitch: 0, height: 0.4 }, view);
  const middle = view.out[4 * (45 * 120 + 60)]!;
  assert.ok(middle > 180);
  const straight = view.out.slice();
  draw_relief(depth, { yaw: 30, pitch: 10, height: 0.4 }, view);
  assert.notDeepEqual(view.out, straight);
  assert.ok(view.out.every((value, i) => i % 4 !== 3 || value === 255));
});
