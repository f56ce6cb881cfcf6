// SPDX-License-Identifier: Apache-2.0
// The people of a scene as OpenPose points: projected by the camera, and left out where something lies before them.
import { face_shape } from "./attachments.ts";
import { LOOKS_AWAY } from "./presets.ts";
import { HEAD, hand_points, openpose_points, placed_joints, rotate, sum, type Placed, type RigJoint, type Vec3 } from "./rig.ts";
import { dot, new_projection, unit, type Projection } from "./scene_camera.ts";
import type { Seen } from "./scene_maps.ts";
import { figure_scale, figure_turn, pelvis_height, type Figure, type Scene } from "./scene.ts";
import { new_person, type Joint, type Person, type PoseDocument } from "./skeleton.ts";

// How deep each of the 18 joints lies inside its own body, metres; what is farther in front of it belongs to something
// that hides it.
const DEPTHS = [
  0.05, 0.14, 0.12, 0.09, 0.08, 0.12, 0.09, 0.08, 0.2, 0.12, 0.1, 0.2, 0.12, 0.1, 0.05, 0.05, 0.07, 0.07,
];
const HAND_DEPTH = 0.05;
const FACE_DEPTH = 0.045;

interface Looker {
  projection: Projection;
  seen: Seen;
  hide: boolean;
}

// A point outside the picture is not visible; one behind something only where the scene is asked for that.
function look({ projection, seen, hide }: Looker, position: Vec3, inside: number, outward: Vec3 | null): Joint {
  const { x, y, depth } = projection.project(position);
  if (!(depth > 0.01)) return { x: 0, y: 0, visible: false };
  const column = Math.round(x);
  const row = Math.round(y);
  const within = column >= 0 && row >= 0 && column < seen.width && row < seen.height;
  let visible = within;
  if (outward) {
    const eye: Vec3 = [projection.eye[0] - position[0], projection.eye[1] - position[1], projection.eye[2] - position[2]];
    visible &&= dot(outward, unit(eye)) > LOOKS_AWAY;
  }
  if (visible && hide) {
    const before = seen.depth[row * seen.width + column]!;
    visible = before === 0 || depth - before <= inside;
  }
  return { x, y, visible };
}

// All joints of a figure in the scene.
export function figure_joints(figure: Figure): Record<RigJoint, Placed> {
  const size = figure_scale(figure);
  const joints = placed_joints(figure.angles, { position: [0, 0, 0], turn: figure_turn(figure) });
  const stands: Vec3 = [figure.x, pelvis_height(figure), figure.z];
  return Object.fromEntries(
    Object.entries(joints).map(([name, { position, turn }]) => [name, { position: scaled_to(position, size, stands), turn }]),
  ) as Record<RigJoint, Placed>;
}

function scaled_to(position: Vec3, size: number, stands: Vec3): Vec3 {
  return [position[0] * size + stands[0], position[1] * size + stands[1], position[2] * size + stands[2]];
}

// The head's surface under a point of the flat face.
function on_head(x: number, y: number, nose: number): { local: Vec3; outward: Vec3 } {
  const HALF_PUPILS = 0.033;
  const local = { x: x * HALF_PUPILS, y: 0.088 - y * HALF_PUPILS };
  const [cx, cy, cz] = HEAD.centre;
  const [rx, ry, rz] = HEAD.radii;
  const rest = 1 - ((local.x - cx) / rx) ** 2 - ((local.y - cy) / ry) ** 2;
  const z = cz + rz * Math.sqrt(Math.max(0, rest));
  const outward = unit([(local.x - cx) / rx ** 2, (local.y - cy) / ry ** 2, (z - cz) / rz ** 2]);
  return { local: [local.x, local.y, z + nose], outward };
}

function face_of(looker: Looker, head: Placed, size: number): Joint[] {
  return face_shape().map((p, i) => {
    // The bridge of the nose and its wings stand out of the head.
    const { local, outward } = on_head(p.x, p.y, i >= 27 && i <= 35 ? 0.012 : 0);
    const scaled: Vec3 = [local[0] * size, local[1] * size, local[2] * size];
    return look(looker, sum(head.position, rotate(head.turn, scaled)), FACE_DEPTH * size, rotate(head.turn, outward));
  });
}

// openpose_points() for a figure that is not of the rest height: the head's points scale about the head.
function body_of(looker: Looker, figure: Figure, joints: Record<RigJoint, Placed>): Joint[] {
  const size = figure_scale(figure);
  const fromHead = (position: Vec3): Vec3 => {
    const h = joints.head.position;
    return [h[0] + (position[0] - h[0]) * size, h[1] + (position[1] - h[1]) * size, h[2] + (position[2] - h[2]) * size];
  };
  return openpose_points(joints).map(({ position, outward }, i) =>
    look(looker, outward ? fromHead(position) : position, DEPTHS[i]! * size * Math.max(1, figure.build), outward));
}

function hand_of(looker: Looker, figure: Figure, joints: Record<RigJoint, Placed>, side: "left" | "right"): Joint[] {
  const size = figure_scale(figure);
  const wrist = joints[side === "left" ? "wristL" : "wristR"].position;
  return hand_points(joints, side, figure.curl[side]).map((p) => {
    const scaled: Vec3 = [wrist[0] + (p[0] - wrist[0]) * size, wrist[1] + (p[1] - wrist[1]) * size, wrist[2] + (p[2] - wrist[2]) * size];
    return look(looker, scaled, HAND_DEPTH * size, null);
  });
}

const any = (joints: Joint[]) => (joints.some((joint) => joint.visible) ? joints : null);

function person_of_figure(looker: Looker, scene: Scene, figure: Figure, id: number): Person {
  const joints = figure_joints(figure);
  const { hands, face } = scene.options;
  return new_person(id, body_of(looker, figure, joints), {
    name: figure.name,
    left: hands ? any(hand_of(looker, figure, joints, "left")) : null,
    right: hands ? any(hand_of(looker, figure, joints, "right")) : null,
    face: face ? any(face_of(looker, joints.head, figure_scale(figure))) : null,
  });
}

// Everybody who is in the picture, the farthest first, so that nearer people are drawn over farther ones.
export function pose_of_scene(scene: Scene, seen: Seen): PoseDocument {
  const projection = new_projection(scene.camera, seen.width, seen.height);
  const looker = { projection, seen, hide: scene.options.hideOccluded };
  const figures = scene.figures.filter((figure) => !figure.hidden);
  const away = (figure: Figure) => projection.project(figure_joints(figure).chest.position).depth;
  const people = [...figures]
    .sort((a, b) => away(b) - away(a))
    .map((figure, i) => person_of_figure(looker, scene, figure, i + 1))
    .filter((person) => person.body.some((joint) => joint.visible));
  return { width: seen.width, height: seen.height, people };
}
