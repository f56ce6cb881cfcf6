// SPDX-License-Identifier: Apache-2.0
// The scene of the 3D mode as plain data: figures with their angles, and a camera that turns about a point.
import { preset_of } from "./presets.ts";
import { lowest, quaternion_of, REST_HEIGHT, RIG_JOINTS, type Angles, type RigJoint, type Vec3 } from "./rig.ts";

export interface Figure {
  id: number;
  name: string; // "" = by number
  x: number; // metres, where it stands
  z: number;
  lift: number; // above the ground
  yaw: number; // degrees
  height: number; // metres
  build: number; // thickness of the limbs, 1 = medium
  angles: Angles;
  curl: { left: readonly number[]; right: readonly number[] };
  hidden: boolean;
}

export interface Camera {
  yaw: number; // degrees about the target; 0 looks from +z
  pitch: number; // degrees; positive looks down
  distance: number; // metres to the target
  fov: number; // degrees, vertical
  height: number; // of the target above the ground
  x: number; // of the target, sideways
}

export interface BakeOptions {
  floor: boolean; // in depth, normals and segments
  backdrop: number; // metres behind the farthest figure at which depth ends; 0 = infinitely far
  hideOccluded: boolean; // joints behind a body are left out of the pose
  hands: boolean;
  face: boolean;
}

export interface Scene {
  figures: readonly Figure[];
  camera: Camera;
  options: BakeOptions;
}

export const CAMERA: Camera = { yaw: 0, pitch: 4, distance: 4.2, fov: 30, height: 0.92, x: 0 };
export const BAKE: BakeOptions = { floor: true, backdrop: 3, hideOccluded: true, hands: false, face: false };
export const MAX_FIGURES = 12;

const RELAXED_HAND = [0.15, 0.25, 0.25, 0.28, 0.3];

export function new_figure(id: number, values: Partial<Figure> = {}): Figure {
  return {
    id, name: "", x: 0, z: 0, lift: 0, yaw: 0, height: 1.72, build: 1, angles: preset_of("stand").angles,
    curl: { left: RELAXED_HAND, right: RELAXED_HAND }, hidden: false, ...values,
  };
}

export function new_scene(): Scene {
  return { figures: [new_figure(1)], camera: CAMERA, options: BAKE };
}

export function figure_of(scene: Scene, id: number | null): Figure | undefined {
  return scene.figures.find((figure) => figure.id === id);
}

export function with_figure(scene: Scene, id: number, change: Partial<Figure>): Scene {
  return { ...scene, figures: scene.figures.map((figure) => (figure.id === id ? { ...figure, ...change } : figure)) };
}

export function with_angles(scene: Scene, id: number, joint: RigJoint, angles: Vec3): Scene {
  const figure = figure_of(scene, id);
  return figure ? with_figure(scene, id, { angles: { ...figure.angles, [joint]: angles } }) : scene;
}

// Gives a figure the angles of a pose; it stays where it stands and looks where it looked.
export function posed(scene: Scene, id: number, preset: string): Scene {
  const { angles, lift } = preset_of(preset);
  return with_figure(scene, id, { angles, lift });
}

// Another figure, beside those who are there. Null when there are too many.
export function with_another(scene: Scene, preset: string, copy?: Figure): { scene: Scene; id: number } | null {
  if (scene.figures.length >= MAX_FIGURES) return null;
  const id = scene.figures.reduce((largest, figure) => Math.max(largest, figure.id), 0) + 1;
  const xs = scene.figures.map((figure) => figure.x);
  const right = xs.length > 0 ? Math.max(...xs) + 0.75 : 0;
  const left = xs.length > 0 ? Math.min(...xs) - 0.75 : 0;
  const x = Math.abs(left) < Math.abs(right) ? left : right;
  const { angles, lift, yaw } = preset_of(preset);
  const figure = copy ? { ...copy, id, x, name: "" } : new_figure(id, { x, angles, lift, yaw });
  return { scene: { ...scene, figures: [...scene.figures, figure] }, id };
}

export function without_figure(scene: Scene, id: number): Scene {
  return { ...scene, figures: scene.figures.filter((figure) => figure.id !== id) };
}

export function with_camera(scene: Scene, change: Partial<Camera>): Scene {
  return { ...scene, camera: bounded({ ...scene.camera, ...change }) };
}

function bounded(camera: Camera): Camera {
  const cut = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));
  return {
    yaw: ((((camera.yaw + 180) % 360) + 360) % 360) - 180,
    pitch: cut(camera.pitch, -60, 89),
    distance: cut(camera.distance, 0.5, 20),
    fov: cut(camera.fov, 8, 110),
    height: cut(camera.height, -1, 5),
    x: cut(camera.x, -6, 6),
  };
}

const radians = (degrees: number) => (degrees * Math.PI) / 180;

export function camera_place(camera: Camera): { eye: Vec3; target: Vec3 } {
  const { x, height, distance } = camera;
  const flat = Math.cos(radians(camera.pitch)) * distance;
  const target: Vec3 = [x, height, 0];
  return {
    target,
    eye: [
      x + Math.sin(radians(camera.yaw)) * flat,
      height + Math.sin(radians(camera.pitch)) * distance,
      Math.cos(radians(camera.yaw)) * flat,
    ],
  };
}

// Height of the pelvis that puts the lowest part of a figure on the ground (or `lift` above it).
export function pelvis_height(figure: Figure): number {
  return figure.lift - lowest(figure.angles) * figure_scale(figure);
}

export function figure_scale(figure: Figure): number {
  return figure.height / REST_HEIGHT;
}

export function figure_turn(figure: Figure) {
  return quaternion_of([0, figure.yaw, 0]);
}

// --- out of storage ---

const is_object = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const number_or = (value: unknown, otherwise: number) => (typeof value === "number" && Number.isFinite(value) ? value : otherwise);

function read_angles(value: unknown): Angles {
  const angles: Partial<Record<RigJoint, Vec3>> = {};
  if (!is_object(value)) return angles;
  for (const joint of RIG_JOINTS) {
    const triple = value[joint];
    if (Array.isArray(triple) && triple.length === 3) angles[joint] = [0, 1, 2].map((i) => number_or(triple[i], 0)) as unknown as Vec3;
  }
  return angles;
}

function read_bends(value: unknown): readonly number[] {
  return Array.isArray(value) && value.length === 5 ? value.map((bend) => number_or(bend, 0)) : RELAXED_HAND;
}

function read_figure(value: unknown, id: number): Figure {
  const v = is_object(value) ? value : {};
  const curl = is_object(v["curl"]) ? v["curl"] : {};
  return new_figure(id, {
    name: typeof v["name"] === "string" ? v["name"] : "",
    x: number_or(v["x"], 0), z: number_or(v["z"], 0), lift: number_or(v["lift"], 0), yaw: number_or(v["yaw"], 0),
    height: number_or(v["height"], 1.72), build: number_or(v["build"], 1), angles: read_angles(v["angles"]),
    curl: { left: read_bends(curl["left"]), right: read_bends(curl["right"]) }, hidden: v["hidden"] === true,
  });
}

function filled<T extends object>(defaults: T, value: unknown): T {
  const given = is_object(value) ? value : {};
  const pairs = Object.entries(defaults).map(([name, fallback]) => [name, typeof given[name] === typeof fallback ? given[name] : fallback]);
  return Object.fromEntries(pairs) as T;
}

export function read_scene(value: unknown): Scene | null {
  if (!is_object(value) || !Array.isArray(value["figures"])) return null;
  const figures = value["figures"].slice(0, MAX_FIGURES).map((figure, i) => read_figure(figure, i + 1));
  return { figures, camera: bounded(filled(CAMERA, value["camera"])), options: filled(BAKE, value["options"]) };
}
