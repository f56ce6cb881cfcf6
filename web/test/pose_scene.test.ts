// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { MeshStandardMaterial, PerspectiveCamera, Vector3 } from "three";
import { angles_of, hand_points, lowest, openpose_points, placed_joints, quaternion_of, RIG_JOINTS, rotate, type Vec3 } from "../src/pose/rig.ts";
import { PRESETS } from "../src/pose/presets.ts";
import { new_projection } from "../src/pose/scene_camera.ts";
import { new_mannequin, place_mannequin } from "../src/pose/scene_figures.ts";
import { canny_map, depth_map, FIRST_FIGURE, FLOOR, normal_map, segment_map, type Seen } from "../src/pose/scene_maps.ts";
import { figure_joints, pose_of_scene } from "../src/pose/scene_pose.ts";
import { camera_place, CAMERA, MAX_FIGURES, new_figure, new_scene, posed, read_scene, with_angles, with_another, with_camera, with_figure, type Scene } from "../src/pose/scene.ts";

const near = (a: number, b: number, tolerance = 1e-6) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);
const away = (a: Vec3, b: Vec3) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

// An empty picture: nothing stands before anything.
function nothing(width: number, height: number): Seen {
  const count = width * height;
  return { width, height, depth: new Float32Array(count), owner: new Uint8Array(count), part: new Uint8Array(count), normals: new Float32Array(3 * count) };
}

test("angles come back from the turn that they make", () => {
  for (const angles of [[10, 20, 30], [-120, 45, -70], [0, 170, 60], [95, -100, 5]] as Vec3[])
    angles_of(quaternion_of(angles)).forEach((angle, i) => near(angle, angles[i]!, 1e-6));
});

test("straight up sideways, where angles are not unique, the turn is still the same", () => {
  const q = quaternion_of([40, 25, 90]);
  const again = quaternion_of(angles_of(q));
  for (const v of [[1, 0, 0], [0, 1, 0], [0, 0, 1]] as Vec3[]) near(away(rotate(q, v), rotate(again, v)), 0, 1e-4);
});

test("a forward swing lifts a hanging arm towards the viewer, a positive sideways turn lifts the left arm outwards", () => {
  const forward = placed_joints({ shoulderL: [-90, 0, 0] });
  assert.ok(forward.wristL.position[2] > 0.4);
  const outward = placed_joints({ shoulderL: [0, 0, 90] });
  assert.ok(outward.wristL.position[0] > 0.6);
});

test("every pose keeps the lengths of all bones", () => {
  const rest = placed_joints({});
  for (const { angles } of PRESETS) {
    const posed_joints = placed_joints(angles);
    for (const [a, b] of [["shoulderL", "elbowL"], ["elbowR", "wristR"], ["hipL", "kneeL"], ["kneeR", "ankleR"]] as const)
      near(away(posed_joints[a].position, posed_joints[b].position), away(rest[a].position, rest[b].position), 1e-9);
  }
});

test("three.js puts the mannequin's joints where the rig says", () => {
  const figure = new_figure(1, { x: 0.4, z: -0.7, yaw: 35, height: 1.9, lift: 0.2, angles: PRESETS.find(({ id }) => id === "dance")!.angles });
  const mannequin = new_mannequin(1, new MeshStandardMaterial());
  place_mannequin(mannequin, figure);
  mannequin.root.updateMatrixWorld(true);
  const expected = figure_joints(figure);
  for (const name of RIG_JOINTS) {
    const { x, y, z } = mannequin.joints[name].getWorldPosition(new Vector3());
    near(away([x, y, z], expected[name].position), 0, 1e-6);
  }
});

test("the mannequin's triangles look outwards", () => {
  const mannequin = new_mannequin(1, new MeshStandardMaterial());
  for (const mesh of mannequin.meshes) {
    const position = mesh.geometry.getAttribute("position");
    const normal = mesh.geometry.getAttribute("normal");
    const index = mesh.geometry.index!;
    let agree = 0;
    let faces = 0;
    const at = (from: typeof position, i: number) => new Vector3(from.getX(i), from.getY(i), from.getZ(i));
    for (let i = 0; i + 2 < index.count; i += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => at(position, index.getX(i + k))) as [Vector3, Vector3, Vector3];
      const face = b.clone().sub(a).cross(c.clone().sub(a));
      if (face.length() < 1e-9) continue;
      faces += 1;
      if (face.dot(at(normal, index.getX(i))) > 0) agree += 1;
    }
    assert.ok(faces > 0 && agree / faces > 0.98, `part ${mesh.userData["part"] as number}: ${agree} of ${faces}`);
  }
});

test("figures stand on the ground in every pose", () => {
  for (const { angles } of PRESETS) assert.ok(lowest(angles) < -0.1 && lowest(angles) > -1.1);
});

test("the projection is that of three.js, with whole numbers in the middles of pixels", () => {
  const [width, height] = [640, 480];
  const settings = { ...CAMERA, yaw: 33, pitch: 21, fov: 50, x: 0.3 };
  const camera = new PerspectiveCamera(settings.fov, width / height, 0.1, 100);
  const { eye, target } = camera_place(settings);
  camera.position.set(...eye);
  camera.lookAt(new Vector3(...target));
  camera.updateMatrixWorld();
  const { project } = new_projection(settings, width, height);
  for (const point of [[0, 1, 0], [0.5, 1.6, 0.3], [-1, 0, -2]] as Vec3[]) {
    const ndc = new Vector3(...point).project(camera);
    const ours = project(point);
    near(ours.x, ((ndc.x + 1) / 2) * width - 0.5, 1e-6);
    near(ours.y, ((1 - ndc.y) / 2) * height - 0.5, 1e-6);
    near(ours.depth, -new Vector3(...point).applyMatrix4(camera.matrixWorldInverse).z, 1e-6);
  }
});

test("a figure that faces the viewer has its left on the right of the picture, and both ears", () => {
  const { people } = pose_of_scene(new_scene(), nothing(512, 512));
  const body = people[0]!.body;
  assert.ok(body.every((joint) => joint.visible));
  assert.ok(body[5]!.x > body[2]!.x && body[15]!.x > body[14]!.x && body[10]!.y > body[1]!.y);
});

test("a figure seen from behind has no nose and no eyes, but ears", () => {
  const scene = with_camera(new_scene(), { yaw: 180 });
  const { body } = pose_of_scene(scene, nothing(512, 512)).people[0]!;
  assert.deepEqual([0, 14, 15].map((i) => body[i]!.visible), [false, false, false]);
  assert.deepEqual([16, 17].map((i) => body[i]!.visible), [true, true]);
  assert.ok(body[5]!.x < body[2]!.x);
});

test("what something hides is left out, unless it shall stay", () => {
  const wall = nothing(512, 512);
  wall.depth.fill(1);
  const hidden = pose_of_scene(new_scene(), wall);
  assert.equal(hidden.people.length, 0);
  const scene: Scene = { ...new_scene(), options: { ...new_scene().options, hideOccluded: false } };
  assert.ok(pose_of_scene(scene, wall).people[0]!.body.every((joint) => joint.visible));
});

test("joints outside the picture are left out", () => {
  const scene = with_camera(new_scene(), { distance: 1 });
  const { body } = pose_of_scene(scene, nothing(512, 512)).people[0]!;
  assert.equal(body[10]!.visible, false);
  assert.equal(body[8]!.visible, true);
});

test("nearer people come later, so that they are drawn above", () => {
  const two = with_another(new_scene(), "stand")!.scene;
  const scene = with_figure(two, 1, { z: 1, name: "near" });
  assert.equal(pose_of_scene(scene, nothing(512, 512)).people.at(-1)!.name, "near");
});

test("hands and faces come along when they are asked for", () => {
  const scene: Scene = { ...new_scene(), options: { ...new_scene().options, hands: true, face: true } };
  const person = pose_of_scene(scene, nothing(512, 512)).people[0]!;
  assert.equal(person.left!.length, 21);
  assert.equal(person.face!.length, 70);
  near(person.left![0]!.x, person.body[7]!.x, 1e-6);
  assert.ok(Math.abs(person.face![68]!.x - person.body[14]!.x) < 3);
});

test("a taller figure's points grow with it", () => {
  const height = (scene: Scene) => {
    const { body } = pose_of_scene(scene, nothing(512, 2048)).people[0]!;
    return body[10]!.y - body[0]!.y;
  };
  const tall = with_figure(new_scene(), 1, { height: 1.72 * 1.1 });
  near(height(tall) / height(new_scene()), 1.1, 0.02);
});

test("openpose points of the rest pose are symmetric", () => {
  const points = openpose_points(placed_joints({}));
  for (const [right, left] of [[2, 5], [4, 7], [8, 11], [10, 13], [14, 15], [16, 17]] as const) near(points[right]!.position[0], -points[left]!.position[0], 1e-9);
  assert.equal(hand_points(placed_joints({}), "left", [0, 0, 0, 0, 0]).length, 21);
});

// --- maps ---

// A figure of two pixels before floor and nothing: owner, depth.
function picture(): Seen {
  const seen = nothing(4, 1);
  seen.owner.set([0, FLOOR, FIRST_FIGURE, FIRST_FIGURE + 1]);
  seen.depth.set([0, 4, 2, 3]);
  seen.normals.set([0, 0, 0, 0, 1, 0, -1, 0, 0, 0, 0, 1]);
  return seen;
}

test("depth is inverse depth, white at the nearest, black behind the backdrop", () => {
  const map = depth_map(picture(), 1);
  // Ends at 1 / (3 + 1) metres.
  assert.deepEqual([...map], [0, 0, 255, Math.trunc(255 * ((1 / 3 - 1 / 4) / (1 / 2 - 1 / 4)))]);
  assert.deepEqual([...depth_map(picture(), 0)], [0, Math.trunc(255 * 0.5), 255, Math.trunc((255 * 2) / 3)]);
  assert.deepEqual([...depth_map(nothing(2, 2), 3)], [0, 0, 0, 0]);
});

test("normals are red to the left, green up, blue towards the viewer, and nothing faces the viewer", () => {
  assert.deepEqual([...normal_map(picture())], [127, 127, 255, 127, 255, 127, 255, 127, 127, 127, 127, 255]);
});

test("segments are ADE20K's classes with their colours", () => {
  const room = segment_map(picture(), true);
  assert.deepEqual([...room.indices], [0, 3, 12, 12]);
  assert.deepEqual(room.palette[12], [150, 5, 61]);
  assert.deepEqual(room.palette[3], [80, 50, 50]);
  const alone = segment_map({ ...picture(), owner: Uint8Array.of(0, 0, 2, 3) }, false);
  assert.deepEqual([...alone.indices], [255, 255, 12, 12]);
  assert.deepEqual(alone.palette[255], [0, 0, 0]);
});

function square(side: number, inner: (x: number, y: number) => [owner: number, depth: number, part: number]): Seen {
  const seen = nothing(side, side);
  for (let i = 0; i < side * side; ++i) {
    const [owner, depth, part] = inner(i % side, Math.floor(i / side));
    seen.owner[i] = owner;
    seen.depth[i] = depth;
    seen.part[i] = part;
  }
  return seen;
}
const is_in = (x: number, y: number, from: number, to: number) => x >= from && x < to && y >= from && y < to;

test("an outline lies on the figure, is closed and one pixel wide", () => {
  const map = canny_map(square(16, (x, y) => (is_in(x, y, 4, 12) ? [FIRST_FIGURE, 2, 1] : [0, 0, 0])));
  const on = (x: number, y: number) => map[y * 16 + x] === 255;
  assert.ok(on(4, 7) && on(11, 7) && on(7, 4) && on(7, 11));
  assert.ok(!on(3, 7) && !on(5, 7) && !on(7, 7) && !on(12, 7));
});

test("an arm before the body has an outline, a joint between two parts none", () => {
  const arm = canny_map(square(16, (x) => [FIRST_FIGURE, x < 8 ? 2 : 2.2, x < 8 ? 1 : 2]));
  assert.equal(arm[8 * 16 + 7], 255);
  const elbow = canny_map(square(16, (x) => [FIRST_FIGURE, 2 + 0.002 * x, x < 8 ? 1 : 2]));
  assert.ok(elbow.every((level) => level === 0));
});

test("the floor has no lines of its own", () => {
  assert.ok(canny_map(square(8, (_, y) => (y < 4 ? [0, 0, 0] : [FLOOR, 9 - y, 0]))).every((level) => level === 0));
});

// --- the scene as data ---

test("there is room for twelve figures", () => {
  let scene = new_scene();
  for (let i = 1; i < MAX_FIGURES; ++i) scene = with_another(scene, "walk")!.scene;
  assert.equal(scene.figures.length, MAX_FIGURES);
  assert.equal(with_another(scene, "walk"), null);
  assert.equal(new Set(scene.figures.map(({ x }) => x)).size, MAX_FIGURES);
});

test("the camera stays within its bounds", () => {
  const { camera } = with_camera(new_scene(), { yaw: 190, pitch: 400, distance: -3, fov: 500 });
  assert.deepEqual([camera.yaw, camera.pitch, camera.distance, camera.fov], [-170, 89, 0.5, 110]);
});

test("a pose replaces all angles, a joint only its own", () => {
  const scene = with_angles(new_scene(), 1, "head", [10, 0, 0]);
  assert.deepEqual(scene.figures[0]!.angles.head, [10, 0, 0]);
  assert.equal(posed(scene, 1, "tpose").figures[0]!.angles.head, undefined);
});

test("a stored scene is read with whatever is missing or wrong replaced", () => {
  const scene = with_another(new_scene(), "dance")!.scene;
  assert.deepEqual(read_scene(structuredClone(scene)), scene);
  const broken = read_scene({ figures: [{ x: "far", angles: { head: [1, 2], neck: [1, 2, 3] } }], camera: { fov: 1e9, yaw: "left" }, options: 5 })!;
  assert.equal(broken.figures[0]!.x, 0);
  assert.deepEqual(broken.figures[0]!.angles, { neck: [1, 2, 3] });
  assert.equal(broken.camera.fov, 110);
  assert.equal(broken.options.floor, true);
  assert.equal(read_scene("scene"), null);
});
