// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { control_map, Drawing, MAX_LAYERS } from "../src/stage/drawing.ts";
import { read_ora, write_ora } from "../src/stage/ora.ts";
import { byte_plane } from "../src/stage/raster.ts";
import { contain, fitted, scaled } from "../src/stage/resample.ts";
import { read_zip, write_zip, ZipError } from "../src/stage/zip.ts";
import { feathered, grown, inverted } from "../src/stage/mask.ts";
import { encodeRgba } from "../src/stage/png.ts";

const pen = { hardness: 1, strength: 255, erase: false };
const rubber = { ...pen, erase: true };
const names = { paper: "Paper", layer: (n: number) => `Layer ${n}`, base: "Map" };

function line(drawing: Drawing, x0: number, y0: number, x1: number, y1: number, radius = 3, brush = pen): void {
  assert.ok(drawing.begin("line"));
  drawing.stroke([{ x: x0, y: y0, radius }, { x: x1, y: y1, radius }], brush);
  drawing.commit();
}
const inked = (drawing: Drawing) => control_map(drawing).data.filter((value) => value > 0).length;

test("the map is white where something was drawn and black elsewhere", () => {
  const drawing = new Drawing(64, 48);
  assert.ok(drawing.is_blank);
  line(drawing, 10, 20, 50, 20);
  const map = control_map(drawing);
  assert.equal(map.data[20 * 64 + 30], 255);
  assert.equal(map.data[40 * 64 + 30], 0);
  assert.deepEqual([...new Set(map.data)].sort(), [0, 255]);
});

test("the rubber takes ink away, and undo brings it back", () => {
  const drawing = new Drawing(64, 48);
  line(drawing, 10, 20, 50, 20);
  const before = control_map(drawing).data;
  line(drawing, 30, 10, 30, 30, 4, rubber);
  assert.equal(control_map(drawing).data[20 * 64 + 30], 0);
  drawing.undo();
  assert.deepEqual(control_map(drawing).data, before);
  drawing.undo();
  assert.ok(drawing.is_blank);
  drawing.redo();
  assert.deepEqual(control_map(drawing).data, before);
});

test("layers have opacity, can be hidden, locked, moved, merged and removed, all with undo", () => {
  const drawing = new Drawing(32, 32);
  const first = drawing.active.id;
  line(drawing, 0, 8, 32, 8);
  const second = drawing.add("add")!;
  line(drawing, 0, 24, 32, 24);
  drawing.change("opacity", second.id, { opacity: 0.5 });
  assert.equal(drawing.composed.data[24 * 32 + 5], 128);
  drawing.change("hide", first, { visible: false });
  assert.equal(drawing.composed.data[8 * 32 + 5], 0);
  drawing.undo();
  assert.equal(drawing.composed.data[8 * 32 + 5], 255);
  drawing.change("lock", second.id, { locked: true });
  assert.equal(drawing.begin("no"), false);
  assert.equal(drawing.remove("remove", second.id), false);
  drawing.undo();
  assert.ok(drawing.merge_down("merge", second.id));
  assert.equal(drawing.layers.length, 1);
  assert.equal(drawing.composed.data[24 * 32 + 5], 128);
  assert.equal(drawing.composed.data[8 * 32 + 5], 255);
  drawing.undo();
  assert.equal(drawing.layers.length, 2);
  assert.ok(drawing.reorder("down", second.id, -1));
  assert.equal(drawing.layers[0]!.id, second.id);
  assert.equal(drawing.reorder("down", second.id, -1), false);
  assert.ok(drawing.remove("remove", first));
  assert.equal(drawing.remove("remove", second.id), false);
  drawing.undo();
  assert.equal(drawing.composed.data[8 * 32 + 5], 255);
  while (drawing.add("add"));
  assert.equal(drawing.layers.length, MAX_LAYERS);
});

test("a slider that is dragged becomes one step", () => {
  const drawing = new Drawing(8, 8);
  for (const opacity of [0.9, 0.7, 0.4]) drawing.preview(drawing.active.id, { opacity });
  drawing.change("opacity", drawing.active.id, { opacity: 0.3 });
  assert.equal(drawing.history.steps, 1);
  drawing.undo();
  assert.equal(drawing.active.opacity, 1);
});

test("under a drawing lies the annotator's map; rubbing and drawing outlive new thresholds", () => {
  const drawing = new Drawing(32, 32);
  const base = byte_plane(32, 32);
  base.data.fill(255, 10 * 32, 11 * 32);
  drawing.set_base("map", base, false);
  line(drawing, 5, 10, 9, 10, 2, rubber);
  line(drawing, 0, 20, 31, 20, 0.5);
  assert.equal(drawing.composed.data[10 * 32 + 7], 0);
  assert.equal(drawing.composed.data[10 * 32 + 20], 255);
  const next = byte_plane(32, 32);
  next.data.fill(255, 9 * 32, 12 * 32);
  drawing.set_base("map", next);
  assert.equal(drawing.composed.data[9 * 32 + 20], 255);
  assert.equal(drawing.composed.data[10 * 32 + 7], 0);
  assert.equal(drawing.composed.data[20 * 32 + 7], 255);
  drawing.undo();
  assert.equal(drawing.composed.data[9 * 32 + 20], 0);
});

test("a faint rubber fades the map instead of removing it", () => {
  const drawing = new Drawing(16, 16);
  drawing.set_base("map", byte_plane(16, 16, 200), false);
  line(drawing, 0, 8, 16, 8, 4, { ...rubber, strength: 100 });
  assert.equal(drawing.composed.data[8 * 16 + 8], 155);
  assert.equal(drawing.composed.data[0], 200);
});

test("symmetry draws every copy in the same step", () => {
  const drawing = new Drawing(64, 64);
  drawing.symmetry = { x: true, y: false, radial: 1 };
  line(drawing, 10, 10, 10, 50);
  assert.equal(drawing.composed.data[30 * 64 + 53], 255);
  drawing.undo();
  assert.ok(drawing.is_blank);
});

test("the bucket fills up to the lines, across gaps, and outlines can be filled as polygons", () => {
  const drawing = new Drawing(80, 80);
  const corners = [[20, 20], [60, 20], [60, 60], [20, 60], [20, 24]] as const;
  for (let i = 0; i + 1 < corners.length; ++i) line(drawing, corners[i]![0], corners[i]![1], corners[i + 1]![0], corners[i + 1]![1], 1);
  drawing.begin("fill");
  drawing.fill({ x: 40, y: 40 }, 6, pen);
  drawing.commit();
  assert.equal(drawing.composed.data[40 * 80 + 40], 255);
  assert.equal(drawing.composed.data[5 * 80 + 5], 0);
  drawing.undo();
  drawing.begin("fill");
  drawing.fill({ x: 40, y: 40 }, 0, pen);
  drawing.commit();
  assert.equal(drawing.composed.data[5 * 80 + 5], 255);
  const shape = new Drawing(20, 20);
  shape.begin("shape");
  shape.polygon([{ x: 2, y: 2 }, { x: 10, y: 2 }, { x: 10, y: 10 }, { x: 2, y: 10 }], pen);
  shape.commit();
  assert.equal(inked(shape), 64);
});

test("a drawing at another size keeps its shape", () => {
  assert.deepEqual(contain({ width: 100, height: 50 }, { width: 200, height: 200 }), { x: 0, y: 50, width: 200, height: 100 });
  const plane = byte_plane(10, 10, 255);
  const wide = fitted(plane, { width: 20, height: 10 }, 0);
  assert.equal(wide.data.filter((value) => value === 255).length, 100);
  assert.equal(wide.data[0], 0);
  assert.deepEqual(fitted(plane, { width: 10, height: 10 }, 0).data, plane.data);
  const ramp = { width: 4, height: 1, data: Uint8Array.from([0, 80, 160, 240]) };
  assert.deepEqual([...scaled(ramp, 2, 1).data].map((v) => Math.abs(v - 40) < 25 || Math.abs(v - 200) < 25), [true, true]);
});

test("masks grow, shrink, invert and soften", () => {
  const plane = byte_plane(40, 40);
  for (let y = 15; y < 25; ++y) plane.data.fill(255, y * 40 + 15, y * 40 + 25);
  const count = (data: Uint8Array) => data.filter((value) => value >= 128).length;
  assert.equal(count(grown(plane.data, 40, 40, 3)), 256);
  assert.equal(count(grown(plane.data, 40, 40, -3)), 16);
  assert.equal(count(inverted(plane.data)), 1500);
  const soft = feathered(plane.data, 40, 40, 6);
  assert.ok(new Set(soft).size > 10);
  assert.ok(soft[20 * 40 + 20]! > 150 && soft[0] === 0);
  assert.deepEqual(feathered(new Uint8Array(1600).fill(255), 40, 40, 6), new Uint8Array(1600).fill(255));
});

test("an OpenRaster file keeps layers with name, opacity, visibility and lock", async () => {
  const drawing = new Drawing(40, 30);
  line(drawing, 5, 5, 35, 25);
  const second = drawing.add("add", drawing.blank_layer("Ink & <wash>"))!;
  line(drawing, 5, 25, 35, 5);
  drawing.change("state", second.id, { opacity: 0.25, visible: false, locked: true });
  const bytes = await write_ora(drawing, names);
  assert.equal(new TextDecoder().decode(bytes.subarray(30, 54)), "mimetypeimage/openraster");
  const read = await read_ora(bytes);
  assert.deepEqual([read.width, read.height, read.layers.length], [40, 30, 2]);
  assert.deepEqual(read.layers.map((layer) => layer.name), ["Layer 1", "Ink & <wash>"]);
  assert.deepEqual(read.layers.map((layer) => layer.plane.data), drawing.layers.map((layer) => layer.plane.data));
  assert.deepEqual([read.layers[1]!.opacity, read.layers[1]!.visible, read.layers[1]!.locked], [0.25, false, true]);
});

test("an OpenRaster file of another program: groups, offsets, white lines on a black sheet", async () => {
  const sheet = new Uint8Array(4 * 4 * 4).map((_, i) => (i % 4 === 3 ? 255 : 0));
  sheet.set([255, 255, 255], 0);
  const xml = `<?xml version='1.0'?><image h='6' w='6'><stack><stack opacity="0.5" x="1" y="1"><layer src='data/a.png' name='A' x='1' y="-1"/></stack><layer src="data/b.png" visibility="hidden"/></stack></image>`;
  const glass = new Uint8Array(2 * 2 * 4);
  glass.set([0, 0, 0, 255], 0);
  const file = write_zip([
    { name: "stack.xml", bytes: new TextEncoder().encode(xml) },
    { name: "data/a.png", bytes: await encodeRgba(sheet, 4, 4) },
    { name: "data/b.png", bytes: await encodeRgba(glass, 2, 2) },
  ]);
  const read = await read_ora(file);
  assert.deepEqual(read.layers.map((layer) => [layer.name, layer.opacity, layer.visible]), [["", 1, false], ["A", 0.5, true]]);
  assert.equal(read.layers[1]!.plane.data[0 * 6 + 2], 255);
  assert.equal(read.layers[0]!.plane.data[0], 255);
});

test("a damaged archive is refused with the reason", async () => {
  const good = write_zip([{ name: "a.txt", bytes: new TextEncoder().encode("hello hello hello") }]);
  assert.equal(new TextDecoder().decode((await read_zip(good)).get("a.txt")), "hello hello hello");
  const refuse = (bytes: Uint8Array, text: RegExp) => assert.rejects(read_zip(bytes), (error) => error instanceof ZipError && text.test(error.message));
  await refuse(new Uint8Array(5), /not a zip/);
  await refuse(good.slice(0, good.length - 3), /not a zip/);
  const flipped = good.slice();
  flipped[36]! ^= 1;
  await refuse(flipped, /checksum/);
  const encrypted = good.slice();
  encrypted[good.length - 22 - 51 + 8]! |= 1;
  await refuse(encrypted, /encrypted/);
  const far = good.slice();
  far[good.length - 22 + 16] = 200;
  await refuse(far, /damaged/);
  await assert.rejects(read_ora(good), /stack\.xml/);
});
