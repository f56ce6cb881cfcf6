// SPDX-License-Identifier: Apache-2.0
// The state of the 3D mode: the scene with undo, and what is chosen in it.
import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { new_history, redone, stepped, undone, type History } from "./history.ts";
import type { RigJoint, Vec3 } from "./rig.ts";
import { figure_of, posed, with_angles, with_another, with_camera, with_figure, without_figure, type Camera, type Figure, type Scene } from "./scene.ts";
import type { Chosen, GizmoMode } from "./scene_view.ts";

export interface SceneModel {
  history: Signal<History<Scene>>;
  live: Signal<Scene | null>;
  scene: ReadonlySignal<Scene>;
  chosen: Signal<Chosen>;
  gizmo: Signal<GizmoMode>;
}

export function new_scene_model(scene: Scene): SceneModel {
  const history = signal(new_history(scene));
  const live = signal<Scene | null>(null);
  return {
    history, live,
    scene: computed(() => live.value ?? history.value.present),
    chosen: signal<Chosen>({ figure: scene.figures[0]?.id ?? null, joint: null }),
    gizmo: signal<GizmoMode>("rotate"),
  };
}

export function set_scene(model: SceneModel, next: Scene, tag = ""): void {
  model.live.value = null;
  model.history.value = stepped(model.history.value, next, tag);
  keep_chosen(model);
}

function keep_chosen(model: SceneModel): void {
  const { figures } = model.history.value.present;
  if (!figures.some((figure) => figure.id === model.chosen.value.figure))
    model.chosen.value = { figure: figures.at(-1)?.id ?? null, joint: null };
}

export function undo_scene(model: SceneModel): void {
  model.live.value = null;
  model.history.value = undone(model.history.value);
  keep_chosen(model);
}

export function redo_scene(model: SceneModel): void {
  model.live.value = null;
  model.history.value = redone(model.history.value);
  keep_chosen(model);
}

export function chosen_figure(model: SceneModel): Figure | undefined {
  return figure_of(model.scene.value, model.chosen.value.figure);
}

export function choose(model: SceneModel, figure: number | null, joint: RigJoint | null = null): void {
  model.chosen.value = { figure, joint };
  if (joint) model.gizmo.value = "rotate";
}

export function turn_joint(model: SceneModel, joint: RigJoint, angles: Vec3): void {
  const id = model.chosen.value.figure;
  if (id !== null) set_scene(model, with_angles(model.scene.value, id, joint, angles), `turn ${id} ${joint}`);
}

export function change_figure(model: SceneModel, change: Partial<Figure>): void {
  const id = model.chosen.value.figure;
  if (id !== null) set_scene(model, with_figure(model.scene.value, id, change), `figure ${id} ${Object.keys(change).join()}`);
}

// Looking around is a step of its own kind, so that one undo brings the old view back.
export function move_camera(model: SceneModel, change: Partial<Camera>): void {
  set_scene(model, with_camera(model.scene.value, change), "camera");
}

// False when there are too many figures.
export function add_figure(model: SceneModel, preset: string, copy?: Figure): boolean {
  const result = with_another(model.scene.value, preset, copy);
  if (!result) return false;
  set_scene(model, result.scene);
  choose(model, result.id);
  return true;
}

export function pose_figure(model: SceneModel, preset: string): boolean {
  const id = model.chosen.value.figure;
  if (id === null) return add_figure(model, preset);
  set_scene(model, posed(model.scene.value, id, preset));
  return true;
}

export function remove_figure(model: SceneModel, id: number): void {
  set_scene(model, without_figure(model.scene.value, id));
}
