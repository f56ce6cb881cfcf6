// SPDX-License-Identifier: Apache-2.0
// Hands and faces that hang on a body: their shapes at rest, curled fingers, and how they follow the wrist and the head.
import { turn_between, turned } from "./limbs.ts";
import {
  distance, L_ELBOW, L_EYE, L_SHOULDER, L_WRIST, NECK, NOSE, R_ELBOW, R_EYE, R_SHOULDER, R_WRIST, STRAIGHT, type Curl,
  type Joint, type Person, type Point,
} from "./skeleton.ts";

export type Side = "left" | "right";

// A right hand, palm to the viewer, pointing along +x with the thumb at -y; the tip of the middle finger is at 1.
// For each finger: where it begins, its direction in degrees, and the lengths of its three bones.
const FINGERS: readonly { base: Point; angle: number; bones: readonly [number, number, number] }[] = [
  { base: { x: 0.16, y: -0.15 }, angle: -38, bones: [0.19, 0.16, 0.13] },
  { base: { x: 0.5, y: -0.14 }, angle: -7, bones: [0.21, 0.13, 0.11] },
  { base: { x: 0.52, y: -0.03 }, angle: 0, bones: [0.23, 0.14, 0.11] },
  { base: { x: 0.49, y: 0.08 }, angle: 6, bones: [0.21, 0.13, 0.11] },
  { base: { x: 0.43, y: 0.17 }, angle: 14, bones: [0.16, 0.1, 0.09] },
];
// Of a fist: how far each bone has turned away from the palm's plane. Seen from the front bones only get shorter.
const FIST = [78, 165, 220];
// The thumb folds across the palm, within its plane.
const THUMB_FIST = [34, 70, 96];
const FOREARM_TO_HAND = 0.72;

const radians = (degrees: number) => (degrees * Math.PI) / 180;

// The 21 points in the hand's own frame; `mirror` -1 makes a left hand.
function hand_shape(curl: Curl, mirror: 1 | -1): Point[] {
  const points: Point[] = [{ x: 0, y: 0 }];
  FINGERS.forEach(({ base, angle, bones }, finger) => {
    const bent = Math.min(1, Math.max(0, curl[finger]!));
    let at = base;
    points.push({ x: at.x, y: at.y * mirror });
    bones.forEach((length, k) => {
      const folded = finger === 0 ? 0 : radians(FIST[k]! * bent);
      const direction = radians(angle + (finger === 0 ? THUMB_FIST[k]! * bent : 0));
      const seen = length * Math.cos(folded);
      at = { x: at.x + seen * Math.cos(direction), y: at.y + seen * Math.sin(direction) };
      points.push({ x: at.x, y: at.y * mirror });
    });
  });
  return points;
}

interface Frame {
  origin: Point;
  angle: number; // of the direction from wrist to middle finger
  scale: number; // pixels that the hand is long
  mirror: 1 | -1;
}

function placed(shape: readonly Point[], frame: Frame): Joint[] {
  return shape.map((p) => ({
    ...turned({ x: frame.origin.x + p.x, y: frame.origin.y + p.y }, frame.origin, frame.angle, frame.scale),
    visible: true,
  }));
}

const ARM = { left: [L_ELBOW, L_WRIST], right: [R_ELBOW, R_WRIST] } as const;

// A relaxed hand in the direction of the forearm.
export function attached_hand(person: Person, side: Side, curl: Curl = [0.1, 0.15, 0.15, 0.15, 0.15]): Person {
  const [elbow, wrist] = ARM[side].map((i) => person.body[i]!) as [Joint, Joint];
  const forearm = distance(elbow, wrist);
  const size = forearm > 4 ? forearm * FOREARM_TO_HAND : body_scale(person) * 0.4;
  const angle = forearm > 0 ? Math.atan2(wrist.y - elbow.y, wrist.x - elbow.x) : Math.PI / 2;
  // With the thumbs forward or inward, as arms hang: the right hand's thumb points to its left side.
  const frame: Frame = { origin: wrist, angle, scale: size, mirror: side === "right" ? 1 : -1 };
  return { ...person, [side]: placed(hand_shape(curl, frame.mirror), frame), curl: { ...person.curl, [side]: curl } };
}

// Where a hand lies now, from its wrist and the roots of its fingers.
function frame_of_hand(hand: readonly Joint[]): Frame {
  const [wrist, index, middle, little] = [0, 5, 9, 17].map((i) => hand[i]!) as [Joint, Joint, Joint, Joint];
  const area = (index.x - wrist.x) * (little.y - wrist.y) - (index.y - wrist.y) * (little.x - wrist.x);
  const root = FINGERS[2]!.base;
  return {
    origin: wrist,
    angle: Math.atan2(middle.y - wrist.y, middle.x - wrist.x) - Math.atan2(root.y, root.x) * (area >= 0 ? 1 : -1),
    scale: distance(wrist, middle) / Math.hypot(root.x, root.y),
    mirror: area >= 0 ? 1 : -1,
  };
}

// Bends one finger (0 the thumb), or all with finger -1; the palm stays where it is.
export function curled(person: Person, side: Side, finger: number, amount: number): Person {
  const hand = person[side];
  if (!hand) return person;
  const curl = person.curl[side].map((value, i) => (finger < 0 || i === finger ? amount : value)) as unknown as Curl;
  const frame = frame_of_hand(hand);
  const shape = placed(hand_shape(curl, frame.mirror), frame);
  const points = hand.map((joint, i) => {
    const moves = i % 4 !== 1 && i !== 0 && (finger < 0 || Math.floor((i - 1) / 4) === finger);
    // Fingers keep their roots, which may stand differently from ours in a hand out of a photograph.
    if (!moves) return joint;
    const root = Math.floor((i - 1) / 4) * 4 + 1;
    const dx = hand[root]!.x - shape[root]!.x;
    const dy = hand[root]!.y - shape[root]!.y;
    return { ...joint, x: shape[i]!.x + dx, y: shape[i]!.y + dy };
  });
  return { ...person, [side]: points, curl: { ...person.curl, [side]: curl } };
}

// A face from the front in units of half the distance between the pupils, which lie at (-1, 0) and (1, 0); y is down.
export function face_shape(): Point[] {
  const arc = (count: number, x: number, y: number, width: number, height: number, from: number, to: number) =>
    Array.from({ length: count }, (_, i) => {
      const angle = radians(from + ((to - from) * i) / (count - 1));
      return { x: x + width * Math.cos(angle), y: y - height * Math.sin(angle) };
    });
  const line = (count: number, a: Point, b: Point) =>
    Array.from({ length: count }, (_, i) => ({
      x: a.x + ((b.x - a.x) * i) / (count - 1),
      y: a.y + ((b.y - a.y) * i) / (count - 1),
    }));
  const eye = (x: number) => [180, 120, 60, 0, -60, -120].map((a) => ({
    x: x + 0.46 * Math.cos(radians(a)), y: -0.2 * Math.sin(radians(a)),
  }));
  return [
    ...arc(17, 0, 0.35, 2.15, 3.1, 180, 360), // jaw, from the person's right ear to the left
    ...arc(5, -1.02, -0.55, 0.78, 0.42, 170, 20),
    ...arc(5, 1.02, -0.55, 0.78, 0.42, 160, 10),
    ...line(4, { x: 0, y: 0.05 }, { x: 0, y: 1.05 }), // bridge of the nose
    ...arc(5, 0, 1.25, 0.5, 0.18, 180, 360),
    ...eye(-1),
    ...eye(1),
    ...arc(7, 0, 2.05, 0.85, 0.28, 180, 0), // outer lips
    ...arc(7, 0, 2.05, 0.85, 0.42, 0, -180).slice(1, 6),
    ...arc(5, 0, 2.05, 0.62, 0.07, 180, 0), // inner lips
    ...arc(5, 0, 2.05, 0.62, 0.12, 0, -180).slice(1, 4),
    { x: -1, y: 0 },
    { x: 1, y: 0 },
  ];
}

// How large a person is: about the length of the neck to the hips, from whatever is known.
export function body_scale(person: Person): number {
  const neck = person.body[NECK]!;
  const shoulders = distance(person.body[R_SHOULDER]!, person.body[L_SHOULDER]!);
  return Math.max(8, 1.35 * shoulders, 2 * distance(neck, person.body[NOSE]!));
}

// A neutral face on the eyes; turned heads get a narrower one.
export function attached_face(person: Person): Person {
  const [nose, rightEye, leftEye] = [NOSE, R_EYE, L_EYE].map((i) => person.body[i]!) as [Joint, Joint, Joint];
  const between = distance(rightEye, leftEye);
  const upright = body_scale(person) * 0.085;
  const half = Math.max(between / 2, 0.35 * upright);
  const tall = Math.max(half, 0.8 * upright);
  const angle = between > 1 ? Math.atan2(leftEye.y - rightEye.y, leftEye.x - rightEye.x) : 0;
  // Seen from behind the right eye is on the right: a mirrored face, not one upside down.
  const mirror = Math.cos(angle) < -0.2 ? -1 : 1;
  const middle = between > 1
    ? { x: (rightEye.x + leftEye.x) / 2, y: (rightEye.y + leftEye.y) / 2 }
    : { x: nose.x, y: nose.y - tall };
  const turn = mirror < 0 ? angle - Math.PI : angle;
  const face = face_shape().map((p) => ({
    ...turned({ x: middle.x + p.x * half * mirror, y: middle.y + p.y * tall }, middle, turn),
    visible: true,
  }));
  return { ...person, face };
}

function moved_group(
  group: readonly Joint[], from: readonly [Point, Point], to: readonly [Point, Point], scaling: boolean,
): Joint[] {
  const angle = turn_between({ x: 0, y: 0 }, minus(from[1], from[0]), minus(to[1], to[0]));
  const before = distance(from[0], from[1]);
  const scale = scaling && before > 0 ? distance(to[0], to[1]) / before : 1;
  const pivot = from[1];
  return group.map((joint) => {
    const p = turned(joint, pivot, Number.isFinite(angle) ? angle : 0, scale);
    return { ...joint, x: p.x + to[1].x - pivot.x, y: p.y + to[1].y - pivot.y };
  });
}

function minus(a: Point, b: Point): Point {
  return { x: a.x - b.x, y: a.y - b.y };
}

function same(a: Point, b: Point): boolean {
  return a.x === b.x && a.y === b.y;
}

// After the body has changed: hands turn with the forearm about the wrist, the face with the line of the eyes about the
// nose. `scaling` also lets them grow with the forearm. Groups in `except` were moved already.
export function followed(before: Person, after: Person, scaling = false, except: readonly string[] = []): Person {
  const result = { ...after };
  for (const side of ["left", "right"] as const) {
    const hand = before[side];
    const [elbow, wrist] = ARM[side];
    if (!hand || after[side] !== hand || except.includes(side)) continue;
    const from = [before.body[elbow]!, before.body[wrist]!] as const;
    const to = [after.body[elbow]!, after.body[wrist]!] as const;
    if (!same(from[0], to[0]) || !same(from[1], to[1])) result[side] = moved_group(hand, from, to, scaling);
  }
  if (before.face && after.face === before.face && !except.includes("face")) {
    const head = (person: Person) => person.body[NOSE]!;
    const eyes = (person: Person) => minus(person.body[L_EYE]!, person.body[R_EYE]!);
    const [a, b] = [eyes(before), eyes(after)];
    const behind = (person: Person, e: Point): [Point, Point] => [minus(head(person), e), head(person)];
    if (!same(head(before), head(after)) || !same(a, b))
      result.face = moved_group(before.face, behind(before, a), behind(after, b), scaling);
  }
  return result;
}

export function detached(person: Person, part: "left" | "right" | "face"): Person {
  return part === "face" ? { ...person, face: null } : { ...person, [part]: null, curl: { ...person.curl, [part]: STRAIGHT } };
}
