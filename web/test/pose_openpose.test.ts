// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { attached_face, attached_hand } from "../src/pose/attachments.ts";
import { from_openpose, from_openpose_text, PoseFileError, to_openpose } from "../src/pose/openpose.ts";
import { pose_text_of, with_pose } from "../src/pose/png_pose.ts";
import { person_in_pose, PRESETS, preset_of } from "../src/pose/presets.ts";
import { read_saved } from "../src/pose/saved.ts";
import { new_scene } from "../src/pose/scene.ts";
import { L_WRIST, NECK, R_HIP, type PoseDocument } from "../src/pose/skeleton.ts";
import { to_svg } from "../src/pose/svg_export.ts";
import { encodeGray, decodePng } from "../src/stage/png.ts";

const canvas = { width: 512, height: 768 };
const full = () => attached_face(attached_hand(attached_hand(person_in_pose(preset_of("walk"), 1, canvas), "left"), "right"));
const document: PoseDocument = { ...canvas, people: [full()] };
const points = (...known: [number, number[]][]) => {
  const list = Array.from({ length: 54 }, () => 0);
  for (const [joint, [x, y, c]] of known) list.splice(3 * joint, 3, x!, y!, c!);
  return list;
};
const one = (pose_keypoints_2d: unknown, more: object = {}) => ({ people: [{ pose_keypoints_2d, ...more }], canvas_width: 200, canvas_height: 100 });

function fault(json: unknown): string {
  try {
    from_openpose(json, canvas);
  } catch (error) {
    assert.ok(error instanceof PoseFileError);
    return `${error.key} ${error.values["place"] ?? ""}`.trim();
  }
  return "accepted";
}

test("people come back as they were written, to a thousandth of a pixel", () => {
  const back = from_openpose(JSON.parse(JSON.stringify(to_openpose(document))), canvas);
  assert.equal(back.width, 512);
  for (const part of ["body", "left", "right", "face"] as const) {
    back.people[0]![part]!.forEach((joint, i) => {
      const before = full()[part]![i]!;
      assert.equal(joint.visible, before.visible, `${part} ${i}`);
      if (joint.visible) assert.ok(Math.abs(joint.x - before.x) < 6e-4 && Math.abs(joint.y - before.y) < 6e-4);
    });
  }
});

test("what is written has the web UI's fields and lengths", () => {
  const [person] = to_openpose(document).people;
  assert.equal(person!.pose_keypoints_2d.length, 54);
  assert.equal(person!.hand_left_keypoints_2d!.length, 63);
  assert.equal(person!.face_keypoints_2d!.length, 210);
  const bare = to_openpose({ ...canvas, people: [person_in_pose(preset_of("stand"), 1, canvas)] }).people[0]!;
  assert.equal(bare.hand_right_keypoints_2d, null);
});

test("hidden people and joints are not exported", () => {
  const person = person_in_pose(preset_of("stand"), 1, canvas);
  const body = person.body.map((joint, i) => (i === L_WRIST ? { ...joint, visible: false } : joint));
  const json = to_openpose({ ...canvas, people: [{ ...person, body }, { ...person, id: 2, hidden: true }] });
  assert.equal(json.people.length, 1);
  assert.deepEqual(json.people[0]!.pose_keypoints_2d.slice(3 * L_WRIST, 3 * L_WRIST + 3), [0, 0, 0]);
});

test("joints far outside are written where readers still take them", () => {
  const person = person_in_pose(preset_of("stand"), 1, canvas);
  const body = person.body.map((joint) => ({ ...joint, x: 1e7, y: -1e7 }));
  const json = to_openpose({ ...canvas, people: [{ ...person, body }] });
  assert.equal(from_openpose(json, canvas).people[0]!.body[0]!.x, 99_999);
});

test("a confidence up to 0.05 means absent", () => {
  const read = from_openpose(one(points([0, [50, 20, 0.05]], [1, [50, 40, 0.051]])), canvas);
  assert.equal(read.people[0]!.body[0]!.visible, false);
  assert.equal(read.people[0]!.body[1]!.visible, true);
});

test("coordinates that are all within 0..1 are fractions of the canvas", () => {
  const read = from_openpose(one(points([0, [0.5, 0.25, 1]], [1, [1, 1, 1]])), canvas);
  assert.deepEqual(read.people[0]!.body[0], { x: 100, y: 25, visible: true });
  assert.deepEqual(read.people[0]!.body[1], { x: 200, y: 100, visible: true });
  const pixels = from_openpose(one(points([0, [0.5, 0.25, 1]], [1, [1.5, 1, 1]])), canvas);
  assert.deepEqual(pixels.people[0]!.body[0], { x: 0.5, y: 0.25, visible: true });
});

test("joints that were not found get a place near their neighbours", () => {
  const read = from_openpose(one(points([1, [100, 30, 1]], [2, [90, 30, 1]], [5, [110, 30, 1]])), canvas);
  const body = read.people[0]!.body;
  assert.equal(body[R_HIP]!.visible, false);
  assert.ok(body[R_HIP]!.y > body[NECK]!.y + 10 && Math.abs(body[R_HIP]!.x - 95) < 10);
});

test("OpenPose's 25 points and COCO's 17 become our 18", () => {
  const twentyFive = Array.from({ length: 25 }, (_, i) => [10 + i, 2 * i + 1, 1]).flat();
  const body25 = from_openpose(one(twentyFive), canvas).people[0]!.body;
  assert.equal(body25[R_HIP]!.x, 19);
  assert.equal(body25[17]!.x, 28);
  const coco = Array.from({ length: 17 }, (_, i) => [10 + i, 50, 1]).flat();
  const body17 = from_openpose(one(coco), canvas).people[0]!.body;
  assert.equal(body17[L_WRIST]!.x, 19);
  assert.equal(body17[NECK]!.x, 15.5);
});

test("lists of documents, older editors' files and raw OpenPose output are read", () => {
  assert.equal(from_openpose([one(points([0, [5, 5, 1]]))], canvas).people.length, 1);
  const older = { width: 300, height: 400, keypoints: [Array.from({ length: 18 }, (_, i) => (i === 3 ? null : [i + 2, 9]))] };
  const read = from_openpose(older, canvas);
  assert.equal(read.width, 300);
  assert.equal(read.people[0]!.body[3]!.visible, false);
  assert.equal(read.people[0]!.body[4]!.x, 6);
  assert.equal(from_openpose({ version: 1.3, people: [{ pose_keypoints_2d: points([0, [5, 5, 1]]) }] }, canvas).height, 768);
});

test("hands and faces without a single point are none, and so are people", () => {
  const zeros = (count: number) => Array.from({ length: 3 * count }, () => 0);
  const read = from_openpose(one(points([0, [5, 5, 1]]), { hand_left_keypoints_2d: zeros(21), face_keypoints_2d: [], hand_right_keypoints_2d: null }), canvas);
  assert.equal(read.people[0]!.left, null);
  assert.equal(read.people[0]!.face, null);
  assert.equal(from_openpose(one(zeros(18)), canvas).people.length, 0);
});

test("what is wrong with a file names the place", () => {
  assert.equal(fault("text"), "pose.error_not_pose");
  assert.equal(fault({ canvas_width: 5 }), "pose.error_not_pose");
  assert.equal(fault(null), "pose.error_not_pose");
  assert.equal(fault([]), "pose.error_not_pose");
  assert.equal(fault(one([1, 2, 3])), "pose.error_length people[0].pose_keypoints_2d");
  assert.equal(fault(one({})), "pose.error_list people[0].pose_keypoints_2d");
  assert.equal(fault({ ...one([]), people: [7] }), "pose.error_person people[0]");
  assert.equal(fault({ ...one([]), canvas_width: 0 }), "pose.error_canvas canvas_width");
  assert.equal(fault({ ...one([]), canvas_height: 1.5 }), "pose.error_canvas canvas_height");
  assert.equal(fault(one(points([2, [1e9, 0, 1]]))), "pose.error_far people[0].pose_keypoints_2d[6]");
  assert.equal(fault(one([...points().slice(0, 53), "1"])), "pose.error_number people[0].pose_keypoints_2d[51]");
  assert.equal(fault({ ...one([]), people: Array.from({ length: 257 }, () => ({})) }), "pose.error_people");
  assert.throws(() => from_openpose_text("{", canvas), (error: PoseFileError) => error.key === "pose.error_no_json");
});

test("a confidence that is no number is refused, NaN counts as absent", () => {
  assert.equal(from_openpose(one(points([0, [5, 5, Number.NaN]], [1, [5, 9, 1]])), canvas).people[0]!.body[0]!.visible, false);
});

test("an exported PNG holds its people and the same pixels", async () => {
  const pixels = Uint8Array.from({ length: 64 }, (_, i) => i * 3);
  const png = await encodeGray(pixels, 8, 8);
  const json = JSON.stringify(to_openpose(document));
  const carrying = with_pose(png, json);
  assert.equal(pose_text_of(carrying), json);
  assert.deepEqual([...(await decodePng(carrying)).data], [...pixels]);
  assert.equal(pose_text_of(png), null);
  assert.equal(pose_text_of(carrying.subarray(0, 40)), null);
  assert.equal(pose_text_of(new Uint8Array([1, 2, 3])), null);
});

test("the SVG has the joints' colours and no hidden people", () => {
  const svg = to_svg(document);
  assert.ok(svg.includes('fill="#ff5500"') && svg.includes('viewBox="-0.5 -0.5 512 768"'));
  assert.ok(!to_svg({ ...document, people: [{ ...full(), hidden: true }] }).includes("ellipse"));
});

test("a saved editor comes back, and rubbish does not", () => {
  const saved = { version: 1, pose: document, scene: new_scene(), mode: "scene", onion: 0.25 };
  const back = read_saved(structuredClone(saved))!;
  assert.deepEqual(back.pose.people[0]!.left, full().left);
  assert.deepEqual(back.scene, saved.scene);
  assert.equal(back.mode, "scene");
  for (const bad of [null, 7, {}, { version: 2 }, { version: 1, pose: { width: -1, height: 2, people: [] } }]) assert.equal(read_saved(bad), null);
  assert.equal(read_saved({ ...saved, pose: { ...document, people: [{ body: [1, 2] }] } })!.pose.people.length, 0);
});

test("presets fit on every canvas and stand on their feet", () => {
  assert.equal(PRESETS.length, 13);
  for (const size of [canvas, { width: 1024, height: 256 }, { width: 64, height: 64 }])
    for (const preset of PRESETS) {
      const { body } = person_in_pose(preset, 1, size);
      assert.equal(body.length, 18);
      for (const joint of body) {
        assert.ok(joint.x >= 0 && joint.x < size.width && joint.y >= 0 && joint.y < size.height, `${preset.id} on ${size.width} x ${size.height}`);
      }
    }
  const stand = person_in_pose(preset_of("stand"), 1, canvas).body;
  assert.ok(stand[10]!.y > stand[9]!.y && stand[9]!.y > stand[8]!.y && stand[8]!.y > stand[1]!.y);
});
