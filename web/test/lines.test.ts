// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { distance_to, find_segments, length_of, line_map, pick, type Segment, snap } from "../src/stage/lines.ts";
import { dilate } from "../src/stage/raster.ts";

const segment = (id: number, x1: number, y1: number, x2: number, y2: number): Segment => ({ id, x1, y1, x2, y2 });
const free = { ends: 0, angle: 0, vanishing: [], vanishingReach: 0 };

test("lines are one pixel wide, white on black, and may leave the picture", () => {
  const map = line_map([segment(1, 2, 3, 9, 3), segment(2, -5, -5, 30, 30)], 12, 12);
  assert.equal(map.data.filter((value) => value === 255).length, 8 + 12 - 1);
  assert.equal(map.data[3 * 12 + 2], 255);
});

test("ends are picked before middles, the nearest line first", () => {
  const lines = [segment(1, 0, 0, 100, 0), segment(2, 50, 4, 50, 90)];
  assert.deepEqual(pick(lines, { x: 50, y: 5 }, 6), { id: 2, part: "start" });
  assert.deepEqual(pick(lines, { x: 20, y: 2 }, 6), { id: 1, part: "middle" });
  assert.equal(pick(lines, { x: 20, y: 40 }, 6), null);
  assert.equal(distance_to(lines[0]!, { x: 110, y: 0 }), 10);
});

test("an end snaps to other ends, to vanishing points and to angles, in this order", () => {
  const others = [segment(1, 40, 40, 80, 80)];
  assert.deepEqual(snap({ x: 0, y: 0 }, { x: 41, y: 38 }, others, { ...free, ends: 6 }), { x: 40, y: 40, to: "end" });
  const toVanishing = snap({ x: 0, y: 0 }, { x: 50, y: 2 }, [], { ...free, vanishing: [{ x: 1000, y: 0 }], vanishingReach: 4, angle: 15 });
  assert.equal(toVanishing.to, "vanishing");
  assert.ok(Math.abs(toVanishing.y) < 1e-9);
  const away = snap({ x: 0, y: 0 }, { x: -50, y: 2 }, [], { ...free, vanishing: [{ x: 1000, y: 0 }], vanishingReach: 4 });
  assert.ok(away.to === "vanishing" && away.x < 0 && Math.abs(away.y) < 1e-9);
  const angled = snap({ x: 0, y: 0 }, { x: 30, y: 28 }, [], { ...free, angle: 15 });
  assert.ok(angled.to === "angle" && Math.abs(angled.x - angled.y) < 1e-9);
  assert.deepEqual(snap({ x: 0, y: 0 }, { x: 3, y: 7 }, [], free), { x: 3, y: 7, to: "" });
});

test("the lines of a finished map are found again", () => {
  let state = 5;
  const random = (top: number) => ((state = (state * 1103515245 + 12345) & 0x7fffffff) >> 8) % top;
  const drawn: Segment[] = [];
  while (drawn.length < 40) {
    const s = segment(drawn.length, random(512), random(512), random(512), random(512));
    if (length_of(s) > 30) drawn.push(s);
  }
  const map = line_map(drawn, 512, 512);
  const found = find_segments(map);
  const again = line_map(found, 512, 512);
  const near = (a: Uint8Array, b: Uint8Array) => {
    const wide = dilate(b.map((v) => (v ? 1 : 0)), 512, 512, 1);
    let [hits, all] = [0, 0];
    a.forEach((v, i) => v && (all++, (hits += wide[i]!)));
    return hits / all;
  };
  assert.ok(near(map.data, again.data) > 0.98, "nearly every white pixel is explained");
  assert.ok(near(again.data, map.data) > 0.98, "and nearly nothing was made up");
  assert.ok(found.length < 80, `${found.length} lines`);
  const long = drawn.filter((s) => found.some((f) => Math.min(ends(s, f), ends(s, { ...f, x1: f.x2, y1: f.y2, x2: f.x1, y2: f.y1 })) < 6));
  assert.ok(long.length >= 30, `${long.length} of 40 come back whole`);
});

function ends(a: Segment, b: Segment): number {
  return Math.hypot(a.x1 - b.x1, a.y1 - b.y1) + Math.hypot(a.x2 - b.x2, a.y2 - b.y2);
}

test("an empty and a white map give no lines without end", () => {
  assert.deepEqual(find_segments({ width: 50, height: 50, data: new Uint8Array(2500) }), []);
  assert.ok(find_segments({ width: 50, height: 50, data: new Uint8Array(2500).fill(255) }).length <= 60);
});
