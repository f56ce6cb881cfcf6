// SPDX-License-Identifier: Apache-2.0
// Poses to begin with, as angles of the jointed figure; both editors show the same ones.
import { attached_face, attached_hand } from "./attachments.ts";
import { about, lowest, openpose_points, placed_joints, type Angles, type RigJoint, type Vec3 } from "./rig.ts";
import { bounds, new_person, type Joint, type Person, type Point } from "./skeleton.ts";

export interface Preset {
  id: string; // text pose.preset_<id>
  angles: Angles;
  yaw: number; // degrees; positive turns the face to the right of the picture
  lift: number; // metres above the ground
}

// Angles of both sides at once, given for the left: the right one mirrors z and y.
function both(angles: Partial<Record<"shoulder" | "elbow" | "wrist" | "hip" | "knee" | "ankle", Vec3>>): Angles {
  const result: Partial<Record<RigJoint, Vec3>> = {};
  for (const [name, [x, y, z]] of Object.entries(angles)) {
    result[`${name}L` as RigJoint] = [x, y, z];
    result[`${name}R` as RigJoint] = [x, -y, -z];
  }
  return result;
}

const RELAXED = both({ shoulder: [2, 0, 9], elbow: [-14, -20, 0], hip: [0, 8, 3] });

export const PRESETS: readonly Preset[] = [
  { id: "stand", angles: RELAXED, yaw: 0, lift: 0 },
  { id: "tpose", angles: both({ shoulder: [0, 0, 90] }), yaw: 0, lift: 0 },
  {
    id: "walk", yaw: 38, lift: 0,
    angles: {
      spine: [3, 4, 0], hipL: [-28, 0, 0], kneeL: [8, 0, 0], ankleL: [-4, 0, 0], hipR: [18, 0, 0], kneeR: [24, 0, 0],
      ankleR: [18, 0, 0], shoulderL: [24, 0, 8], elbowL: [-16, 0, 0], shoulderR: [-26, 0, -6], elbowR: [-24, 0, 0],
    },
  },
  {
    id: "run", yaw: 58, lift: 0.06,
    angles: {
      spine: [10, 6, 0], chest: [6, 6, 0], head: [-8, -6, 0], hipL: [-64, 0, 0], kneeL: [78, 0, 0], hipR: [28, 0, 0],
      kneeR: [62, 0, 0], ankleR: [28, 0, 0], shoulderL: [42, 0, 14], elbowL: [-92, 0, 0], shoulderR: [-38, 0, -10],
      elbowR: [-96, 0, 0],
    },
  },
  {
    id: "jump", yaw: 18, lift: 0.35,
    angles: {
      spine: [-6, 0, 0], shoulderL: [-10, 80, 148], elbowL: [-22, 0, 0], shoulderR: [-10, -80, -140],
      elbowR: [-30, 0, 0], hipL: [-42, 0, 14], kneeL: [88, 0, 0], ankleL: [30, 0, 0], hipR: [12, 0, -14],
      kneeR: [62, 0, 0], ankleR: [35, 0, 0],
    },
  },
  {
    id: "sit", yaw: 32, lift: 0,
    angles: {
      ...both({ hip: [-86, 0, 7], knee: [86, 0, 0], shoulder: [-24, -12, 7], elbow: [-52, 0, 0] }),
      spine: [4, 0, 0], head: [2, -10, 0],
    },
  },
  {
    id: "kneel", yaw: 42, lift: 0,
    angles: {
      spine: [6, 0, 0], hipL: [-84, 0, 6], kneeL: [86, 0, 0], hipR: [2, 0, -5], kneeR: [92, 0, 0], ankleR: [-25, 0, 0],
      shoulderL: [-38, 0, 8], elbowL: [-46, 0, 0], shoulderR: [4, 0, -10], elbowR: [-22, 0, 0], head: [6, 0, 0],
    },
  },
  {
    id: "lie", yaw: 78, lift: 0,
    angles: {
      pelvis: [-90, 0, 0], hipL: [-38, 0, 4], kneeL: [68, 0, 0], hipR: [0, 0, -6], shoulderL: [0, 0, 22],
      shoulderR: [-8, -70, -30], elbowR: [-60, 0, 0], elbowL: [-10, 0, 0],
    },
  },
  {
    id: "wave", yaw: 0, lift: 0,
    angles: { ...RELAXED, shoulderR: [0, -90, -78], elbowR: [-108, 0, 0], wristR: [0, 90, 0], head: [0, 0, 5] },
  },
  {
    id: "cheer", yaw: 0, lift: 0,
    angles: { ...both({ shoulder: [0, 90, 138], elbow: [-26, 0, 0], hip: [0, 10, 8] }), head: [-14, 0, 0], spine: [-4, 0, 0] },
  },
  { id: "akimbo", yaw: 0, lift: 0, angles: both({ shoulder: [14, -84, 44], elbow: [-98, 0, 0], hip: [0, 10, 8] }) },
  {
    id: "crossed", yaw: 12, lift: 0,
    angles: {
      ...RELAXED, shoulderL: [-22, -72, 14], elbowL: [-104, 0, 0], shoulderR: [-30, 66, -14], elbowR: [-98, 0, 0],
    },
  },
  {
    id: "dance", yaw: 20, lift: 0,
    angles: {
      pelvis: [0, 0, -4], spine: [0, 8, 7], chest: [-6, 6, 6], head: [-6, 12, -8], shoulderL: [-10, 90, 128],
      elbowL: [-48, 0, 0], shoulderR: [-16, -50, -64], elbowR: [-62, 0, 0], hipL: [-52, 30, 22], kneeL: [96, 0, 0],
      ankleL: [32, 0, 0], hipR: [2, 0, -3], kneeR: [4, 0, 0],
    },
  },
];

export function preset_of(id: string): Preset {
  return PRESETS.find((preset) => preset.id === id) ?? PRESETS[0]!;
}

const EYE_DISTANCE = 6; // metres from the camera to the figure
const EYE_HEIGHT = 1.05;
// Points of the head whose place looks away by more than this (a cosine) are behind it.
export const LOOKS_AWAY = -0.3;

function seen(position: Vec3): Point {
  const scale = EYE_DISTANCE / (EYE_DISTANCE - position[2]);
  return { x: position[0] * scale, y: -(position[1] - EYE_HEIGHT) * scale };
}

// The preset as seen by a camera in front of it, in metres; y is down.
function projected(preset: Preset): Joint[] {
  const height = preset.lift - lowest(preset.angles);
  const joints = placed_joints(preset.angles, { position: [0, height, 0], turn: about(1, preset.yaw) });
  // The pelvis stands on the axis of the turn, so turning the root turns the figure about itself.
  const eye: Vec3 = [0, EYE_HEIGHT, EYE_DISTANCE];
  return openpose_points(joints).map(({ position, outward }) => {
    const view: Vec3 = [eye[0] - position[0], eye[1] - position[1], eye[2] - position[2]];
    const cosine = outward
      ? (outward[0] * view[0] + outward[1] * view[1] + outward[2] * view[2]) / Math.hypot(...view)
      : 1;
    return { ...seen(position), visible: cosine > LOOKS_AWAY };
  });
}

// Pixels for a metre on a canvas where someone standing fills four fifths of it.
function pixels_per_metre(width: number, height: number): number {
  return Math.min((0.8 * height) / 1.76, (0.9 * width) / 0.9);
}

// A person in a pose, in the middle of the canvas or about `at`, and no larger than it.
export function person_in_pose(
  preset: Preset, id: number, canvas: { width: number; height: number }, at?: Point,
): Person {
  const body = projected(preset);
  const box = bounds(body)!;
  const fit = Math.min((0.92 * canvas.width) / (box.right - box.left), (0.86 * canvas.height) / (box.bottom - box.top));
  const scale = Math.min(pixels_per_metre(canvas.width, canvas.height), fit);
  const middle = at ?? { x: canvas.width / 2, y: canvas.height / 2 };
  const joints = body.map((joint) => ({
    visible: joint.visible,
    x: round(middle.x + (joint.x - (box.left + box.right) / 2) * scale),
    y: round(middle.y + (joint.y - (box.top + box.bottom) / 2) * scale),
  }));
  return new_person(id, joints);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

// Another pose for a person who is there already: same place and size, hands and face kept if they were attached.
export function with_preset(person: Person, preset: Preset, canvas: { width: number; height: number }): Person {
  const fresh = person_in_pose(preset, person.id, canvas);
  const before = bounds(person.body)!;
  const after = bounds(fresh.body)!;
  const middle = { x: (before.left + before.right) / 2, y: before.bottom };
  const standing = length_of(person.body) / Math.max(1, length_of(fresh.body));
  const body = fresh.body.map((joint) => ({
    ...joint,
    x: round(middle.x + (joint.x - (after.left + after.right) / 2) * standing),
    y: round(middle.y + (joint.y - after.bottom) * standing),
  }));
  let result: Person = { ...person, body, left: null, right: null, face: null };
  for (const side of ["left", "right"] as const)
    if (person[side]) result = attached_hand(result, side, person.curl[side]);
  return person.face ? attached_face(result) : result;
}

// The sum of the longest bones, which changes little with the pose.
function length_of(body: readonly Joint[]): number {
  const bone = (a: number, b: number) => Math.hypot(body[a]!.x - body[b]!.x, body[a]!.y - body[b]!.y);
  return bone(1, 8) + bone(1, 11) + Math.max(bone(8, 9), bone(11, 12)) + Math.max(bone(9, 10), bone(12, 13));
}

// A small drawing for the button of a preset: 18 points in a square of the given side, a margin around.
export function preset_icon(preset: Preset, side: number): Joint[] {
  const body = projected(preset);
  const box = bounds(body)!;
  const scale = (0.86 * side) / Math.max(1.6, box.bottom - box.top, box.right - box.left);
  return body.map((joint) => ({
    visible: joint.visible,
    x: side / 2 + (joint.x - (box.left + box.right) / 2) * scale,
    y: side / 2 + (joint.y - (box.top + box.bottom) / 2) * scale,
  }));
}
