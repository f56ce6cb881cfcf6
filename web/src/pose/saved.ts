// SPDX-License-Identifier: Apache-2.0
// What a layer keeps of this editor. It comes back from storage, so nothing in it is taken for granted.
import { read_scene, type Scene } from "./scene.ts";
import { COUNTS, new_person, STRAIGHT, type Curl, type Joint, type Part, type Person, type PoseDocument } from "./skeleton.ts";

export type Mode = "flat" | "scene";

export interface SavedPose {
  version: 1;
  pose: PoseDocument;
  scene: Scene | null;
  mode: Mode;
  onion: number;
}

type Json = Record<string, unknown>;

const is_object = (value: unknown): value is Json => typeof value === "object" && value !== null;
const is_number = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

function read_joints(value: unknown, part: Part): Joint[] | null {
  if (!Array.isArray(value) || value.length !== COUNTS[part]) return null;
  const joints = value.filter((j): j is Joint => is_object(j) && is_number(j.x) && is_number(j.y));
  return joints.length === value.length ? joints.map((j) => ({ x: j.x, y: j.y, visible: j.visible === true })) : null;
}

function read_curl(value: unknown): Curl {
  return Array.isArray(value) && value.length === 5 && value.every(is_number) ? (value as unknown as Curl) : STRAIGHT;
}

function read_person(value: unknown, id: number): Person | null {
  if (!is_object(value)) return null;
  const body = read_joints(value["body"], "body");
  if (!body) return null;
  const curl = is_object(value["curl"]) ? value["curl"] : {};
  return new_person(id, body, {
    name: typeof value["name"] === "string" ? value["name"] : "",
    locked: value["locked"] === true,
    hidden: value["hidden"] === true,
    left: read_joints(value["left"], "left"),
    right: read_joints(value["right"], "right"),
    face: read_joints(value["face"], "face"),
    curl: { left: read_curl(curl["left"]), right: read_curl(curl["right"]) },
  });
}

// Null for what this editor did not write.
export function read_saved(value: unknown): SavedPose | null {
  if (!is_object(value) || value["version"] !== 1 || !is_object(value["pose"])) return null;
  const { width, height, people } = value["pose"];
  if (!is_number(width) || !is_number(height) || width < 1 || height < 1 || !Array.isArray(people)) return null;
  const read = people.map((person, i) => read_person(person, i + 1)).filter((person) => person !== null);
  return {
    version: 1,
    pose: { width, height, people: read },
    scene: read_scene(value["scene"]),
    mode: value["mode"] === "scene" ? "scene" : "flat",
    onion: is_number(value["onion"]) ? Math.min(1, Math.max(0, value["onion"])) : 0.5,
  };
}
