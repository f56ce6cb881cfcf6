// SPDX-License-Identifier: Apache-2.0
// Mannequins of three.js out of the jointed figure: tapered capsules and ellipsoids, made in code.
import {
  CapsuleGeometry, Group, LatheGeometry, Mesh, MeshStandardMaterial, Object3D, Quaternion, SphereGeometry, SplineCurve,
  Vector2, Vector3, type BufferGeometry, type Material,
} from "three";
import { FOOT, HEAD, HEAD_POINTS, quaternion_of, RIG, RIG_JOINTS, type RigJoint, type Vec3 } from "./rig.ts";
import { hand_shape_3d } from "./rig_hand.ts";
import { figure_scale, figure_turn, pelvis_height, type Figure } from "./scene.ts";
import { HAND_BONES } from "./skeleton.ts";

export interface Mannequin {
  id: number;
  root: Group; // stands on the floor, turns and scales
  joints: Record<RigJoint, Object3D>;
  meshes: Mesh[]; // what is baked; userData.part is the number of the part
  limbs: Mesh[]; // become thicker with `build`
  fingers: { left: Mesh[]; right: Mesh[] };
}

// A stick between two balls of different size, from `from` at y = 0 to `to` at y = -length. The sides touch both balls.
function tapered(from: number, to: number, length: number): LatheGeometry {
  const STEPS = 10;
  const lean = Math.asin(Math.min(0.99, (from - to) / length)); // of the sides
  const profile: Vector2[] = [];
  const arc = (centre: number, radius: number, begin: number, end: number) => {
    for (let i = 0; i <= STEPS; ++i) {
      const angle = begin + ((end - begin) * i) / STEPS;
      profile.push(new Vector2(Math.max(0, radius * Math.cos(angle)), centre + radius * Math.sin(angle)));
    }
  };
  arc(-length, to, -Math.PI / 2, -lean);
  arc(0, from, -lean, Math.PI / 2);
  return new LatheGeometry(profile, 24);
}

function ball(radii: Vec3): BufferGeometry {
  return new SphereGeometry(1, 32, 22).scale(...radii);
}

// Turns a shape along -y into one from `from` to `to`.
function between(mesh: Mesh, from: Vec3, to: Vec3): Mesh {
  const way = new Vector3(to[0] - from[0], to[1] - from[1], to[2] - from[2]);
  mesh.position.set(...from);
  mesh.quaternion.setFromUnitVectors(new Vector3(0, -1, 0), way.normalize());
  return mesh;
}

const length_of = (a: Vec3, b: Vec3) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

// Radii of the limbs at their upper and lower ends; the lower end is the offset of the joint named.
const LIMB_SHAPES: readonly { on: RigJoint; to: RigJoint; radii: [number, number] }[] = [
  ...(["L", "R"] as const).flatMap((side) => [
    { on: `shoulder${side}` as const, to: `elbow${side}` as const, radii: [0.055, 0.04] as [number, number] },
    { on: `elbow${side}` as const, to: `wrist${side}` as const, radii: [0.041, 0.029] as [number, number] },
    { on: `hip${side}` as const, to: `knee${side}` as const, radii: [0.088, 0.054] as [number, number] },
    { on: `knee${side}` as const, to: `ankle${side}` as const, radii: [0.054, 0.036] as [number, number] },
  ]),
];

interface Builder {
  mannequin: Mannequin;
  material: Material;
  part: number;
}

function add(builder: Builder, on: RigJoint, geometry: BufferGeometry, grows = false): Mesh {
  const mesh = new Mesh(geometry, builder.material);
  builder.part += 1;
  mesh.userData = { part: builder.part, figure: builder.mannequin.id };
  builder.mannequin.joints[on].add(mesh);
  builder.mannequin.meshes.push(mesh);
  if (grows) builder.mannequin.limbs.push(mesh);
  return mesh;
}

// Half widths of the trunk's three parts at heights above their joints, bottom to top. Where two parts meet they have the
// same width, so that an upright trunk shows no seams.
const TRUNK: readonly { on: RigJoint; outline: readonly (readonly [number, number])[] }[] = [
  {
    on: "pelvis",
    outline: [[0, -0.13], [0.07, -0.122], [0.122, -0.08], [0.15, -0.025], [0.149, 0.03], [0.134, 0.08], [0.122, 0.13], [0.112, 0.17], [0.06, 0.2], [0, 0.21]],
  },
  {
    on: "spine",
    outline: [[0, -0.11], [0.08, -0.09], [0.123, -0.04], [0.123, 0.01], [0.118, 0.06], [0.12, 0.11], [0.125, 0.15], [0.104, 0.2], [0, 0.23]],
  },
  {
    on: "chest",
    outline: [[0, -0.1], [0.08, -0.08], [0.12, -0.035], [0.129, 0.02], [0.141, 0.075], [0.15, 0.125], [0.147, 0.165], [0.126, 0.205], [0.08, 0.238], [0, 0.252]],
  },
];
const FLATNESS = 0.7; // depth of the trunk compared with its width

function trunk_part(outline: readonly (readonly [number, number])[]): BufferGeometry {
  const curve = new SplineCurve(outline.map(([radius, y]) => new Vector2(radius, y)));
  const profile = curve.getPoints(48).map((p) => new Vector2(Math.max(0, p.x), p.y));
  return new LatheGeometry(profile, 40).scale(1, 1, FLATNESS);
}

function add_trunk(builder: Builder): void {
  for (const { on, outline } of TRUNK) add(builder, on, trunk_part(outline), true);
  const shoulders = add(builder, "chest", new CapsuleGeometry(0.055, 0.25, 8, 20));
  shoulders.rotation.z = Math.PI / 2;
  shoulders.position.set(0, 0.188, -0.004);
  // From the neck down to both shoulders.
  for (const side of [-1, 1])
    between(add(builder, "chest", tapered(0.042, 0.05, 0.12)), [0.035 * side, 0.246, -0.012], [0.145 * side, 0.196, -0.004]);
  between(add(builder, "neck", tapered(0.048, 0.052, 0.13)), [0, 0.115, 0.012], [0, -0.015, 0]);
}

function add_head(builder: Builder): void {
  add(builder, "head", ball(HEAD.radii).translate(...HEAD.centre));
  const [x, y, z] = HEAD_POINTS.nose;
  const nose = add(builder, "head", tapered(0.009, 0.014, 0.03));
  between(nose, [x, y + 0.026, z - 0.022], [x, y - 0.002, z - 0.012]);
  for (const ear of [HEAD_POINTS.earL, HEAD_POINTS.earR]) add(builder, "head", ball([0.012, 0.028, 0.018]).translate(ear[0] * 0.97, ear[1] + 0.006, ear[2]));
}

function add_limbs(builder: Builder): void {
  for (const { on, to, radii } of LIMB_SHAPES) {
    const length = length_of([0, 0, 0], RIG[to].offset);
    add(builder, on, tapered(radii[0], radii[1], length), true);
  }
  for (const side of ["L", "R"] as const) {
    const foot = add(builder, `ankle${side}`, tapered(FOOT.radius, FOOT.radius * 0.86, length_of(FOOT.heel, FOOT.toe)));
    between(foot, FOOT.heel, FOOT.toe);
    add(builder, `ankle${side}`, ball([0.036, 0.04, 0.04]).translate(0, -0.012, -0.004));
  }
}

const FINGER_RADII = [0.0105, 0.009, 0.0092, 0.0088, 0.0078];

function add_hand(builder: Builder, side: "left" | "right"): void {
  const on = side === "left" ? "wristL" : "wristR";
  add(builder, on, ball([0.019, 0.055, 0.042]).translate(0, -0.052, -0.001));
  const points = hand_shape_3d(side, [0, 0, 0, 0, 0]);
  for (const [a, b] of HAND_BONES) {
    // The first bone of each finger lies within the palm, except the thumb's.
    if (a === 0 && b !== 1) continue;
    const radius = FINGER_RADII[Math.floor((b - 1) / 4)]! * (a === 0 ? 1.4 : 1);
    const mesh = add(builder, on, tapered(radius, radius * 0.9, length_of(points[a]!, points[b]!)));
    mesh.userData["bone"] = [a, b];
    builder.mannequin.fingers[side].push(mesh);
  }
}

function skeleton_of(root: Group): Record<RigJoint, Object3D> {
  const joints = {} as Record<RigJoint, Object3D>;
  for (const name of RIG_JOINTS) {
    const { parent, offset } = RIG[name];
    const joint = new Object3D();
    joint.name = name;
    joint.position.set(...offset);
    (parent ? joints[parent] : root).add(joint);
    joints[name] = joint;
  }
  return joints;
}

export function new_mannequin(id: number, material: MeshStandardMaterial): Mannequin {
  const root = new Group();
  const mannequin: Mannequin = { id, root, joints: skeleton_of(root), meshes: [], limbs: [], fingers: { left: [], right: [] } };
  const builder = { mannequin, material, part: 0 };
  add_trunk(builder);
  add_head(builder);
  add_limbs(builder);
  add_hand(builder, "left");
  add_hand(builder, "right");
  return mannequin;
}

function bend_fingers(mannequin: Mannequin, figure: Figure): void {
  for (const side of ["left", "right"] as const) {
    const points = hand_shape_3d(side, figure.curl[side]);
    for (const mesh of mannequin.fingers[side]) {
      const [a, b] = mesh.userData["bone"] as [number, number];
      between(mesh, points[a]!, points[b]!);
    }
  }
}

// Brings the mannequin into the pose and place of its figure.
export function place_mannequin(mannequin: Mannequin, figure: Figure): void {
  const { root, joints } = mannequin;
  root.position.set(figure.x, pelvis_height(figure), figure.z);
  root.quaternion.copy(new Quaternion(...figure_turn(figure)));
  root.scale.setScalar(figure_scale(figure));
  root.visible = !figure.hidden;
  for (const name of RIG_JOINTS) joints[name].quaternion.set(...quaternion_of(figure.angles[name]));
  for (const mesh of mannequin.limbs) mesh.scale.set(figure.build, 1, figure.build);
  bend_fingers(mannequin, figure);
}

export function dispose_mannequin(mannequin: Mannequin): void {
  mannequin.root.removeFromParent();
  for (const mesh of mannequin.meshes) mesh.geometry.dispose();
}
