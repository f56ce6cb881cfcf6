// SPDX-License-Identifier: Apache-2.0
// A jointed figure in space, without any drawing: its bones, and where they are for given angles. The 3D editor builds
// its mannequins on it, and the presets of the flat editor are its projections.
// Axes: x to the right of the picture, y up, z towards the viewer, metres. A figure that faces the viewer therefore has
// its left arm at +x. At rest it stands straight with the arms hanging down.
import { hand_shape_3d } from "./rig_hand.ts";

export type Vec3 = readonly [number, number, number];
export type Quat = readonly [number, number, number, number]; // x, y, z, w

export const RIG_JOINTS = [
  "pelvis", "spine", "chest", "neck", "head", "shoulderL", "elbowL", "wristL", "shoulderR", "elbowR", "wristR", "hipL",
  "kneeL", "ankleL", "hipR", "kneeR", "ankleR",
] as const;
export type RigJoint = (typeof RIG_JOINTS)[number];

// What each joint hangs on, and where it is in that one's frame.
export const RIG: Record<RigJoint, { parent: RigJoint | null; offset: Vec3 }> = {
  pelvis: { parent: null, offset: [0, 0, 0] },
  spine: { parent: "pelvis", offset: [0, 0.11, 0] },
  chest: { parent: "spine", offset: [0, 0.15, 0] },
  neck: { parent: "chest", offset: [0, 0.24, -0.01] },
  head: { parent: "neck", offset: [0, 0.1, 0.012] },
  shoulderL: { parent: "chest", offset: [0.175, 0.195, 0] },
  elbowL: { parent: "shoulderL", offset: [0, -0.285, 0] },
  wristL: { parent: "elbowL", offset: [0, -0.25, 0] },
  shoulderR: { parent: "chest", offset: [-0.175, 0.195, 0] },
  elbowR: { parent: "shoulderR", offset: [0, -0.285, 0] },
  wristR: { parent: "elbowR", offset: [0, -0.25, 0] },
  hipL: { parent: "pelvis", offset: [0.095, -0.03, 0] },
  kneeL: { parent: "hipL", offset: [0, -0.43, 0] },
  ankleL: { parent: "kneeL", offset: [0, -0.42, 0] },
  hipR: { parent: "pelvis", offset: [-0.095, -0.03, 0] },
  kneeR: { parent: "hipR", offset: [0, -0.43, 0] },
  ankleR: { parent: "kneeR", offset: [0, -0.42, 0] },
};

// Degrees about the joint's x, z and y axes, turned in this order from outside to inside, so that for a hanging limb x
// swings it back (+) and forward (-), z moves it sideways, and y twists it about itself.
export type Angles = Partial<Record<RigJoint, Vec3>>;

export interface FigureShape {
  height: number; // metres
  build: number; // thickness of the limbs, 1 = medium
}

export const REST_HEIGHT = 1.76;

// --- quaternions ---

export function times(a: Quat, b: Quat): Quat {
  return [
    a[3] * b[0] + a[0] * b[3] + a[1] * b[2] - a[2] * b[1],
    a[3] * b[1] - a[0] * b[2] + a[1] * b[3] + a[2] * b[0],
    a[3] * b[2] + a[0] * b[1] - a[1] * b[0] + a[2] * b[3],
    a[3] * b[3] - a[0] * b[0] - a[1] * b[1] - a[2] * b[2],
  ];
}

export function rotate(q: Quat, v: Vec3): Vec3 {
  const [x, y, z, w] = q;
  const tx = 2 * (y * v[2] - z * v[1]);
  const ty = 2 * (z * v[0] - x * v[2]);
  const tz = 2 * (x * v[1] - y * v[0]);
  return [
    v[0] + w * tx + y * tz - z * ty,
    v[1] + w * ty + z * tx - x * tz,
    v[2] + w * tz + x * ty - y * tx,
  ];
}

export function about(axis: 0 | 1 | 2, degrees: number): Quat {
  const half = (degrees * Math.PI) / 360;
  const q: [number, number, number, number] = [0, 0, 0, Math.cos(half)];
  q[axis] = Math.sin(half);
  return q;
}

// The turn for one joint's angles (x, y, z): X, then Z, then Y from outside to inside.
export function quaternion_of(angles: Vec3 = [0, 0, 0]): Quat {
  return times(times(about(0, angles[0]), about(2, angles[2])), about(1, angles[1]));
}

const degrees = (radians: number) => (radians * 180) / Math.PI;

// The angles (x, y, z) of a turn, each within -180..180, z within -90..90.
export function angles_of(q: Quat): Vec3 {
  // The rows of the matrix that X Z Y leaves: [cz cy, -sz, cz sy], ...
  const right = rotate(q, [1, 0, 0]);
  const up = rotate(q, [0, 1, 0]);
  const out = rotate(q, [0, 0, 1]);
  const sine = Math.min(1, Math.max(-1, -up[0]));
  const z = degrees(Math.asin(sine));
  if (Math.abs(sine) > 0.99999) return [degrees(Math.atan2(-out[1], out[2])), 0, z];
  return [degrees(Math.atan2(up[2], up[1])), degrees(Math.atan2(out[0], right[0])), z];
}

// --- where everything is ---

export interface Placed {
  position: Vec3;
  turn: Quat;
}

export function sum(a: Vec3, b: Vec3): Vec3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

export function scaled_vec(a: Vec3, factor: number): Vec3 {
  return [a[0] * factor, a[1] * factor, a[2] * factor];
}

// All joints in the frame of `root`, for a figure of the rest height.
export function placed_joints(angles: Angles, root: Placed = { position: [0, 0, 0], turn: [0, 0, 0, 1] }): Record<RigJoint, Placed> {
  const result = {} as Record<RigJoint, Placed>;
  for (const name of RIG_JOINTS) {
    const { parent, offset } = RIG[name];
    const base = parent ? result[parent] : root;
    result[name] = {
      position: sum(base.position, rotate(base.turn, offset)),
      turn: times(base.turn, quaternion_of(angles[name])),
    };
  }
  return result;
}

// Points of the head in the frame of the joint "head".
export const HEAD_POINTS = {
  nose: [0, 0.052, 0.122],
  eyeL: [0.033, 0.088, 0.094],
  eyeR: [-0.033, 0.088, 0.094],
  earL: [0.08, 0.068, -0.002],
  earR: [-0.08, 0.068, -0.002],
} as const satisfies Record<string, Vec3>;
export const HEAD = { centre: [0, 0.078, 0.012] as Vec3, radii: [0.078, 0.118, 0.098] as Vec3 };
export const FOOT = { heel: [0, -0.045, -0.04] as Vec3, toe: [0, -0.05, 0.15] as Vec3, radius: 0.035 };

// How low a figure reaches below its pelvis: feet, knees, hands or back, whatever is lowest.
export function lowest(angles: Angles): number {
  const joints = placed_joints(angles);
  let low = joints.pelvis.position[1] - 0.12;
  for (const side of ["L", "R"] as const) {
    const ankle = joints[`ankle${side}`];
    for (const end of [FOOT.heel, FOOT.toe])
      low = Math.min(low, sum(ankle.position, rotate(ankle.turn, end))[1] - FOOT.radius);
    low = Math.min(low, joints[`knee${side}`].position[1] - 0.055, joints[`wrist${side}`].position[1] - 0.04);
    low = Math.min(low, joints[`elbow${side}`].position[1] - 0.045, joints[`shoulder${side}`].position[1] - 0.06);
  }
  const head = joints.head;
  return Math.min(low, sum(head.position, rotate(head.turn, HEAD.centre))[1] - 0.1);
}

// The 18 points of OpenPose's body in the same frame, and for those of the head the direction in which they look (a
// point that looks away is hidden by the head itself).
export function openpose_points(joints: Record<RigJoint, Placed>): { position: Vec3; outward: Vec3 | null }[] {
  const limb = (name: RigJoint) => ({ position: joints[name].position, outward: null });
  const on_head = (name: keyof typeof HEAD_POINTS) => {
    const { position, turn } = joints.head;
    const local = HEAD_POINTS[name];
    const from = sum(local, scaled_vec(HEAD.centre, -1));
    const flat: Vec3 = [from[0] / HEAD.radii[0] ** 2, from[1] / HEAD.radii[1] ** 2, from[2] / HEAD.radii[2] ** 2];
    const length = Math.hypot(...flat);
    return { position: sum(position, rotate(turn, local)), outward: rotate(turn, scaled_vec(flat, 1 / length)) };
  };
  const neck = scaled_vec(sum(joints.shoulderL.position, joints.shoulderR.position), 0.5);
  return [
    on_head("nose"), { position: neck, outward: null },
    limb("shoulderR"), limb("elbowR"), limb("wristR"), limb("shoulderL"), limb("elbowL"), limb("wristL"),
    limb("hipR"), limb("kneeR"), limb("ankleR"), limb("hipL"), limb("kneeL"), limb("ankleL"),
    on_head("eyeR"), on_head("eyeL"), on_head("earR"), on_head("earL"),
  ];
}

// The 21 points of a hand in the figure's frame.
export function hand_points(joints: Record<RigJoint, Placed>, side: "left" | "right", curl: readonly number[]): Vec3[] {
  const wrist = joints[side === "left" ? "wristL" : "wristR"];
  return hand_shape_3d(side, curl).map((p) => sum(wrist.position, rotate(wrist.turn, p)));
}
