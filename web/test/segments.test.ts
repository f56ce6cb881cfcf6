// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { CLASS_WORDS } from "../src/segments/class_names.ts";
import { import_png, import_rgb, settle } from "../src/segments/import.ts";
import { components, label_places, majority, outlines, SegmentMap } from "../src/segments/map.ts";
import { ADE, class_name, png_palette, read_palette, search_classes, twins, UNLABELLED } from "../src/segments/palette.ts";
import { decodePng, encodeIndexed } from "../src/stage/png.ts";

const [WALL, SKY, TREE, ROAD, PERSON, SKYSCRAPER] = [0, 2, 4, 6, 12, 48] as const;

function step(map: SegmentMap, change: () => unknown): void {
  map.history.begin("");
  change();
  map.history.commit();
}
const of = (map: SegmentMap, value: number) => map.counts().get(value) ?? 0;

test("the table is that of the annotators", () => {
  const source = ["../src/annotators/ade20k_palette.cc", "src/annotators/ade20k_palette.cc"].find((path) => existsSync(path));
  assert.equal(ADE.classes.length, 150);
  assert.equal(CLASS_WORDS.length, 150);
  assert.ok(CLASS_WORDS.every((words) => words.zh));
  if (!source) return;
  const text = readFileSync(source, "utf8");
  const table = (name: string) => text.slice(text.indexOf(name), text.indexOf("};", text.indexOf(name)));
  assert.deepEqual(ADE.classes.map((entry) => [...entry.rgb]), [...table("kColours").matchAll(/\{(\d+), (\d+), (\d+)\}/g)].map((m) => m.slice(1).map(Number)));
  assert.deepEqual(ADE.classes.map((entry) => entry.name), [...table("kNames").matchAll(/"([^"]*)"/g)].map((m) => m[1]));
});

test("exactly one colour belongs to two classes: road and skyscraper", () => {
  assert.deepEqual(twins(ADE).map((group) => group.map((entry) => entry.index)), [[ROAD, SKYSCRAPER]]);
});

test("a class is found by its name in English and Chinese, by a synonym and by its number", () => {
  const first = (text: string) => search_classes(ADE, text)[0]?.name;
  assert.equal(first("sky"), "sky");
  assert.equal(first("Skyscr"), "skyscraper");
  assert.equal(first("天空"), "sky");
  assert.equal(first("摩天"), "skyscraper");
  assert.equal(first("红绿灯"), "traffic light");
  assert.equal(first("human"), "person");
  assert.equal(first("12"), "person");
  assert.equal(first("fridge"), "refrigerator");
  assert.equal(search_classes(ADE, "  ").length, 150);
  assert.equal(search_classes(ADE, "zzz").length, 0);
  assert.equal(class_name(ADE.classes[SKY], "zh-CN"), "天空");
  assert.equal(class_name(ADE.classes[SKY], "en"), "sky");
});

test("the brush has hard edges and spares locked classes", () => {
  const map = new SegmentMap(40, 30);
  step(map, () => map.stroke([{ x: 0, y: 15, radius: 4 }, { x: 40, y: 15, radius: 4 }], ROAD));
  map.locked.add(ROAD);
  step(map, () => map.stroke([{ x: 20, y: 0, radius: 6 }, { x: 20, y: 30, radius: 6 }], SKY));
  assert.equal(map.at({ x: 20, y: 15 }), ROAD);
  assert.equal(map.at({ x: 20, y: 4 }), SKY);
  assert.deepEqual([...map.counts().keys()].sort((a, b) => a - b), [SKY, ROAD, UNLABELLED]);
  map.undo();
  assert.equal(of(map, SKY), 0);
  map.redo();
  assert.ok(of(map, SKY) > 0);
});

test("the bucket fills one area or all of a class, and closes gaps", () => {
  const map = new SegmentMap(60, 60);
  step(map, () => map.polygon([{ x: 0, y: 0 }, { x: 60, y: 0 }, { x: 60, y: 60 }, { x: 0, y: 60 }], WALL));
  for (const [a, b] of [[[10, 10], [50, 10]], [[50, 10], [50, 50]], [[50, 50], [10, 50]], [[10, 50], [10, 33]], [[10, 27], [10, 10]]] as const)
    step(map, () => map.stroke([{ x: a[0], y: a[1], radius: 1 }, { x: b[0], y: b[1], radius: 1 }], ROAD));
  step(map, () => map.fill({ x: 30, y: 30 }, SKY, { everywhere: false, gap: 8 }));
  assert.equal(map.at({ x: 30, y: 30 }), SKY);
  assert.equal(map.at({ x: 2, y: 2 }), WALL);
  map.undo();
  step(map, () => map.fill({ x: 30, y: 30 }, SKY, { everywhere: false, gap: 0 }));
  assert.equal(map.at({ x: 2, y: 2 }), SKY);
  map.undo();
  step(map, () => map.fill({ x: 30, y: 30 }, TREE, { everywhere: true, gap: 0 }));
  assert.equal(of(map, WALL), 0);
});

test("classes are swapped, exchanged, grown, shrunk and smoothed", () => {
  const map = new SegmentMap(40, 40);
  step(map, () => map.polygon([{ x: 0, y: 0 }, { x: 40, y: 0 }, { x: 40, y: 40 }, { x: 0, y: 40 }], WALL));
  step(map, () => map.polygon([{ x: 10, y: 10 }, { x: 20, y: 10 }, { x: 20, y: 20 }, { x: 10, y: 20 }], PERSON));
  step(map, () => map.grow(PERSON, 2));
  assert.equal(of(map, PERSON), 196);
  step(map, () => map.shrink(PERSON, 2));
  assert.equal(of(map, PERSON), 100);
  assert.equal(of(map, WALL), 1500);
  step(map, () => map.exchange(PERSON, WALL));
  assert.equal(of(map, WALL), 100);
  step(map, () => map.swap(WALL, SKY));
  assert.equal(of(map, SKY), 100);
  map.plane.data[3 * 40 + 3] = TREE;
  step(map, () => map.smooth(2));
  assert.equal(of(map, TREE), 0);
  const before = of(map, SKY);
  map.locked.add(PERSON);
  step(map, () => map.grow(SKY, 3));
  assert.equal(of(map, SKY), before);
});

test("small regions go to what surrounds them", () => {
  const map = new SegmentMap(20, 20);
  map.plane.data.fill(WALL);
  map.plane.data[25] = TREE;
  map.plane.data.fill(SKY, 200, 260);
  let removed = 0;
  step(map, () => (removed = map.clean(10)));
  assert.equal(removed, 1);
  assert.deepEqual([of(map, WALL), of(map, SKY), of(map, TREE)], [340, 60, 0]);
  assert.equal(components(map.plane).areas.length, 3);
});

test("a map written as indexed PNG keeps road and skyscraper apart", async () => {
  const map = new SegmentMap(6, 2);
  map.plane.data.set([ROAD, SKYSCRAPER, SKY, ROAD, SKYSCRAPER, UNLABELLED]);
  const png = await decodePng(await encodeIndexed(map.plane.data, png_palette(ADE), 6, 2));
  const back = import_png(png, ADE);
  assert.deepEqual(back.plane.data, map.plane.data);
  assert.deepEqual(back.ambiguous, []);
  assert.equal(back.report.unlabelled, 7);
});

test("a map of colours takes exact colours, snaps near ones, and asks about the shared colour once", () => {
  const pixels: number[] = [];
  for (const rgb of [[6, 230, 230], [8, 228, 233], [140, 140, 140], [0, 0, 0], [30, 33, 90]]) pixels.push(...rgb, 255);
  pixels.push(6, 230, 230, 0);
  const found = import_rgb({ width: 6, height: 1, data: Uint8Array.from(pixels) }, ADE);
  assert.deepEqual([...found.plane.data], [SKY, SKY, ROAD, UNLABELLED, UNLABELLED, UNLABELLED]);
  assert.deepEqual([found.report.exact, found.report.near, found.report.unlabelled], [2, 1, 3]);
  assert.ok(Math.abs(found.report.farthest - Math.sqrt(4 + 4 + 9)) < 1e-9);
  assert.equal(found.ambiguous.length, 1);
  settle(found.plane, found.ambiguous[0]!, SKYSCRAPER);
  assert.equal(found.plane.data[2], SKYSCRAPER);
});

test("outlines and places for labels follow the regions", () => {
  const map = new SegmentMap(10, 10);
  map.plane.data.fill(WALL);
  for (let y = 4; y < 8; ++y) map.plane.data.fill(SKY, y * 10 + 2, y * 10 + 8);
  const lines = outlines(map.plane);
  assert.equal(lines[4 * 10 + 1], 1);
  assert.equal(lines[5 * 10 + 5], 0);
  const place = label_places(map.plane).get(SKY)!;
  assert.equal(map.at(place), SKY);
  assert.equal(majority(map.plane, 1)[4 * 10 + 2], WALL);
});

test("other palettes are read from JSON, and wrong ones are refused", () => {
  const palette = read_palette('{"name": "two", "classes": [{"name": "a", "rgb": [1, 2, 3]}, {"name": "b", "rgb": [4, 5, 6], "zh": "乙"}]}');
  assert.equal(search_classes(palette, "乙")[0]!.name, "b");
  assert.throws(() => read_palette("{}"), /classes/);
  assert.throws(() => read_palette('{"classes": [{"name": "a", "rgb": [1, 2, 300]}]}'), /class 0/);
  assert.throws(() => read_palette('{"classes": [{"rgb": [1, 2, 3]}]}'), /no name/);
});
