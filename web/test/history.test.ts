// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { History, pack, UNDO_STEPS, unpack } from "../src/stage/history.ts";
import { byte_plane } from "../src/stage/raster.ts";

test("200 steps are undone and redone exactly", () => {
  const history = new History();
  const plane = byte_plane(200, 150);
  const states = [plane.data.slice()];
  for (let i = 1; i <= UNDO_STEPS; ++i) {
    history.begin(`step ${i}`);
    const rect = { x0: (i * 37) % 190, y0: (i * 53) % 140, x1: ((i * 37) % 190) + 10, y1: ((i * 53) % 140) + 10 };
    history.touch(plane, rect);
    for (let y = rect.y0; y < rect.y1; ++y) plane.data.fill(i, y * 200 + rect.x0, y * 200 + rect.x1);
    assert.ok(history.commit());
    states.push(plane.data.slice());
  }
  for (let i = UNDO_STEPS - 1; i >= 0; --i) {
    assert.ok(history.undo());
    assert.deepEqual(plane.data, states[i]);
  }
  assert.equal(history.undo(), null);
  for (let i = 1; i <= UNDO_STEPS; ++i) {
    assert.ok(history.redo());
    assert.deepEqual(plane.data, states[i]);
  }
  assert.equal(history.redo(), null);
});

test("older steps go when there are too many", () => {
  const history = new History(3);
  const plane = byte_plane(10, 10);
  for (let i = 1; i <= 5; ++i) {
    history.begin("");
    history.touch(plane, { x0: 0, y0: 0, x1: 1, y1: 1 });
    plane.data[0] = i;
    history.commit();
  }
  assert.equal(history.steps, 3);
  while (history.undo());
  assert.equal(plane.data[0], 2);
});

test("the memory of the steps has a limit, but one step stays", () => {
  const history = new History(200, 3000);
  const plane = byte_plane(64, 64);
  for (let i = 1; i <= 5; ++i) {
    history.begin("");
    history.touch(plane, { x0: 0, y0: 0, x1: 64, y1: 64 });
    for (let k = 0; k < plane.data.length; ++k) plane.data[k] = (k * i * 7919) & 255;
    history.commit();
  }
  assert.equal(history.steps, 1);
});

test("a step that changes nothing is none, and a new step ends what could be redone", () => {
  const history = new History();
  const plane = byte_plane(10, 10);
  history.begin("nothing");
  history.touch(plane, { x0: 0, y0: 0, x1: 10, y1: 10 });
  assert.equal(history.commit(), false);
  history.begin("one");
  history.touch(plane, { x0: 0, y0: 0, x1: 10, y1: 10 });
  plane.data[5] = 1;
  history.commit();
  history.undo();
  assert.ok(history.canRedo);
  history.record("two", () => {}, () => {});
  assert.equal(history.canRedo, false);
});

test("a stroke that is broken off leaves no trace", () => {
  const history = new History();
  const plane = byte_plane(100, 100, 9);
  history.begin("");
  history.touch(plane, { x0: 20, y0: 20, x1: 90, y1: 30 });
  plane.data.fill(200, 2020, 2090);
  assert.deepEqual(history.cancel().get(plane), { x0: 0, y0: 0, x1: 100, y1: 64 });
  assert.ok(plane.data.every((value) => value === 9));
  assert.equal(history.canUndo, false);
});

test("steps of layers and of pixels keep their order", () => {
  const history = new History();
  const plane = byte_plane(10, 10);
  const names: string[] = [];
  names.push("a");
  history.record("add", () => names.pop(), () => names.push("a"));
  history.begin("draw");
  history.touch(plane, { x0: 0, y0: 0, x1: 10, y1: 10 });
  plane.data[0] = 1;
  history.commit();
  assert.equal(history.undoLabel, "draw");
  assert.equal(history.undo()!.structure, false);
  assert.equal(history.undo()!.structure, true);
  assert.deepEqual(names, []);
  history.redo();
  assert.deepEqual(names, ["a"]);
});

test("tiles of one colour take a few bytes, and packing loses nothing", () => {
  assert.equal(pack(new Uint8Array(4096).fill(7)).data.byteLength, 4);
  for (const samples of [Uint8Array.from({ length: 4096 }, (_, i) => (i * 31) & 255), Uint8Array.from({ length: 4096 }, (_, i) => (i > 100 ? 255 : 0)), new Uint16Array(70000).fill(65535)])
    assert.deepEqual(unpack(pack(samples), samples, samples.length), samples);
});
