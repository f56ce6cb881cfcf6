// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes_of, KnownMaps } from "../src/stage/documents.ts";
import { control_map, Drawing } from "../src/stage/drawing.ts";
import { blank_work, DEPTH_DEFAULTS, depth_of_png, load_depth } from "../src/stage/depth_work.ts";
import { gradient_histogram, share_above } from "../src/stage/gradient.ts";
import { LineWork, load_lines } from "../src/stage/lines_work.ts";
import { decodePng, encodeGray } from "../src/stage/png.ts";
import { byte_plane } from "../src/stage/raster.ts";
import { load_drawing, store_drawing } from "../src/stage/scribble_document.ts";
import { BRUSH_DEFAULTS, type BrushSettings, type ScribbleTool, ScribbleTools } from "../src/stage/scribble_tools.ts";
import type { Contact } from "../src/stage/use_pointers.ts";

const at = (x: number, y: number, change: Partial<Contact> = {}): Contact => ({ x, y, pressure: 1, type: "mouse", shift: false, alt: false, ctrl: false, eraser: false, reach: 8, ...change });

function board(tool: ScribbleTool, settings: Partial<BrushSettings> = {}) {
  const drawing = new Drawing(64, 64);
  const state = { tool, refused: 0, finished: 0 };
  const tools = new ScribbleTools(drawing, {
    settings: () => ({ ...BRUSH_DEFAULTS, smoothing: 0, ...settings }),
    tool: () => state.tool,
    label: (name) => name,
    redraw: () => {},
    finished: () => (state.finished += 1),
    shown: () => {},
    refused: () => (state.refused += 1),
  });
  const drag = (...points: Contact[]) => {
    tools.down(points[0]!);
    tools.move(points.slice(1));
    tools.up();
  };
  const inked = () => control_map(drawing).data.filter((value) => value > 0).length;
  return { drawing, tools, state, drag, inked };
}

test("pen, eraser and the other end of a pen", () => {
  const { state, drag, inked, drawing } = board("brush");
  drag(at(10, 30), at(50, 30));
  const all = inked();
  assert.ok(all > 200);
  state.tool = "eraser";
  drag(at(10, 30), at(30, 30));
  assert.ok(inked() < all);
  const left = inked();
  state.tool = "brush";
  drag(at(30, 30, { eraser: true }), at(50, 30, { eraser: true }));
  assert.ok(inked() < left);
  assert.equal(drawing.history.undoLabel, "eraser");
  assert.equal(drawing.history.steps, 3);
});

test("shapes are drawn when the pointer lets go, filled or as an outline", () => {
  const outline = board("rectangle", { size: 1 });
  outline.drag(at(10, 10), at(30, 20));
  assert.equal(outline.inked(), 2 * 21 + 2 * 9);
  const filled = board("rectangle", { filled: true });
  filled.drag(at(10, 10), at(30, 20));
  assert.equal(filled.inked(), 200);
  const square = board("rectangle", { filled: true });
  square.drag(at(20, 20), at(30, 24, { shift: true, alt: true }));
  assert.equal(square.inked(), 400);
});

test("a curve waits for its handles, and Escape throws it away", () => {
  const { tools, drag, inked, drawing, state } = board("bezier");
  drag(at(5, 40), at(60, 40));
  assert.equal(inked(), 0);
  assert.ok(tools.curve);
  tools.down(at(tools.curve.handle1.x, 40));
  tools.move([at(20, 5)]);
  tools.up();
  assert.deepEqual(tools.curve.handle1, { x: 20, y: 5 });
  assert.ok(tools.accept());
  assert.ok(inked() > 100);
  assert.equal(drawing.history.steps, 1);
  drag(at(5, 50), at(60, 50));
  const before = inked();
  assert.ok(tools.discard());
  assert.equal(inked(), before);
  assert.equal(state.tool, "bezier");
});

test("an outline is filled, with Alt taken away, and a layer is moved", () => {
  const { state, drag, inked, drawing } = board("lasso");
  drag(at(10, 10), at(40, 10), at(40, 40), at(10, 40));
  assert.equal(inked(), 900);
  drag(at(10, 10, { alt: true }), at(20, 10), at(20, 40), at(10, 40));
  assert.equal(inked(), 600);
  state.tool = "move";
  drag(at(30, 30), at(35, 28));
  assert.equal(inked(), 600);
  assert.equal(control_map(drawing).data[8 * 64 + 44], 255);
  assert.equal(control_map(drawing).data[39 * 64 + 30], 0);
});

test("a locked layer refuses, and a stroke that is broken off leaves nothing", () => {
  const { state, drag, inked, drawing, tools } = board("brush");
  tools.down(at(10, 10));
  tools.move([at(30, 30)]);
  tools.cancel();
  assert.equal(inked(), 0);
  assert.equal(drawing.history.canUndo, false);
  drawing.change("lock", drawing.active.id, { locked: true });
  drag(at(10, 10), at(30, 30));
  assert.equal(state.refused, 1);
  assert.equal(inked(), 0);
});

test("a stored drawing comes back as it was, and fitted into another size", async () => {
  const { drawing, drag } = board("brush");
  drag(at(10, 10), at(50, 50));
  drawing.add("add", drawing.blank_layer("ink"));
  drawing.set_base("map", byte_plane(64, 64, 90));
  const document = await store_drawing(drawing, ["1-2"]);
  // A way through JSON makes plain objects of typed arrays.
  for (const stored of [document, JSON.parse(JSON.stringify(document)) as typeof document]) {
    const back = await load_drawing(stored, { width: 64, height: 64 });
    assert.deepEqual(control_map(back).data, control_map(drawing).data);
    assert.deepEqual(back.layers.map((layer) => layer.name), ["", "ink"]);
    assert.equal(back.active.name, "ink");
  }
  const large = await load_drawing(document, { width: 128, height: 64 });
  assert.equal(large.width, 128);
  assert.equal(control_map(large).data[0], 0);
  await assert.rejects(load_drawing({ ...document, layers: [{ ...document.layers[0]!, png: new Uint8Array(9) }] }, { width: 8, height: 8 }), /not a PNG/);
});

test("an editor knows its own maps again", () => {
  const known = new KnownMaps(["9-abc", 7]);
  assert.deepEqual(known.list(), ["9-abc"]);
  const map = Uint8Array.from([1, 2, 3]);
  assert.equal(known.has(map), false);
  known.add(map);
  assert.ok(new KnownMaps(known.list()).has(map.slice()));
  for (let i = 0; i < 100; ++i) known.add(Uint8Array.from([i, i]));
  assert.equal(known.list().length, 64);
  assert.equal(bytes_of("text"), null);
  assert.deepEqual(bytes_of({ 0: 5, 1: 6 }), Uint8Array.from([5, 6]));
});

test("depth: strokes, gradients, levels and undo; what is stored has 16 bits", async () => {
  const work = blank_work({ width: 32, height: 32 });
  const settings = { ...DEPTH_DEFAULTS, size: 12 };
  work.down(at(16, 16), "raise", settings, "raise");
  work.up(settings);
  const raised = work.at({ x: 16, y: 16 });
  assert.ok(raised > 0.5);
  work.down(at(16, 16, { alt: true }), "raise", settings, "raise");
  work.up(settings);
  assert.ok(work.at({ x: 16, y: 16 }) < raised);
  work.down(at(0, 0), "gradient", settings, "gradient");
  work.move([at(32, 0)], "gradient", settings);
  assert.deepEqual(work.gradient && [work.gradient.to.x], [32]);
  work.up(settings);
  assert.ok(work.at({ x: 31, y: 5 }) > 0.95);
  for (const far of [0.1, 0.2, 0.3]) work.preview_levels({ ...work.levels, far });
  work.set_levels("levels", { ...work.levels, far: 0.35 });
  assert.equal(work.history.steps, 4);
  const back = await load_depth(await work.store([]), { width: 32, height: 32 });
  assert.deepEqual(back.plane.data, work.plane.data);
  assert.equal(back.levels.far, 0.35);
  work.undo();
  assert.equal(work.levels.far, 0);
  assert.equal((await decodePng(await work.map(false))).kind, "gray");
  assert.equal((await decodePng(await work.map(true))).kind, "rgb");
  const imported = depth_of_png(await decodePng(await encodeGray(Uint16Array.from([0, 4660]), 2, 1, 16)), { width: 2, height: 1 });
  assert.equal(imported.data[1], 4660);
});

test("lines are drawn, dragged by their ends, moved, selected by a frame and deleted", () => {
  const work = new LineWork(200, 200);
  const settings = { ends: true, angle: 0, vanishing: false };
  const drag = (tool: "draw" | "select" | "erase", ...points: Contact[]) => {
    work.down(points[0]!, tool, settings);
    for (const p of points.slice(1)) work.move(p, settings);
    return work.up(tool);
  };
  assert.ok(drag("draw", at(10.5, 10.5), at(100.5, 20.5)));
  // The second begins at the end of the first, near which it was set down.
  assert.ok(drag("draw", at(103, 22), at(150.5, 120.5)));
  assert.deepEqual([work.segments[1]!.x1, work.segments[1]!.y1], [100, 20]);
  assert.equal(drag("draw", at(180, 180), at(180, 180)), false);
  assert.equal(work.segments.length, 2);
  assert.ok(drag("select", at(10.5, 10.5), at(30.5, 60.5)));
  assert.deepEqual([work.segments[0]!.x1, work.segments[0]!.y1], [30, 60]);
  assert.equal(drag("select", at(5, 5), at(190, 190)), false);
  assert.equal(work.selected.size, 2);
  work.nudge("nudge", 3, -2);
  assert.deepEqual([work.segments[0]!.x1, work.segments[0]!.y1], [33, 58]);
  assert.equal(work.remove_selected("delete"), 2);
  work.history.undo();
  assert.equal(work.segments.length, 2);
  assert.ok(drag("erase", at(150, 118), at(120, 58)));
  assert.equal(work.segments.length, 1);
  assert.equal(work.step_selection(1)?.id, work.segments[0]!.id);
  assert.equal(work.remove_short("short", 500), 1);
  work.history.undo();
  const { work: back } = load_lines(work.store([]), { width: 400, height: 400 });
  assert.equal(back.segments[0]!.x1, 2 * work.segments[0]!.x1);
  assert.equal(load_lines({ ...work.store([]), segments: [[1, 2, 3, NaN]] as never }, { width: 9, height: 9 }).work.segments.length, 0);
});

test("lines turn to vanishing points, and Alt sets them free", () => {
  const work = new LineWork(200, 200);
  work.set_vanishing("point", [{ x: 199, y: 100 }]);
  const settings = { ends: false, angle: 0, vanishing: true };
  work.down(at(10.5, 100.5), "draw", settings);
  work.move(at(90.5, 103.5), settings);
  assert.equal(work.snapped?.to, "vanishing");
  assert.equal(work.segments[0]!.y2, 100);
  work.move(at(90.5, 103.5, { alt: true }), settings);
  assert.equal(work.segments[0]!.y2, 103);
  work.cancel();
  assert.equal(work.segments.length, 0);
  work.history.undo();
  assert.equal(work.vanishing.length, 0);
});

test("the histogram of edges counts as Canny measures", () => {
  const picture = { width: 8, height: 8, data: new Uint8Array(8 * 8 * 4) };
  for (let i = 0; i < 64; ++i) picture.data.fill(i % 8 >= 4 ? 50 : 0, 4 * i, 4 * i + 3);
  const histogram = gradient_histogram(picture);
  // A step of 50 has a slope of 4 * 50 on both sides of it.
  assert.equal(histogram[200], 12);
  assert.equal(histogram[0], 24);
  assert.ok(Math.abs(share_above(histogram, 100) - 12 / 36) < 1e-9);
});
