// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { class_painter, text_on } from "../src/segments/painter.ts";
import { ADE, UNLABELLED } from "../src/segments/palette.ts";
import { blank_segments, load_segments, SEG_DEFAULTS, segments_png, type SegSettings, type SegTool, SegTools, store_segments } from "../src/segments/work.ts";
import { decodePng } from "../src/stage/png.ts";
import type { Contact } from "../src/stage/use_pointers.ts";

const SKY = 2;
const TREE = 4;
const at = (x: number, y: number, change: Partial<Contact> = {}): Contact => ({ x, y, pressure: 1, type: "mouse", shift: false, alt: false, ctrl: false, eraser: false, reach: 6, ...change });

function board(tool: SegTool, settings: Partial<SegSettings> = {}) {
  const work = blank_segments({ width: 60, height: 60 });
  const state = { tool, current: SKY };
  const tools = new SegTools(work.map, {
    settings: () => ({ ...SEG_DEFAULTS, smoothing: 0, size: 8, ...settings }),
    tool: () => state.tool,
    current: () => state.current,
    pick: (index) => (state.current = index),
    label: (name) => name,
    redraw: () => {},
    finished: () => {},
    shown: () => {},
  });
  const drag = (...points: Contact[]) => {
    tools.down(points[0]!);
    tools.move(points.slice(1));
    tools.up();
  };
  const count = (index: number) => work.map.counts().get(index) ?? 0;
  return { work, state, tools, drag, count };
}

test("brush, eraser, rectangle and bucket paint classes, each as one step", () => {
  const { work, state, drag, count } = board("rectangle");
  drag(at(0, 0), at(60, 30));
  assert.equal(count(SKY), 1800);
  state.current = TREE;
  state.tool = "brush";
  drag(at(5, 40), at(50, 40));
  assert.ok(count(TREE) > 300);
  state.tool = "eraser";
  drag(at(0, 5), at(60, 5));
  assert.ok(count(SKY) < 1800);
  state.tool = "fill";
  drag(at(30, 55));
  assert.equal(work.map.at({ x: 30, y: 55 }), TREE);
  assert.equal(work.map.history.steps, 4);
  for (let i = 0; i < 4; ++i) work.map.undo();
  assert.equal(count(UNLABELLED), 3600);
});

test("a polygon grows corner by corner and closes at its first, by Enter or a double click", () => {
  const { tools, count, work } = board("polygon");
  const click = (x: number, y: number) => {
    tools.down(at(x, y));
    tools.up();
  };
  for (const [x, y] of [[10, 10], [40, 10], [40, 40]] as const) click(x, y);
  tools.hover(at(10, 40));
  assert.equal(tools.preview.length, 4);
  assert.ok(tools.remove_corner());
  click(40, 40);
  click(10, 40);
  click(11, 12);
  assert.equal(count(SKY), 900);
  assert.deepEqual(tools.corners, []);
  for (const [x, y] of [[1, 50], [9, 50], [9, 58]] as const) click(x, y);
  assert.ok(tools.close());
  assert.equal(work.map.history.steps, 2);
  click(1, 1);
  assert.equal(tools.close(), false);
  assert.ok(tools.discard());
});

test("Alt picks the class under the pointer instead of painting", () => {
  const { state, drag, work } = board("rectangle");
  drag(at(0, 0), at(20, 20));
  state.current = TREE;
  state.tool = "brush";
  drag(at(5, 5, { alt: true }));
  assert.equal(state.current, SKY);
  assert.equal(work.map.history.steps, 1);
  drag(at(50, 50, { alt: true }));
  assert.equal(state.current, SKY);
});

test("a stroke that is broken off leaves the map as it was", () => {
  const { tools, count } = board("brush");
  tools.down(at(10, 10));
  tools.move([at(40, 40)]);
  tools.cancel();
  assert.equal(count(UNLABELLED), 3600);
});

test("a stored map comes back with its locks, and nearest at another size", async () => {
  const { work, drag } = board("rectangle");
  drag(at(0, 0), at(30, 60));
  work.map.locked.add(SKY);
  const png = await segments_png(work);
  assert.equal((await decodePng(png)).kind, "indexed");
  const back = await load_segments(store_segments(work, png), { width: 60, height: 60 });
  assert.deepEqual(back.map.plane.data, work.map.plane.data);
  assert.ok(back.map.locked.has(SKY));
  const small = await load_segments(store_segments(work, png), { width: 20, height: 20 });
  assert.deepEqual([...small.map.counts()].sort(), [[SKY, 200], [UNLABELLED, 200]].sort());
});

test("another palette is stored with the map", async () => {
  const palette = { name: "two", classes: [{ index: 0, name: "a", rgb: [9, 9, 9] as const, zh: "", words: [] }, { index: 1, name: "b", rgb: [1, 2, 3] as const, zh: "乙", words: [] }] };
  const work = { ...blank_segments({ width: 4, height: 1 }), palette };
  work.map.plane.data.set([0, 1, 1, UNLABELLED]);
  const back = await load_segments(store_segments(work, await segments_png(work)), { width: 4, height: 1 });
  assert.equal(back.palette.classes[1]!.zh, "乙");
  assert.deepEqual(back.map.plane.data, work.map.plane.data);
});

test("what is shown: colours of classes, nothing for no class, lines between regions", () => {
  const { work } = board("brush");
  work.map.plane.data.fill(SKY, 0, 60);
  const out = new Uint8ClampedArray(60 * 60 * 4);
  class_painter(work.map, ADE, false)({ x0: 0, y0: 0, x1: 60, y1: 2 }, out);
  assert.deepEqual([...out.subarray(0, 4)], [...ADE.classes[SKY]!.rgb, 255]);
  assert.equal(out[60 * 4 + 3], 0);
  class_painter(work.map, ADE, true)({ x0: 0, y0: 0, x1: 60, y1: 1 }, out);
  assert.deepEqual([...out.subarray(0, 4)], [0, 0, 0, 255]);
  assert.equal(text_on([255, 255, 255]), "#000");
  assert.equal(text_on([0, 0, 128]), "#fff");
});
