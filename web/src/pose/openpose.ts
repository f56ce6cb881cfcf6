// SPDX-License-Identifier: Apache-2.0
// OpenPose JSON in and out. Written as src/annotators/pose_json.cc reads it; read with the conventions of OpenPose
// itself (18 or 25 points), COCO (17 points), the web UI's ControlNet extension and older pose editors.
import type { OpenPoseJson, OpenPosePerson } from "../api/types.ts";
import { with_guesses } from "./missing.ts";
import { COUNTS, new_person, STRAIGHT, type Joint, type Person, type PoseDocument } from "./skeleton.ts";

export const LEAST_CONFIDENCE = 0.05;
const FARTHEST = 100_000; // pixels
const MAX_SIDE = 32_768;
export const MAX_PEOPLE = 256;

// What is wrong with a file: `key` is that of a text in pose.ts of the languages, `place` where it was found.
export class PoseFileError extends Error {
  readonly key: string;
  readonly values: Record<string, string | number>;
  constructor(key: string, values: Record<string, string | number> = {}) {
    super(`${key} ${JSON.stringify(values)}`);
    this.key = key;
    this.values = values;
  }
}

// --- out ---

function numbers(joints: readonly Joint[]): number[] {
  return joints.flatMap((j) => (j.visible ? [rounded(j.x), rounded(j.y), 1] : [0, 0, 0]));
}

// A thousandth of a pixel is enough, and keeps files short. Readers refuse what is farther away than this.
function rounded(value: number): number {
  const near = Math.min(FARTHEST - 1, Math.max(1 - FARTHEST, value));
  return Math.round(near * 1000) / 1000 || 0;
}

function person_to_json(person: Person): OpenPosePerson {
  return {
    pose_keypoints_2d: numbers(person.body),
    hand_left_keypoints_2d: person.left && numbers(person.left),
    hand_right_keypoints_2d: person.right && numbers(person.right),
    face_keypoints_2d: person.face && numbers(person.face),
  };
}

// Hidden people are left out. Coordinates are pixels; readers take them for fractions only where none is above 1, that
// is, where everybody stands within the uppermost left pixel.
export function to_openpose(document: PoseDocument): OpenPoseJson {
  return {
    people: document.people.filter((person) => !person.hidden).map(person_to_json),
    canvas_width: document.width,
    canvas_height: document.height,
  };
}

// --- in ---

// For each of our 18 joints: its place in OpenPose's 25 points, and in COCO's 17 (-1: the neck, which COCO has not).
const FROM_BODY_25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];
const FROM_COCO = [0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3];

interface RawPerson {
  body: Joint[];
  left: Joint[] | null;
  right: Joint[] | null;
  face: Joint[] | null;
}

type Json = Record<string, unknown>;

function is_object(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const ABSENT: Joint = { x: 0, y: 0, visible: false };

// Null for a part that the person has not.
function read_points(person: Json, name: string, place: string, counts: readonly number[]): Joint[] | null {
  const list = person[name];
  const where = `${place}.${name}`;
  if (list === undefined || list === null || (Array.isArray(list) && list.length === 0)) return null;
  if (!Array.isArray(list)) throw new PoseFileError("pose.error_list", { place: where });
  if (!counts.some((count) => list.length === 3 * count))
    throw new PoseFileError("pose.error_length", {
      place: where, found: list.length, wanted: counts.map((count) => 3 * count).join(", "),
    });
  const joints: Joint[] = [];
  for (let i = 0; i < list.length; i += 3) {
    const [x, y, confidence] = list.slice(i, i + 3) as unknown[];
    if (typeof x !== "number" || typeof y !== "number" || typeof confidence !== "number")
      throw new PoseFileError("pose.error_number", { place: `${where}[${i}]` });
    if (!(confidence > LEAST_CONFIDENCE)) {
      joints.push({ ...ABSENT });
      continue;
    }
    if (!(Math.abs(x) <= FARTHEST && Math.abs(y) <= FARTHEST))
      throw new PoseFileError("pose.error_far", { place: `${where}[${i}]` });
    joints.push({ x, y, visible: true });
  }
  return joints;
}

function coco_to_openpose(points: readonly Joint[]): Joint[] {
  const [left, right] = [points[5]!, points[6]!];
  const neck: Joint = left.visible && right.visible
    ? { x: (left.x + right.x) / 2, y: (left.y + right.y) / 2, visible: true }
    : { ...ABSENT };
  return FROM_COCO.map((i) => (i < 0 ? neck : points[i]!));
}

function eighteen(points: Joint[] | null): Joint[] {
  if (!points) return Array.from({ length: 18 }, () => ({ ...ABSENT }));
  if (points.length === 25) return FROM_BODY_25.map((i) => points[i]!);
  if (points.length === 17) return coco_to_openpose(points);
  return points;
}

function read_person(json: unknown, place: string): RawPerson {
  if (!is_object(json)) throw new PoseFileError("pose.error_person", { place });
  return {
    body: eighteen(read_points(json, "pose_keypoints_2d", place, [COUNTS.body, 25, 17])),
    left: read_points(json, "hand_left_keypoints_2d", place, [COUNTS.left]),
    right: read_points(json, "hand_right_keypoints_2d", place, [COUNTS.right]),
    face: read_points(json, "face_keypoints_2d", place, [COUNTS.face]),
  };
}

// Older editors: {"width", "height", "keypoints": [[[x, y] or null, 18 times], for each person]}.
function read_plain_lists(list: unknown): RawPerson[] {
  if (!Array.isArray(list)) throw new PoseFileError("pose.error_list", { place: "keypoints" });
  return list.map((points, k) => {
    if (!Array.isArray(points) || points.length !== COUNTS.body)
      throw new PoseFileError("pose.error_length", {
        place: `keypoints[${k}]`, found: Array.isArray(points) ? points.length : 0, wanted: COUNTS.body,
      });
    const body = points.map((p: unknown, i): Joint => {
      if (p === null) return { ...ABSENT };
      const [x, y] = Array.isArray(p) ? (p as unknown[]) : [];
      if (typeof x !== "number" || typeof y !== "number" || !(Math.abs(x) <= FARTHEST && Math.abs(y) <= FARTHEST))
        throw new PoseFileError("pose.error_number", { place: `keypoints[${k}][${i}]` });
      return { x, y, visible: true };
    });
    return { body, left: null, right: null, face: null };
  });
}

function side_of(value: unknown, fallback: number, place: string): number {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > MAX_SIDE)
    throw new PoseFileError("pose.error_canvas", { place });
  return value;
}

function all_points(people: readonly RawPerson[]): Joint[] {
  return people
    .flatMap((p) => [p.body, p.left ?? [], p.right ?? [], p.face ?? []].flat())
    .filter((joint) => joint.visible);
}

// Where no coordinate of the file is above 1, all are fractions of the canvas.
function without_fractions(people: readonly RawPerson[], width: number, height: number): void {
  const points = all_points(people);
  if (points.length === 0 || points.some((p) => Math.abs(p.x) > 1 || Math.abs(p.y) > 1)) return;
  for (const p of points) {
    p.x *= width;
    p.y *= height;
  }
}

// Detectors leave out hands and faces as 21 or 70 zeros; those are none.
function known(joints: Joint[] | null): Joint[] | null {
  return joints?.some((joint) => joint.visible) ? joints : null;
}

// People out of parsed JSON. A list of documents (one for each picture) gives its first. `fallback` is the canvas of a
// file that names none. Throws PoseFileError.
export function from_openpose(json: unknown, fallback: { width: number; height: number }): PoseDocument {
  const first = Array.isArray(json) ? (json as unknown[])[0] : json;
  if (!is_object(first)) throw new PoseFileError("pose.error_not_pose");
  const plain = first["keypoints"] !== undefined && first["people"] === undefined;
  const width = side_of(first["canvas_width"] ?? (plain ? first["width"] : undefined), fallback.width, "canvas_width");
  const height = side_of(first["canvas_height"] ?? (plain ? first["height"] : undefined), fallback.height, "canvas_height");
  const list = first["people"];
  if (!plain && !Array.isArray(list)) throw new PoseFileError("pose.error_not_pose");
  const raw = plain
    ? read_plain_lists(first["keypoints"])
    : (list as unknown[]).slice(0, MAX_PEOPLE + 1).map((person, i) => read_person(person, `people[${i}]`));
  if (raw.length > MAX_PEOPLE) throw new PoseFileError("pose.error_people", { most: MAX_PEOPLE });
  without_fractions(raw, width, height);
  const people = raw
    .map((p) => ({ ...p, left: known(p.left), right: known(p.right), face: known(p.face) }))
    .filter((p) => p.left || p.right || p.face || p.body.some((joint) => joint.visible))
    .map((p, i) => with_guesses(new_person(i + 1, p.body, { left: p.left, right: p.right, face: p.face, curl: { left: STRAIGHT, right: STRAIGHT } })));
  return { width, height, people };
}

export function from_openpose_text(text: string, fallback: { width: number; height: number }): PoseDocument {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new PoseFileError("pose.error_no_json");
  }
  return from_openpose(json, fallback);
}

