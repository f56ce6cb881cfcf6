// SPDX-License-Identifier: Apache-2.0
// People as points: OpenPose's 18 joints of a body, 21 points of a hand, 70 of a face, with names, colours and bones.
// Coordinates are pixels of the picture; whole numbers are the middles of pixels, as in src/annotators/pose.h.

export interface Point {
  x: number;
  y: number;
}

// A joint that is not visible keeps its place: it is shown as a ghost and can come back.
export interface Joint extends Point {
  visible: boolean;
}

export type Part = "body" | "left" | "right" | "face";
export const PARTS: readonly Part[] = ["body", "left", "right", "face"];

export type Curl = readonly [number, number, number, number, number]; // thumb to little finger, 0 straight .. 1 fist

export interface Person {
  id: number;
  name: string; // "" = by number
  locked: boolean; // cannot be changed
  hidden: boolean; // neither drawn nor exported
  body: readonly Joint[]; // 18
  left: readonly Joint[] | null; // 21 of the person's left hand
  right: readonly Joint[] | null;
  face: readonly Joint[] | null; // 70
  curl: { left: Curl; right: Curl };
}

// People further on in the list are drawn over those before them.
export interface PoseDocument {
  width: number;
  height: number;
  people: readonly Person[];
}

export interface JointRef {
  person: number; // Person.id
  part: Part;
  index: number;
}

export const COUNTS: Record<Part, number> = { body: 18, left: 21, right: 21, face: 70 };

export const NOSE = 0, NECK = 1, R_SHOULDER = 2, R_ELBOW = 3, R_WRIST = 4, L_SHOULDER = 5, L_ELBOW = 6, L_WRIST = 7;
export const R_HIP = 8, R_KNEE = 9, R_ANKLE = 10, L_HIP = 11, L_KNEE = 12, L_ANKLE = 13;
export const R_EYE = 14, L_EYE = 15, R_EAR = 16, L_EAR = 17;

// Keys of the texts pose.joint_<name>.
export const JOINT_NAMES = [
  "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", "right_hip",
  "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear",
] as const;

export const JOINT_COLOURS: readonly string[] = [
  "#ff0000", "#ff5500", "#ffaa00", "#ffff00", "#aaff00", "#55ff00", "#00ff00", "#00ff55", "#00ffaa", "#00ffff",
  "#00aaff", "#0055ff", "#0000ff", "#5500ff", "#aa00ff", "#ff00ff", "#ff00aa", "#ff0055",
];

// The limbs in the order in which they are drawn; limb i has the colour of joint i.
export const LIMBS: readonly (readonly [number, number])[] = [
  [1, 2], [1, 5], [2, 3], [3, 4], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10], [1, 11], [11, 12], [12, 13], [1, 0],
  [0, 14], [14, 16], [0, 15], [15, 17],
];

export const HAND_BONES: readonly (readonly [number, number])[] = [0, 1, 2, 3, 4].flatMap((finger) =>
  [0, 1, 2, 3].map((k) => [k === 0 ? 0 : 4 * finger + k, 4 * finger + k + 1] as const),
);
export const HAND_COLOURS: readonly string[] = [
  "#ff0000", "#ff4d00", "#ff9900", "#ffe500", "#ccff00", "#80ff00", "#33ff00", "#00ff19", "#00ff66", "#00ffb3",
  "#00ffff", "#00b2ff", "#0066ff", "#0019ff", "#3300ff", "#8000ff", "#cc00ff", "#ff00e6", "#ff0099", "#ff004d",
];

// What each joint hangs on; the neck holds everything.
export const BODY_PARENTS: readonly number[] = [1, -1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 1, 11, 12, 0, 0, 14, 15];
export const HAND_PARENTS: readonly number[] = Array.from({ length: 21 }, (_, i) =>
  i === 0 ? -1 : i % 4 === 1 ? 0 : i - 1,
);

const BODY_PAIRS = [
  [R_SHOULDER, L_SHOULDER], [R_ELBOW, L_ELBOW], [R_WRIST, L_WRIST], [R_HIP, L_HIP], [R_KNEE, L_KNEE],
  [R_ANKLE, L_ANKLE], [R_EYE, L_EYE], [R_EAR, L_EAR],
] as const;
// Jaw, brows, nostrils, eyes, mouth and pupils of the face's 70 points: which is the twin on the other side.
const FACE_PAIRS = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i, 16 - i]),
  ...[17, 18, 19, 20, 21].map((i) => [i, 43 - i]),
  [31, 35], [32, 34], [36, 45], [37, 44], [38, 43], [39, 42], [40, 47], [41, 46],
  [48, 54], [49, 53], [50, 52], [55, 59], [56, 58], [60, 64], [61, 63], [65, 67], [68, 69],
] as const;

function twins(count: number, pairs: readonly (readonly number[])[]): readonly number[] {
  const twin = Array.from({ length: count }, (_, i) => i);
  for (const [a, b] of pairs) {
    twin[a!] = b!;
    twin[b!] = a!;
  }
  return twin;
}
export const BODY_TWINS = twins(18, BODY_PAIRS);
export const FACE_TWINS = twins(70, FACE_PAIRS);

export const STRAIGHT: Curl = [0, 0, 0, 0, 0];

export function joint_key(ref: JointRef): string {
  return `${ref.person}.${ref.part}.${ref.index}`;
}

export function parse_key(key: string): JointRef {
  const [person, part, index] = key.split(".");
  return { person: Number(person), part: part as Part, index: Number(index) };
}

// A joint and everything that hangs on it, in the body or in a hand.
export function subtree(part: Part, index: number): number[] {
  if (part === "face") return [index];
  const parents = part === "body" ? BODY_PARENTS : HAND_PARENTS;
  const members = new Set([index]);
  // Children may stand before their parents (the nose before the neck), so until nothing is added.
  for (let size = 0; size !== members.size; ) {
    size = members.size;
    parents.forEach((parent, i) => {
      if (members.has(parent)) members.add(i);
    });
  }
  return [...members].sort((a, b) => a - b);
}

export function person_of(document: PoseDocument, id: number): Person | undefined {
  return document.people.find((person) => person.id === id);
}

export function joint_of(document: PoseDocument, ref: JointRef): Joint | undefined {
  return person_of(document, ref.person)?.[ref.part]?.[ref.index];
}

export function next_id(document: PoseDocument): number {
  return document.people.reduce((largest, person) => Math.max(largest, person.id), 0) + 1;
}

export function empty_document(width: number, height: number): PoseDocument {
  return { width, height, people: [] };
}

export function new_person(id: number, body: readonly Joint[], values: Partial<Person> = {}): Person {
  return {
    id, name: "", locked: false, hidden: false, body, left: null, right: null, face: null,
    curl: { left: STRAIGHT, right: STRAIGHT }, ...values,
  };
}

export function refs_of(person: Person, parts: readonly Part[] = PARTS): JointRef[] {
  return parts.flatMap((part) => (person[part] ?? []).map((_, index) => ({ person: person.id, part, index })));
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

// Null for no points.
export function bounds(points: readonly Point[]): Box | null {
  if (points.length === 0) return null;
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const p of points) {
    box.left = Math.min(box.left, p.x);
    box.top = Math.min(box.top, p.y);
    box.right = Math.max(box.right, p.x);
    box.bottom = Math.max(box.bottom, p.y);
  }
  return box;
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

// The same people on a canvas of another size: as large as fits, in the middle, shapes kept.
export function fitted_document(document: PoseDocument, width: number, height: number): PoseDocument {
  if (document.width === width && document.height === height) return document;
  const scale = Math.min(width / document.width, height / document.height);
  const dx = (width - document.width * scale) / 2;
  const dy = (height - document.height * scale) / 2;
  const move = (points: readonly Joint[] | null) =>
    points && points.map((p) => ({ ...p, x: p.x * scale + dx, y: p.y * scale + dy }));
  const people = document.people.map((person) => ({
    ...person,
    body: move(person.body)!,
    left: move(person.left),
    right: move(person.right),
    face: move(person.face),
  }));
  return { width, height, people };
}
