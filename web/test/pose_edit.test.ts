// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { attached_face, attached_hand, curled, face_shape } from "../src/pose/attachments.ts";
import {
  changed_person, dragged_limb, duplicated, flipped, made_symmetric, mirrored, reordered, scaled_limb, set_visible, sides_swapped, translated,
  with_flags, without_people,
} from "../src/pose/edit.ts";
import { reach } from "../src/pose/limbs.ts";
import { person_in_pose, preset_of } from "../src/pose/presets.ts";
import {
  BODY_PARENTS, BODY_TWINS, bounds, distance, FACE_TWINS, fitted_document, L_ANKLE, L_ELBOW, L_HIP, L_KNEE, L_SHOULDER, L_WRIST, NECK, NOSE, R_ELBOW,
  R_WRIST, refs_of, subtree, type Person, type PoseDocument,
} from "../src/pose/skeleton.ts";

const canvas = { width: 512, height: 768 };
const standing = (id = 1): Person => person_in_pose(preset_of("stand"), id, canvas);
const document_of = (...people: Person[]): PoseDocument => ({ ...canvas, people });
const body = (document: PoseDocument, person = 0) => document.people[person]!.body;
const near = (a: number, b: number, tolerance = 1e-6) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("a shoulder's subtree is the arm, and the neck's is everybody", () => {
  assert.deepEqual(subtree("body", L_SHOULDER), [L_SHOULDER, L_ELBOW, L_WRIST]);
  assert.equal(subtree("body", NECK).length, 18);
  assert.deepEqual(subtree("left", 6), [6, 7, 8]);
});

test("twins are twins of each other", () => {
  BODY_TWINS.forEach((twin, i) => assert.equal(BODY_TWINS[twin], i));
  FACE_TWINS.forEach((twin, i) => assert.equal(FACE_TWINS[twin], i));
  assert.equal(BODY_TWINS[NOSE], NOSE);
});

test("the face's twins lie opposite each other", () => {
  const shape = face_shape();
  assert.equal(shape.length, 70);
  shape.forEach((p, i) => {
    near(p.x, -shape[FACE_TWINS[i]!]!.x, 1e-9);
    near(p.y, shape[FACE_TWINS[i]!]!.y, 1e-9);
  });
});

test("inverse kinematics reaches the target with both bones as long as before", () => {
  const limb = { root: { x: 100, y: 100 }, middle: { x: 130, y: 160 }, end: { x: 110, y: 210 } };
  const solved = reach(limb, { x: 160, y: 150 });
  near(distance(solved.end, { x: 160, y: 150 }), 0, 1e-9);
  near(distance(solved.root, solved.middle), distance(limb.root, limb.middle), 1e-9);
  near(distance(solved.middle, solved.end), distance(limb.middle, limb.end), 1e-9);
});

test("a target out of reach straightens the limb towards it", () => {
  const limb = { root: { x: 0, y: 0 }, middle: { x: 30, y: 10 }, end: { x: 60, y: 0 } };
  const solved = reach(limb, { x: 0, y: 1000 });
  near(solved.end.x, 0, 1e-9);
  near(solved.end.y, distance(limb.root, limb.middle) + distance(limb.middle, limb.end), 1e-9);
});

test("a target nearer than the bones differ keeps the end at that distance", () => {
  const limb = { root: { x: 0, y: 0 }, middle: { x: 50, y: 0 }, end: { x: 50, y: 20 } };
  near(distance(reach(limb, { x: 5, y: 0 }).end, limb.root), 30, 1e-9);
});

test("the elbow stays on its side, and a straight limb bends to the side asked for", () => {
  const bent = { root: { x: 0, y: 0 }, middle: { x: 20, y: 30 }, end: { x: 0, y: 60 } };
  assert.ok(reach(bent, { x: 0, y: 50 }).middle.x > 0);
  const straight = { root: { x: 0, y: 0 }, middle: { x: 0, y: 30 }, end: { x: 0, y: 60 } };
  const one = reach(straight, { x: 0, y: 40 }, 1).middle.x;
  const other = reach(straight, { x: 0, y: 40 }, -1).middle.x;
  assert.ok(Math.abs(one) > 5);
  near(one, -other, 1e-9);
});

test("a limb whose bones have no length stays where it is", () => {
  const point = { x: 5, y: 5 };
  const limb = { root: point, middle: point, end: point };
  assert.deepEqual(reach(limb, { x: 90, y: 90 }), limb);
});

test("pulling any joint keeps every bone's length", () => {
  const before = document_of(standing());
  for (let index = 0; index < 18; ++index) {
    const after = dragged_limb(before, { person: 1, part: "body", index }, { x: 300, y: 200 });
    BODY_PARENTS.forEach((parent, i) => {
      if (parent < 0) return;
      near(distance(body(after)[i]!, body(after)[parent]!), distance(body(before)[i]!, body(before)[parent]!), 1e-6);
    });
  }
});

test("pulling a wrist moves neither shoulder nor the other arm", () => {
  const before = document_of(standing());
  const after = dragged_limb(before, { person: 1, part: "body", index: L_WRIST }, { x: 330, y: 250 });
  assert.deepEqual(body(after)[L_SHOULDER], body(before)[L_SHOULDER]);
  assert.deepEqual(body(after)[R_WRIST], body(before)[R_WRIST]);
  assert.notDeepEqual(body(after)[L_ELBOW], body(before)[L_ELBOW]);
});

test("pulling the hip takes knee and ankle along", () => {
  const before = document_of(standing());
  const after = dragged_limb(before, { person: 1, part: "body", index: L_HIP }, { x: 340, y: 400 });
  near(distance(body(after)[L_KNEE]!, body(after)[L_ANKLE]!), distance(body(before)[L_KNEE]!, body(before)[L_ANKLE]!), 1e-6);
  assert.notEqual(body(after)[L_ANKLE]!.x, body(before)[L_ANKLE]!.x);
});

test("scaling a limb makes its bones longer by one factor", () => {
  const before = document_of(standing());
  const elbow = body(before)[L_ELBOW]!;
  const shoulder = body(before)[L_SHOULDER]!;
  const target = { x: shoulder.x + 2 * (elbow.x - shoulder.x), y: shoulder.y + 2 * (elbow.y - shoulder.y) };
  const after = scaled_limb(before, { person: 1, part: "body", index: L_ELBOW }, target);
  near(distance(body(after)[L_ELBOW]!, body(after)[L_WRIST]!), 2 * distance(elbow, body(before)[L_WRIST]!), 1e-6);
  assert.deepEqual(body(after)[L_SHOULDER], shoulder);
});

test("a hand follows the forearm and keeps its size", () => {
  const person = attached_hand(standing(), "left");
  const before = document_of(person);
  const after = dragged_limb(before, { person: 1, part: "body", index: L_WRIST }, { x: 360, y: 200 });
  const hand = after.people[0]!.left!;
  near(distance(hand[0]!, body(after)[L_WRIST]!), 0, 1e-6);
  near(distance(hand[0]!, hand[12]!), distance(person.left![0]!, person.left![12]!), 1e-6);
  assert.notDeepEqual(hand[12], person.left![12]);
});

test("a face follows the nose", () => {
  const person = attached_face(standing());
  const after = translated(document_of(person), [{ person: 1, part: "body", index: NOSE }], 7, -3);
  near(after.people[0]!.face![30]!.x, person.face![30]!.x + 7, 1e-9);
  near(after.people[0]!.face![30]!.y, person.face![30]!.y - 3, 1e-9);
});

test("a hand that is moved together with its body is moved once", () => {
  const person = attached_hand(standing(), "right");
  const after = translated(document_of(person), refs_of(person), 10, 20);
  near(after.people[0]!.right![8]!.x, person.right![8]!.x + 10);
  near(after.people[0]!.right![8]!.y, person.right![8]!.y + 20);
});

test("fingers curl towards the palm and straighten again", () => {
  const open = curled(attached_hand(standing(), "left"), "left", -1, 0);
  const fist = curled(open, "left", -1, 1);
  for (const tip of [8, 12, 16, 20]) assert.ok(distance(fist.left![tip]!, fist.left![0]!) < 0.7 * distance(open.left![tip]!, open.left![0]!));
  for (const root of [0, 1, 5, 9, 13, 17]) assert.deepEqual(fist.left![root], open.left![root]);
  const again = curled(fist, "left", -1, 0);
  again.left!.forEach((joint, i) => near(distance(joint, open.left![i]!), 0, 1e-6));
  assert.deepEqual(fist.curl.left, [1, 1, 1, 1, 1]);
  assert.notDeepEqual(curled(open, "left", 1, 1).left![8], open.left![8]);
  assert.deepEqual(curled(open, "left", 1, 1).left![12], open.left![12]);
});

test("a flipped person is a mirror image with its own left and right", () => {
  const person = attached_hand(person_in_pose(preset_of("wave"), 1, canvas), "right");
  const before = document_of(person);
  const after = flipped(before, refs_of(person, ["body"]), "x");
  const box = bounds(refs_of(person).map((ref) => person[ref.part]![ref.index]!))!;
  near(body(after)[L_WRIST]!.x, box.left + box.right - body(before)[R_WRIST]!.x);
  near(body(after)[L_WRIST]!.y, body(before)[R_WRIST]!.y);
  assert.equal(after.people[0]!.right, null);
  assert.ok(after.people[0]!.left);
});

test("flipping some joints leaves the sides as they are", () => {
  const before = document_of(standing());
  const refs = [L_ELBOW, L_WRIST].map((index) => ({ person: 1, part: "body" as const, index }));
  const after = flipped(before, refs, "x");
  near(body(after)[L_ELBOW]!.x, body(before)[L_WRIST]!.x);
  assert.deepEqual(body(after)[R_ELBOW], body(before)[R_ELBOW]);
});

test("swapping sides twice changes nothing", () => {
  const person = attached_face(attached_hand(standing(), "left"));
  const twice = sides_swapped(sides_swapped(document_of(person), 1), 1);
  assert.deepEqual(twice.people[0], person);
});

test("one side becomes the mirror image of the other", () => {
  const person = attached_hand(person_in_pose(preset_of("wave"), 1, canvas), "right");
  const after = made_symmetric(document_of(person), 1, "right");
  const { body: joints, left } = after.people[0]!;
  assert.ok(left);
  near(distance(joints[L_WRIST]!, joints[L_ELBOW]!), distance(joints[R_WRIST]!, joints[R_ELBOW]!), 1e-6);
  near(distance(joints[L_WRIST]!, joints[NECK]!), distance(joints[R_WRIST]!, joints[NECK]!), 1e-6);
});

test("moves are mirrored to the twins of the joints that moved", () => {
  const moved = translated(document_of(standing()), [{ person: 1, part: "body", index: L_WRIST }], 30, -40);
  const after = mirrored(moved, [{ person: 1, part: "body", index: L_WRIST }]);
  near(distance(body(after)[R_WRIST]!, body(after)[NECK]!), distance(body(after)[L_WRIST]!, body(after)[NECK]!), 1e-6);
});

test("locked people do not change, except their flags", () => {
  const before = document_of({ ...standing(), locked: true });
  const ref = { person: 1, part: "body" as const, index: NOSE };
  assert.equal(translated(before, [ref], 5, 5).people[0], before.people[0]);
  assert.equal(set_visible(before, [ref], false).people[0], before.people[0]);
  assert.equal(without_people(before, [1]).people.length, 1);
  assert.equal(changed_person(before, 1, () => standing()).people[0], before.people[0]);
  assert.equal(with_flags(before, 1, { locked: false }).people[0]!.locked, false);
});

test("a hidden joint keeps its place", () => {
  const before = document_of(standing());
  const after = set_visible(before, [{ person: 1, part: "body", index: L_WRIST }], false);
  assert.deepEqual(body(after)[L_WRIST], { ...body(before)[L_WRIST], visible: false });
});

test("copies stand directly above their originals and beside them", () => {
  const result = duplicated(document_of(standing(1), standing(2)), [1]);
  assert.deepEqual(result.document.people.map((person) => person.id), [1, 3, 2]);
  assert.deepEqual(result.ids, [3]);
  assert.ok(body(result.document, 1)[NOSE]!.x > body(result.document, 0)[NOSE]!.x);
});

test("the order of people is the order of drawing", () => {
  const before = document_of(standing(1), standing(2), standing(3));
  const order = (to: number) => reordered(before, 2, to).people.map((person) => person.id);
  assert.deepEqual(order(0), [2, 1, 3]);
  assert.deepEqual(order(9), [1, 3, 2]);
});

test("people keep their shapes on a canvas of another size", () => {
  const before = document_of(standing());
  const after = fitted_document(before, 1024, 768);
  near(distance(body(after)[L_HIP]!, body(after)[L_KNEE]!), distance(body(before)[L_HIP]!, body(before)[L_KNEE]!), 1e-6);
  near(body(after)[NECK]!.x, body(before)[NECK]!.x + 256);
});
