// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { Gestures, type Press } from "../src/stage/gestures.ts";
import { fit, kept_in, to_drawing, to_window, zoom } from "../src/stage/view.ts";

const press = (values: Partial<Press>): Press => ({ id: 1, type: "mouse", button: 0, x: 0, y: 0, timeMs: 0, ...values });
const kinds = (actions: { kind: string }[]) => actions.map((action) => action.kind).join(" ");

test("a mouse draws with its main button and pans with the middle one", () => {
  const g = new Gestures();
  assert.equal(kinds(g.down(press({}))), "start");
  assert.equal(kinds(g.move(1, 5, 5)), "draw");
  assert.equal(kinds(g.up(1)), "end");
  assert.equal(kinds(g.down(press({ button: 1 }))), "");
  assert.deepEqual(g.move(1, 4, 6), [{ kind: "pan", dx: 4, dy: 6 }]);
  assert.equal(kinds(g.up(1)), "");
  assert.equal(kinds(g.down(press({ button: 2 }))), "");
  assert.equal(kinds(g.move(1, 9, 9)), "");
});

test("two fingers move and zoom, and what the first began to draw is taken back", () => {
  const g = new Gestures();
  assert.equal(kinds(g.down(press({ id: 1, type: "touch", x: 100, y: 100 }))), "start");
  assert.equal(kinds(g.down(press({ id: 2, type: "touch", x: 200, y: 100, timeMs: 60 }))), "cancel");
  const [pinch] = g.move(2, 300, 100);
  assert.ok(pinch?.kind === "pinch");
  assert.equal(pinch.factor, 2);
  assert.deepEqual([pinch.at, pinch.dx, pinch.dy], [{ x: 200, y: 100 }, 50, 0]);
  assert.equal(kinds(g.up(2)), "");
  assert.equal(kinds(g.move(1, 90, 90)), "");
  assert.equal(kinds(g.up(1)), "");
  assert.equal(kinds(g.down(press({ id: 3, type: "touch" }))), "start");
});

test("a second finger late in a stroke is an accident", () => {
  const g = new Gestures();
  g.down(press({ id: 1, type: "touch" }));
  g.move(1, 80, 0);
  assert.equal(kinds(g.down(press({ id: 2, type: "touch", x: 300, timeMs: 900 }))), "");
  assert.equal(kinds(g.move(1, 90, 0)), "draw");
  assert.equal(kinds(g.move(2, 310, 0)), "");
  assert.equal(kinds(g.up(1)), "end");
});

test("once a pen was seen fingers only pan, and the palm beside a pen does nothing", () => {
  const g = new Gestures();
  assert.equal(kinds(g.down(press({ id: 1, type: "touch" }))), "start");
  // The hand came down before the pen: its line is taken back.
  assert.equal(kinds(g.down(press({ id: 9, type: "pen" }))), "cancel start");
  assert.equal(kinds(g.down(press({ id: 2, type: "touch" }))), "");
  assert.equal(kinds(g.move(2, 50, 50)), "");
  assert.equal(kinds(g.move(9, 3, 3)), "draw");
  g.up(9);
  g.up(1);
  g.up(2);
  assert.equal(kinds(g.down(press({ id: 3, type: "touch" }))), "");
  assert.equal(kinds(g.move(3, 7, 0)), "pan");
});

test("the other end of a pen rubs out", () => {
  const [start] = new Gestures().down(press({ type: "pen", button: 5 }));
  assert.deepEqual(start, { kind: "start", id: 1, eraser: true });
});

test("a stroke can be broken off by Escape or by the system", () => {
  const g = new Gestures();
  g.down(press({}));
  assert.equal(kinds(g.abandon()), "cancel");
  assert.equal(kinds(g.up(1)), "");
  g.down(press({}));
  assert.equal(kinds(g.lost(1)), "cancel");
});

test("zooming keeps the point under the pointer, and the drawing cannot get lost", () => {
  const [size, window] = [{ width: 512, height: 768 }, { width: 800, height: 600 }];
  const view = fit(size, window);
  assert.ok(view.scale * 768 <= 600);
  const at = { x: 333, y: 222 };
  const before = to_drawing(view, at);
  const closer = zoom(view, 3, at);
  assert.ok(Math.abs(to_window(closer, before).x - at.x) < 1e-9);
  const lost = kept_in({ scale: 1, x: 5000, y: -5000 }, size, window);
  assert.ok(lost.x < window.width && lost.y + size.height > 0);
});
