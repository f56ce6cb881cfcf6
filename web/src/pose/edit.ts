// SPDX-License-Identifier: Apache-2.0
// Everything that can be done to people, as functions from one document to the next. Nothing is changed in place, so
// that documents can be kept for undo. Locked people never change, except by unlocking them.
import { followed } from "./attachments.ts";
import { cross, on_circle, reach, turn_between, turned } from "./limbs.ts";
import {
  BODY_PARENTS, BODY_TWINS, bounds, distance, FACE_TWINS, HAND_PARENTS, L_ANKLE, L_HIP, L_KNEE, L_WRIST, NECK, NOSE,
  next_id, PARTS, R_ANKLE, R_HIP, R_KNEE, R_WRIST, refs_of, subtree, type Box, type Joint, type JointRef, type Part,
  type Person, type Point, type PoseDocument,
} from "./skeleton.ts";

type Move = (joint: Joint, index: number, part: Part) => Partial<Joint>;

// Replaces one person unless it is locked.
export function changed_person(
  document: PoseDocument, id: number, change: (person: Person) => Person,
): PoseDocument {
  const people = document.people.map((person) => (person.id === id && !person.locked ? change(person) : person));
  return { ...document, people };
}

function grouped(refs: readonly JointRef[]): Map<number, Map<Part, Set<number>>> {
  const people = new Map<number, Map<Part, Set<number>>>();
  for (const { person, part, index } of refs) {
    if (!people.has(person)) people.set(person, new Map());
    const parts = people.get(person)!;
    if (!parts.has(part)) parts.set(part, new Set());
    parts.get(part)!.add(index);
  }
  return people;
}

// Applies `move` to the joints named; hands and faces follow a body that moved, unless they were named themselves.
export function changed_joints(
  document: PoseDocument, refs: readonly JointRef[], move: Move, scaling = false,
): PoseDocument {
  let result = document;
  for (const [id, parts] of grouped(refs)) {
    result = changed_person(result, id, (person) => {
      const next: Person = { ...person };
      for (const [part, indices] of parts) {
        const joints = person[part];
        if (!joints) continue;
        next[part] = joints.map((j, i) => (indices.has(i) ? { ...j, ...move(j, i, part) } : j)) as Joint[] & null;
      }
      return followed(person, next, scaling, [...parts.keys()]);
    });
  }
  return result;
}

export function translated(document: PoseDocument, refs: readonly JointRef[], dx: number, dy: number): PoseDocument {
  return changed_joints(document, refs, (p) => ({ x: p.x + dx, y: p.y + dy }));
}

export function rotated(document: PoseDocument, refs: readonly JointRef[], centre: Point, angle: number): PoseDocument {
  return changed_joints(document, refs, (p) => turned(p, centre, angle));
}

// By factors along both axes about a fixed point; a negative factor mirrors.
export function scaled(
  document: PoseDocument, refs: readonly JointRef[], fixed: Point, fx: number, fy: number,
): PoseDocument {
  const move: Move = (p) => ({ x: fixed.x + (p.x - fixed.x) * fx, y: fixed.y + (p.y - fixed.y) * fy });
  return changed_joints(document, refs, move, true);
}

export function set_visible(document: PoseDocument, refs: readonly JointRef[], visible: boolean): PoseDocument {
  return changed_joints(document, refs, () => ({ visible }));
}

// --- limbs ---

const MIDDLE_OF_END = new Map([
  [R_WRIST, 3], [L_WRIST, 6], [R_ANKLE, R_KNEE], [L_ANKLE, L_KNEE],
]);

// On which side an elbow or knee bends while the limb is straight: knees outward, elbows down and outward.
function natural_bend(person: Person, end: number): number {
  const root = person.body[BODY_PARENTS[MIDDLE_OF_END.get(end)!]!]!;
  const outward = root.x >= person.body[NECK]!.x ? 1 : -1;
  const target = person.body[end]!;
  return cross(root, target, { x: root.x + outward, y: root.y }) >= 0 ? 1 : -1;
}

function dragged_end(document: PoseDocument, ref: JointRef, target: Point): PoseDocument {
  return changed_person(document, ref.person, (person) => {
    const middle = MIDDLE_OF_END.get(ref.index)!;
    const root = BODY_PARENTS[middle]!;
    const limb = { root: person.body[root]!, middle: person.body[middle]!, end: person.body[ref.index]! };
    const solved = reach(limb, target, natural_bend(person, ref.index));
    const body = person.body.map((joint, i) =>
      i === middle ? { ...joint, ...solved.middle } : i === ref.index ? { ...joint, ...solved.end } : joint,
    );
    return followed(person, { ...person, body });
  });
}

function branch(document: PoseDocument, ref: JointRef): JointRef[] {
  const person = document.people.find((p) => p.id === ref.person);
  if (!person) return [];
  return subtree(ref.part, ref.index).map((index) => ({ ...ref, index }));
}

function parent_of(document: PoseDocument, ref: JointRef): Point | null {
  if (ref.part === "face") return null;
  const parents = ref.part === "body" ? BODY_PARENTS : HAND_PARENTS;
  const parent = parents[ref.index]!;
  const person = document.people.find((p) => p.id === ref.person);
  return parent < 0 ? null : (person?.[ref.part]?.[parent] ?? null);
}

// Moves a joint with the bones' lengths kept: wrists and ankles by inverse kinematics, others by turning all that hangs
// on them about the joint before. The neck takes the whole person along, the root of a hand the hand.
export function dragged_limb(document: PoseDocument, ref: JointRef, target: Point): PoseDocument {
  if (ref.part === "body" && MIDDLE_OF_END.has(ref.index)) return dragged_end(document, ref, target);
  const person = document.people.find((p) => p.id === ref.person);
  const joint = person?.[ref.part]?.[ref.index];
  if (!person || !joint) return document;
  const parent = parent_of(document, ref);
  if (!parent) {
    const refs = ref.part === "body" ? refs_of(person) : refs_of(person, [ref.part]);
    return translated(document, refs, target.x - joint.x, target.y - joint.y);
  }
  const place = on_circle(parent, joint, target);
  return rotated(document, branch(document, ref), parent, turn_between(parent, joint, place));
}

// Alt-drag: the bone to this joint and all that hangs on it grow with the distance of the pointer from the joint
// before; at the neck the whole person about the middle of its box.
export function scaled_limb(document: PoseDocument, ref: JointRef, target: Point): PoseDocument {
  const person = document.people.find((p) => p.id === ref.person);
  const joint = person?.[ref.part]?.[ref.index];
  if (!person || !joint) return document;
  const parent = parent_of(document, ref);
  const refs = parent ? branch(document, ref) : ref.part === "body" ? refs_of(person) : refs_of(person, [ref.part]);
  const centre = parent ?? middle_of(bounds(points_of(document, refs))!);
  const before = distance(centre, joint);
  if (before < 1) return document;
  const factor = Math.min(20, Math.max(0.05, distance(centre, target) / before));
  return scaled(document, refs, centre, factor, factor);
}

export function points_of(document: PoseDocument, refs: readonly JointRef[]): Joint[] {
  const people = new Map(document.people.map((person) => [person.id, person]));
  return refs.map((ref) => people.get(ref.person)?.[ref.part]?.[ref.index]).filter((joint) => joint !== undefined);
}

export function middle_of(box: Box): Point {
  return { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
}

// --- left and right ---

// Right becomes left without any point moving: a person seen from the front turns into one seen from behind.
export function sides_swapped(document: PoseDocument, id: number): PoseDocument {
  return changed_person(document, id, (person) => ({
    ...person,
    body: BODY_TWINS.map((twin) => person.body[twin]!),
    left: person.right,
    right: person.left,
    curl: { left: person.curl.right, right: person.curl.left },
    face: person.face && FACE_TWINS.map((twin) => person.face![twin]!),
  }));
}

// A mirror image of the joints named. A whole body takes its hands and face along and changes sides, since the mirror
// image of a right arm is a left arm.
export function flipped(document: PoseDocument, refs: readonly JointRef[], axis: "x" | "y"): PoseDocument {
  const whole = document.people.filter(
    (person) => refs.filter((ref) => ref.person === person.id && ref.part === "body").length >= person.body.length,
  );
  const ids = new Set(whole.map((person) => person.id));
  const all = [...whole.flatMap((person) => refs_of(person)), ...refs.filter((ref) => !ids.has(ref.person))];
  const box = bounds(points_of(document, all));
  if (!box) return document;
  const centre = middle_of(box);
  const mirrored = changed_joints(document, all, (p) =>
    axis === "x" ? { x: 2 * centre.x - p.x } : { y: 2 * centre.y - p.y },
  );
  return whole.reduce((result, person) => sides_swapped(result, person.id), mirrored);
}

// The line about which a person is symmetric: through the neck and the middle of the hips (or straight down).
function body_axis(person: Person): { origin: Point; angle: number } {
  const neck = person.body[NECK]!;
  const hips = middle_of(bounds([person.body[R_HIP]!, person.body[L_HIP]!])!);
  const straight = distance(neck, hips) < 1;
  return { origin: neck, angle: straight ? Math.PI / 2 : Math.atan2(hips.y - neck.y, hips.x - neck.x) };
}

function reflected(p: Point, axis: { origin: Point; angle: number }): Point {
  const c = Math.cos(2 * axis.angle);
  const s = Math.sin(2 * axis.angle);
  const x = p.x - axis.origin.x;
  const y = p.y - axis.origin.y;
  return { x: axis.origin.x + c * x + s * y, y: axis.origin.y + s * x - c * y };
}

const MIDDLE_JOINTS = new Set([NOSE, NECK]);

// Gives the other joints of the body the mirror images of these (the twin of the left elbow is the right one).
export function mirrored(document: PoseDocument, refs: readonly JointRef[]): PoseDocument {
  let result = document;
  for (const [id, parts] of grouped(refs.filter((ref) => ref.part === "body"))) {
    result = changed_person(result, id, (person) => {
      const axis = body_axis(person);
      const sources = parts.get("body")!;
      const body = person.body.map((joint, i) => {
        const twin = BODY_TWINS[i]!;
        if (twin === i || sources.has(i) || !sources.has(twin)) return joint;
        return { ...reflected(person.body[twin]!, axis), visible: person.body[twin]!.visible };
      });
      return followed(person, { ...person, body });
    });
  }
  return result;
}

// Makes one side, hand included, the mirror image of the other.
export function made_symmetric(document: PoseDocument, id: number, from: "left" | "right"): PoseDocument {
  const other = from === "left" ? "right" : "left";
  const isSource = (i: number) => (from === "left") === [5, 6, 7, 11, 12, 13, 15, 17].includes(i);
  return changed_person(document, id, (person) => {
    const axis = body_axis(person);
    const copy = (joint: Joint) => ({ ...reflected(joint, axis), visible: joint.visible });
    const body = person.body.map((joint, i) =>
      isSource(i) || MIDDLE_JOINTS.has(i) ? joint : copy(person.body[BODY_TWINS[i]!]!),
    );
    const hand = person[from];
    const next = { ...person, body, curl: { ...person.curl, [other]: person.curl[from] } };
    return hand ? { ...next, [other]: hand.map(copy) } : next;
  });
}

// --- people ---

export function with_person(document: PoseDocument, person: Person): PoseDocument {
  return { ...document, people: [...document.people, { ...person, id: next_id(document) }] };
}

export function without_people(document: PoseDocument, ids: readonly number[]): PoseDocument {
  return { ...document, people: document.people.filter((person) => person.locked || !ids.includes(person.id)) };
}

// Copies stand a little to the right of their originals, directly above them in the drawing order. `ids` receives
// the new people.
export function duplicated(document: PoseDocument, ids: readonly number[]): { document: PoseDocument; ids: number[] } {
  const created: number[] = [];
  const people: Person[] = [];
  let free = next_id(document);
  const step = Math.round(Math.max(12, document.width * 0.06));
  for (const person of document.people) {
    people.push(person);
    if (!ids.includes(person.id)) continue;
    const copy = { ...person, id: free++, locked: false };
    for (const part of PARTS) {
      const joints = copy[part];
      if (joints) copy[part] = joints.map((joint) => ({ ...joint, x: joint.x + step })) as Joint[] & null;
    }
    people.push(copy);
    created.push(copy.id);
  }
  return { document: { ...document, people }, ids: created };
}

// Moves a person to another place in the drawing order; 0 is drawn first, behind all others.
export function reordered(document: PoseDocument, id: number, to: number): PoseDocument {
  const person = document.people.find((p) => p.id === id);
  if (!person) return document;
  const rest = document.people.filter((p) => p.id !== id);
  const place = Math.max(0, Math.min(rest.length, to));
  return { ...document, people: [...rest.slice(0, place), person, ...rest.slice(place)] };
}

// Name, lock and eye; these work on locked people too.
export function with_flags(
  document: PoseDocument, id: number, flags: Partial<Pick<Person, "name" | "locked" | "hidden">>,
): PoseDocument {
  return { ...document, people: document.people.map((p) => (p.id === id ? { ...p, ...flags } : p)) };
}
