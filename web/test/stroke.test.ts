// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { byte_plane, type Dab, fill_polygon, sweep } from "../src/stage/raster.ts";
import { radius_for, Stroke, useful_pressure } from "../src/stage/stroke.ts";
import { constrain, copies, curve_points, outline, straight_curve } from "../src/stage/shapes.ts";

const steady = { size: 10, smoothing: 0, pressure: true };

function drawn(dabs: Dab[], hardness = 1, size = { width: 64, height: 64 }) {
  const plane = byte_plane(size.width, size.height);
  for (let i = 0; i + 1 < dabs.length; ++i) sweep(dabs[i]!, dabs[i + 1]!, hardness, size, (at, coverage) => (plane.data[at] = Math.max(plane.data[at]!, coverage)));
  return plane;
}

test("pressure becomes width, and only pens measure it", () => {
  assert.equal(radius_for(steady, 1), 5);
  assert.ok(radius_for(steady, 0.3) < radius_for(steady, 0.7));
  assert.equal(radius_for({ ...steady, pressure: false }, 0.1), 5);
  assert.equal(radius_for({ ...steady, size: 1 }, 0), 0.5);
  assert.equal(useful_pressure("mouse", 0.5), 1);
  assert.equal(useful_pressure("touch", 0), 1);
  assert.equal(useful_pressure("pen", 0.3), 0.3);
});

test("a stroke has no gaps, however far apart the samples are", () => {
  const stroke = new Stroke({ ...steady, pressure: false, size: 1 });
  const dabs = [...stroke.begin({ x: 2, y: 2, pressure: 1 }), ...stroke.push({ x: 60, y: 20, pressure: 1 }), ...stroke.push({ x: 3, y: 61, pressure: 1 }), ...stroke.end()];
  const plane = drawn(dabs);
  for (let y = 3; y < 61; ++y) assert.ok(plane.data.subarray(y * 64, (y + 1) * 64).includes(255), `row ${y}`);
});

test("a stroke does not depend on how its samples were grouped, and ends where the hand did", () => {
  const samples = Array.from({ length: 40 }, (_, i) => ({ x: i * 1.5, y: 30 + 10 * Math.sin(i / 4), pressure: 0.2 + i / 60 }));
  const run = () => {
    const stroke = new Stroke({ ...steady, smoothing: 0.8 });
    const out = [stroke.begin(samples[0]!)];
    for (const sample of samples.slice(1)) out.push(stroke.push(sample));
    out.push(stroke.end());
    return out.flat();
  };
  const all = run();
  assert.deepEqual(all, run());
  assert.deepEqual([all.at(-1)!.x, all.at(-1)!.y], [samples.at(-1)!.x, samples.at(-1)!.y]);
});

test("smoothing takes the shaking out of a line", () => {
  const wobble = (smoothing: number) => {
    const stroke = new Stroke({ size: 2, smoothing, pressure: false });
    const dabs = stroke.begin({ x: 0, y: 30, pressure: 1 });
    for (let i = 1; i < 60; ++i) dabs.push(...stroke.push({ x: i, y: 30 + (i % 2 ? 3 : -3), pressure: 1 }));
    return Math.max(...dabs.slice(80).map((dab) => Math.abs(dab.y - 30)));
  };
  assert.ok(wobble(0.8) < wobble(0) / 2);
});

test("a hard brush leaves only black and white, a soft one fades", () => {
  const line = [{ x: 10, y: 30, radius: 6 }, { x: 50, y: 33, radius: 3 }];
  assert.deepEqual([...new Set(drawn(line).data)].sort(), [0, 255]);
  assert.ok(new Set(drawn(line, 0.3).data).size > 20);
});

test("the thinnest brush draws lines of one pixel", () => {
  const plane = drawn([{ x: 5, y: 8, radius: 0.5 }, { x: 50, y: 8, radius: 0.5 }]);
  assert.equal(plane.data.filter((value) => value).length, 46);
});

test("nothing is drawn outside of the plane", () => {
  const plane = drawn([{ x: -40, y: -40, radius: 9 }, { x: 140, y: 20, radius: 9 }]);
  assert.ok(plane.data.some((value) => value));
});

test("symmetry gives each copy once", () => {
  const at = { x: 10, y: 20 };
  const places = (x: boolean, y: boolean, radial: number) => copies({ x, y, radial }, 64, 64).map((copy) => copy(at)).map((p) => `${p.x.toFixed(3)},${p.y.toFixed(3)}`);
  assert.deepEqual(places(true, false, 1), ["10.000,20.000", "54.000,20.000"]);
  assert.equal(new Set(places(true, true, 1)).size, 4);
  for (const radial of [2, 3, 4, 6]) {
    const found = places(true, true, radial);
    assert.equal(new Set(found).size, found.length, `${radial} turns`);
    assert.equal(found.length, radial % 2 ? 4 * radial : 2 * radial);
  }
  assert.equal(places(false, false, 5).length, 5);
});

test("shapes are closed, and Shift makes them regular", () => {
  const box = outline("rectangle", { x: 1, y: 2 }, { x: 9, y: 5 });
  assert.deepEqual(box[0], box.at(-1));
  const round = outline("ellipse", { x: 0, y: 0 }, { x: 20, y: 10 });
  assert.deepEqual(round[0], round.at(-1));
  assert.ok(round.every((p) => Math.abs(((p.x - 10) / 10) ** 2 + ((p.y - 5) / 5) ** 2 - 1) < 1e-9));
  assert.deepEqual(constrain("rectangle", { x: 0, y: 0 }, { x: -8, y: 3 }), { x: -8, y: 8 });
  const line = constrain("line", { x: 0, y: 0 }, { x: 10, y: 1 });
  assert.ok(Math.abs(line.y) < 1e-9);
});

test("a curve starts straight and bends to its handles", () => {
  const curve = straight_curve({ x: 0, y: 0 }, { x: 30, y: 0 });
  assert.ok(curve_points(curve).every((p) => Math.abs(p.y) < 1e-9));
  const bent = curve_points({ ...curve, handle1: { x: 10, y: 20 } });
  assert.ok(Math.max(...bent.map((p) => p.y)) > 5);
  assert.deepEqual(bent.at(-1), { x: 30, y: 0 });
});

test("a polygon covers the pixels whose middle is inside", () => {
  const plane = byte_plane(10, 10);
  fill_polygon([{ x: 2, y: 2 }, { x: 6, y: 2 }, { x: 6, y: 5 }, { x: 2, y: 5 }], plane, (i) => (plane.data[i] = 1));
  assert.equal(plane.data.reduce((a, b) => a + b, 0), 12);
  const star = byte_plane(10, 10);
  fill_polygon([{ x: -5, y: -5 }, { x: 15, y: -5 }, { x: 15, y: 15 }, { x: -5, y: 15 }], star, (i) => (star.data[i] = 1));
  assert.equal(star.data.reduce((a, b) => a + b, 0), 100);
});
