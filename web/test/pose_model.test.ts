// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { dragged, tool_now, within, type Drag } from "../src/pose/gestures.ts";
import { MAX_STEPS } from "../src/pose/history.ts";
import {
  add_person, commit, duplicate, flip, new_model, nudge, redo, remove_selected, resize_canvas, select, select_more, select_person, selected_refs,
  set_attached, set_flags, take_people, take_pose, toggle_selected, toggle_visible, undo, whole_people, type Model,
} from "../src/pose/model.ts";
import { pick_joint, pick_person } from "../src/pose/pick.ts";
import { distance, empty_document, L_ELBOW, L_WRIST, NOSE, R_WRIST, refs_of } from "../src/pose/skeleton.ts";
import { fit, scale_of, to_canvas, zoomed } from "../src/pose/view.ts";

const nose = { person: 1, part: "body" as const, index: NOSE };
const none = { shift: false, alt: false };

function with_people(count: number): Model {
  const model = new_model(empty_document(512, 512));
  for (let i = 0; i < count; ++i) add_person(model, "stand");
  return model;
}
const joint = (model: Model, index: number, person = 0) => model.document.value.people[person]!.body[index]!;

test("a new person is selected whole and active", () => {
  const model = with_people(2);
  assert.deepEqual(whole_people(model), [2]);
  assert.equal(model.active.value, 2);
  assert.notEqual(joint(model, NOSE, 0).x, joint(model, NOSE, 1).x);
});

test("undo and redo go back and forth, and a new step ends redo", () => {
  const model = with_people(1);
  select(model, [nose]);
  const before = joint(model, NOSE).x;
  nudge(model, 10, 0);
  undo(model);
  assert.equal(joint(model, NOSE).x, before);
  redo(model);
  assert.equal(joint(model, NOSE).x, before + 10);
  undo(model);
  toggle_visible(model);
  redo(model);
  assert.equal(joint(model, NOSE).x, before);
});

test("a held arrow key is one step; another selection begins a new one", () => {
  const model = with_people(1);
  const steps = model.history.value.past.length;
  select(model, [nose]);
  for (let i = 0; i < 5; ++i) nudge(model, 1, 0);
  assert.equal(model.history.value.past.length, steps + 1);
  select(model, [{ ...nose, index: L_WRIST }]);
  nudge(model, 1, 0);
  assert.equal(model.history.value.past.length, steps + 2);
});

test("at most 200 steps are kept", () => {
  const model = with_people(1);
  for (let i = 0; i < 2 * MAX_STEPS; ++i) commit(model, { ...model.document.value });
  assert.equal(model.history.value.past.length, MAX_STEPS);
  assert.equal(MAX_STEPS, 200);
});

test("undoing a person's arrival forgets the selection of its joints", () => {
  const model = with_people(2);
  undo(model);
  assert.equal(model.selection.value.size, 0);
  assert.equal(model.active.value, 1);
});

test("H hides what is visible, and shows what is hidden throughout", () => {
  const model = with_people(1);
  select(model, [nose, { ...nose, index: L_WRIST }]);
  toggle_visible(model);
  assert.ok(!joint(model, NOSE).visible && !joint(model, L_WRIST).visible);
  toggle_visible(model);
  assert.ok(joint(model, NOSE).visible && joint(model, L_WRIST).visible);
});

test("deleting takes whole people away and hides single joints", () => {
  const model = with_people(2);
  select(model, [nose]);
  remove_selected(model);
  assert.equal(model.document.value.people.length, 2);
  assert.equal(joint(model, NOSE).visible, false);
  select_person(model, 1);
  remove_selected(model);
  assert.deepEqual(model.document.value.people.map((person) => person.id), [2]);
});

test("Ctrl+A takes the active person, then everybody", () => {
  const model = with_people(2);
  select(model, [nose]);
  select_more(model);
  assert.deepEqual(whole_people(model), [1]);
  select_more(model);
  assert.deepEqual(whole_people(model), [1, 2]);
});

test("locking or hiding a person ends its selection", () => {
  const model = with_people(1);
  set_flags(model, 1, { locked: true });
  assert.equal(model.selection.value.size, 0);
  select_person(model, 1);
  assert.equal(model.selection.value.size, 0);
});

test("another pose keeps the hands and the place of the feet", () => {
  const model = with_people(1);
  set_attached(model, "left", true);
  const foot = Math.max(...model.document.value.people[0]!.body.map((j) => j.y));
  take_pose(model, "tpose");
  const person = model.document.value.people[0]!;
  assert.ok(person.left && !person.right);
  assert.ok(Math.abs(Math.max(...person.body.map((j) => j.y)) - foot) < 1);
  assert.ok(person.body[L_WRIST]!.x > person.body[L_ELBOW]!.x);
});

test("duplicates are selected, and flip acts on them", () => {
  const model = with_people(1);
  duplicate(model, [1]);
  assert.deepEqual(whole_people(model), [2]);
  const before = joint(model, L_WRIST, 1);
  flip(model, "x");
  assert.notEqual(joint(model, L_WRIST, 1), before);
});

test("people out of a file come to the canvas's size beside those who are there", () => {
  const model = with_people(1);
  const incoming = with_people(2).document.value;
  assert.equal(take_people(model, { ...incoming, width: 1024, height: 1024 }, false), 2);
  assert.deepEqual(model.document.value.people.map((person) => person.id), [1, 2, 3]);
  assert.ok(Math.abs(joint(model, NOSE, 1).y - incoming.people[0]!.body[NOSE]!.y / 2) < 1e-9);
  assert.equal(take_people(model, empty_document(9, 9), false), 0);
});

test("a canvas of the same size is no step", () => {
  const model = with_people(1);
  const steps = model.history.value.past.length;
  assert.equal(resize_canvas(model, 512, 512), false);
  assert.equal(resize_canvas(model, 256, 512), true);
  assert.equal(model.history.value.past.length, steps + 1);
});

test("shift-click adds to a selection and takes away again", () => {
  const model = with_people(1);
  select(model, [nose]);
  toggle_selected(model, { ...nose, index: L_WRIST });
  assert.equal(selected_refs(model).length, 2);
  toggle_selected(model, nose);
  assert.deepEqual(selected_refs(model), [{ ...nose, index: L_WRIST }]);
});

// --- gestures ---

test("held keys win over the chosen tool", () => {
  assert.equal(tool_now("move", none), "move");
  assert.equal(tool_now("scale", { shift: true, alt: false }), "limb");
  assert.equal(tool_now("limb", { shift: true, alt: true }), "scale");
});

test("a dragged joint keeps its distance from the pointer", () => {
  const model = with_people(1);
  const start = model.document.value;
  const at = joint(model, NOSE);
  const drag: Drag = { kind: "joint", ref: nose, refs: [nose], from: { x: at.x + 3, y: at.y - 2 }, start };
  const after = dragged(drag, { x: at.x + 13, y: at.y + 8 }, "move", none, false);
  assert.deepEqual(after.people[0]!.body[NOSE], { x: at.x + 10, y: at.y + 10, visible: true });
});

test("dragging with symmetry moves the other arm as in a mirror", () => {
  const model = with_people(1);
  const ref = { ...nose, index: L_WRIST };
  const start = model.document.value;
  const drag: Drag = { kind: "joint", ref, refs: [ref], from: { x: 0, y: 0 }, start };
  const { body } = dragged(drag, { x: 20, y: -30 }, "limb", none, true).people[0]!;
  assert.ok(Math.abs(distance(body[L_WRIST]!, body[1]!) - distance(body[R_WRIST]!, body[1]!)) < 1e-6);
  assert.notDeepEqual(body[R_WRIST], start.people[0]!.body[R_WRIST]);
});

function box_drag(handle: "se" | "e" | "rotate" | "move", keys = none, to = { x: 120, y: 60 }) {
  const model = with_people(1);
  const start = model.document.value;
  const refs = refs_of(start.people[0]!);
  const box = { left: 0, top: 0, right: 100, bottom: 100 };
  const from = handle === "e" ? { x: 100, y: 50 } : { x: 100, y: 100 };
  return { start, after: dragged({ kind: "box", handle, refs, box, from, start }, to, "move", keys, false) };
}

test("a corner keeps the shape unless Shift is held", () => {
  const { start, after } = box_drag("se", none, { x: 150, y: 110 });
  const [a, b] = [start.people[0]!.body[5]!, after.people[0]!.body[5]!];
  assert.ok(Math.abs(b.x - 1.5 * a.x) < 1e-9 && Math.abs(b.y - 1.5 * a.y) < 1e-9);
  const stretched = box_drag("se", { shift: true, alt: false }, { x: 150, y: 110 }).after.people[0]!.body[5]!;
  assert.ok(Math.abs(stretched.x - 1.5 * a.x) < 1e-9 && Math.abs(stretched.y - 1.1 * a.y) < 1e-9);
});

test("an edge stretches one axis and never passes the other side", () => {
  const { start, after } = box_drag("e", none, { x: -500, y: 50 });
  const [a, b] = [start.people[0]!.body[5]!, after.people[0]!.body[5]!];
  assert.equal(a.y, b.y);
  assert.ok(Math.abs(b.x - 0.02 * a.x) < 1e-9);
});

test("rotation goes in steps of 15 degrees with Shift", () => {
  const { start, after } = box_drag("rotate", { shift: true, alt: false }, { x: 52, y: 120 });
  const [a, b] = [start.people[0]!.body[NOSE]!, after.people[0]!.body[NOSE]!];
  const turn = Math.atan2(b.y - 50, b.x - 50) - Math.atan2(a.y - 50, a.x - 50);
  const steps = turn / (Math.PI / 12);
  assert.ok(Math.abs(steps - Math.round(steps)) < 1e-9);
});

test("the marquee takes what lies inside, of nobody who is locked", () => {
  const model = with_people(1);
  const at = joint(model, NOSE);
  const take = () => within(model.document.value, { x: at.x + 2, y: at.y + 2 }, { x: at.x - 2, y: at.y - 2 });
  assert.deepEqual(take(), [nose]);
  set_flags(model, 1, { locked: true });
  assert.deepEqual(take(), []);
});

test("the nearest joint is picked, of two at one place the active person's", () => {
  const model = with_people(1);
  duplicate(model, [1]);
  const start = model.document.value;
  const document = { ...start, people: [start.people[0]!, { ...start.people[0]!, id: 2 }] };
  const at = joint(model, NOSE);
  assert.equal(pick_joint(document, at, 10, 1)?.person, 1);
  assert.equal(pick_joint(document, at, 10, 2)?.person, 2);
  assert.equal(pick_joint(document, { x: at.x + 300, y: at.y }, 10, 1), null);
});

test("a limb leads to its person, the uppermost first", () => {
  const model = with_people(1);
  const [a, b] = [joint(model, 8), joint(model, 9)];
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  assert.equal(pick_person(model.document.value, middle, 5), 1);
  assert.equal(pick_person(model.document.value, { x: 5, y: 5 }, 5), null);
});

// --- view ---

test("zooming keeps the point under the pointer", () => {
  const canvas = { width: 512, height: 768 };
  const window = { width: 900, height: 700 };
  const at = { x: 500, y: 300 };
  const before = to_canvas(at, fit(canvas), canvas, window);
  const view = zoomed(fit(canvas), 2.5, at, canvas, window);
  const after = to_canvas(at, view, canvas, window);
  assert.ok(distance(before, after) < 1e-9);
  assert.ok(Math.abs(scale_of(view, canvas, window) / scale_of(fit(canvas), canvas, window) - 2.5) < 1e-9);
  assert.equal(zoomed(view, 1e9, at, canvas, window).zoom, 16);
});
