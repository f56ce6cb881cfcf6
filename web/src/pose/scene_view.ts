// SPDX-License-Identifier: Apache-2.0
// The window of the 3D mode: draws the scene, lets joints be chosen and turned, and sees it as numbers for the maps.
import {
  AmbientLight, Color, DirectionalLight, GridHelper, HemisphereLight, Mesh, MeshBasicMaterial, MeshStandardMaterial, PerspectiveCamera,
  PlaneGeometry, Raycaster, Scene as ThreeScene, SphereGeometry, Vector2, Vector3, WebGLRenderer, type Object3D,
} from "three";
import { TransformControls } from "three/addons/controls/TransformControls.js";
import { angles_of, RIG_JOINTS, type RigJoint } from "./rig.ts";
import { dispose_baker, new_baker, see, type Baker, type BakedMesh } from "./scene_bake.ts";
import { dispose_mannequin, new_mannequin, place_mannequin, type Mannequin } from "./scene_figures.ts";
import { FIRST_FIGURE, FLOOR, type Seen } from "./scene_maps.ts";
import { camera_place, figure_of, pelvis_height, with_angles, with_figure, type Camera, type Scene } from "./scene.ts";

// What is baked lies on this layer too; helpers are on layer 0 only.
const BAKED = 1;
const SKIN = [0xc9b8a8, 0xa9b6c6, 0xb9c2a4, 0xc7a9b4, 0xbab0cb, 0xa7c0bb];

export interface Chosen {
  figure: number | null;
  joint: RigJoint | null;
}
export type GizmoMode = "rotate" | "move";

export interface SceneViewEvents {
  onChoose(chosen: Chosen): void;
  onEdit(scene: Scene, finished: boolean): void; // by the gizmo
}

export interface SceneView {
  element: HTMLCanvasElement;
  update(scene: Scene, chosen: Chosen, mode: GizmoMode): void;
  resize(width: number, height: number): void;
  pick(x: number, y: number): Chosen | null; // -1..1 of the window, y up
  hover(x: number, y: number): boolean; // true over something that can be chosen
  busy(): boolean; // the gizmo is being dragged or under the pointer
  see(scene: Scene, width: number, height: number): Seen;
  dispose(): void;
}

interface State {
  renderer: WebGLRenderer;
  three: ThreeScene;
  camera: PerspectiveCamera;
  gizmo: TransformControls;
  mannequins: Map<number, Mannequin>;
  dots: Map<RigJoint, Mesh>;
  floor: Mesh;
  baker: Baker;
  scene: Scene;
  chosen: Chosen;
  mode: GizmoMode;
  frame: number;
}

function lights(three: ThreeScene): void {
  const key = new DirectionalLight(0xffffff, 2.1);
  key.position.set(2.5, 4, 4);
  const rim = new DirectionalLight(0xbfd0ff, 0.9);
  rim.position.set(-3, 2.5, -3);
  three.add(key, rim, new HemisphereLight(0xffffff, 0x4a4550, 0.9), new AmbientLight(0xffffff, 0.15));
}

function new_state(): State {
  const renderer = new WebGLRenderer({ antialias: true, powerPreference: "high-performance" });
  renderer.setPixelRatio(Math.min(2, globalThis.devicePixelRatio || 1));
  const three = new ThreeScene();
  three.background = new Color(0x1b1c21);
  lights(three);
  three.add(new GridHelper(7, 14, 0x565966, 0x363842));
  const camera = new PerspectiveCamera(30, 1, 0.05, 200);
  const floor = new Mesh(new PlaneGeometry(60, 60).rotateX(-Math.PI / 2), new MeshBasicMaterial());
  floor.layers.set(BAKED);
  three.add(floor);
  const gizmo = new TransformControls(camera, renderer.domElement);
  gizmo.setSpace("local");
  gizmo.setSize(0.7);
  three.add(gizmo.getHelper());
  return {
    renderer, three, camera, gizmo, mannequins: new Map(), dots: new_dots(three), floor, baker: new_baker(renderer),
    scene: { figures: [], camera: {} as Camera, options: {} as Scene["options"] }, chosen: { figure: null, joint: null },
    mode: "rotate", frame: 0,
  };
}

// One dot for each joint of the chosen figure, seen through its body.
function new_dots(three: ThreeScene): Map<RigJoint, Mesh> {
  const geometry = new SphereGeometry(0.017, 16, 12);
  const dots = new Map<RigJoint, Mesh>();
  for (const joint of RIG_JOINTS) {
    const dot = new Mesh(geometry, new MeshBasicMaterial({ depthTest: false, transparent: true, opacity: 0.9 }));
    dot.renderOrder = 10;
    dot.userData["joint"] = joint;
    dots.set(joint, dot);
    three.add(dot);
  }
  return dots;
}

function draw_soon(state: State): void {
  if (state.frame) return;
  state.frame = requestAnimationFrame(() => {
    state.frame = 0;
    state.renderer.render(state.three, state.camera);
  });
}

function place_camera(state: State): void {
  const { eye, target } = camera_place(state.scene.camera);
  state.camera.fov = state.scene.camera.fov;
  state.camera.position.set(...eye);
  state.camera.lookAt(new Vector3(...target));
  state.camera.updateProjectionMatrix();
  state.camera.updateMatrixWorld();
}

function sync_mannequins(state: State): void {
  const wanted = new Set(state.scene.figures.map((figure) => figure.id));
  for (const [id, mannequin] of state.mannequins) {
    if (wanted.has(id)) continue;
    dispose_mannequin(mannequin);
    state.mannequins.delete(id);
  }
  state.scene.figures.forEach((figure) => {
    let mannequin = state.mannequins.get(figure.id);
    if (!mannequin) {
      const material = new MeshStandardMaterial({ color: SKIN[(figure.id - 1) % SKIN.length]!, roughness: 0.75 });
      mannequin = new_mannequin(figure.id, material);
      for (const mesh of mannequin.meshes) mesh.layers.enable(BAKED);
      state.three.add(mannequin.root);
      state.mannequins.set(figure.id, mannequin);
    }
    place_mannequin(mannequin, figure);
  });
  state.three.updateMatrixWorld();
}

function sync_dots(state: State): void {
  const { figure: id, joint: chosen } = state.chosen;
  const mannequin = id === null ? undefined : state.mannequins.get(id);
  for (const [joint, dot] of state.dots) {
    dot.visible = mannequin !== undefined && mannequin.root.visible;
    if (!mannequin) continue;
    mannequin.joints[joint].getWorldPosition(dot.position);
    dot.scale.setScalar(joint === chosen ? 1.5 : 1);
    (dot.material as MeshBasicMaterial).color.set(joint === chosen ? 0xffd166 : 0x98a2ff);
  }
}

function sync_gizmo(state: State): void {
  const { figure: id, joint } = state.chosen;
  const mannequin = id === null ? undefined : state.mannequins.get(id);
  const object: Object3D | undefined = mannequin && (state.mode === "move" ? mannequin.root : joint ? mannequin.joints[joint] : undefined);
  if (!object || !mannequin?.root.visible) state.gizmo.detach();
  else if (state.gizmo.object !== object) state.gizmo.attach(object);
  state.gizmo.setMode(state.mode === "move" ? "translate" : "rotate");
  state.gizmo.setSpace(state.mode === "move" ? "world" : "local");
}

// The scene after the gizmo has moved its object.
function edited(state: State): Scene {
  const { figure: id, joint } = state.chosen;
  const mannequin = id === null ? undefined : state.mannequins.get(id);
  const figure = figure_of(state.scene, id);
  if (!mannequin || !figure) return state.scene;
  if (state.mode === "move") {
    const { x, y, z } = mannequin.root.position;
    const lift = Math.max(0, figure.lift + y - pelvis_height(figure));
    return with_figure(state.scene, figure.id, { x, z, lift });
  }
  if (!joint) return state.scene;
  const { x, y, z, w } = mannequin.joints[joint].quaternion;
  return with_angles(state.scene, figure.id, joint, angles_of([x, y, z, w]));
}

function ray(state: State, x: number, y: number): Raycaster {
  const raycaster = new Raycaster();
  raycaster.setFromCamera(new Vector2(x, y), state.camera);
  return raycaster;
}

// Joints are chosen by their distance on the screen, so that small dots are easy to hit.
function joint_at(state: State, x: number, y: number): RigJoint | null {
  const size = state.renderer.getSize(new Vector2());
  let best: RigJoint | null = null;
  let least = 15; // pixels
  for (const [joint, dot] of state.dots) {
    if (!dot.visible) continue;
    const place = dot.position.clone().project(state.camera);
    const away = Math.hypot(((place.x - x) * size.x) / 2, ((place.y - y) * size.y) / 2);
    if (place.z < 1 && away < least) {
      least = away;
      best = joint;
    }
  }
  return best;
}

function pick(state: State, x: number, y: number): Chosen | null {
  const joint = joint_at(state, x, y);
  if (joint) return { figure: state.chosen.figure, joint };
  const meshes = [...state.mannequins.values()].filter((m) => m.root.visible).flatMap((m) => m.meshes);
  const hit = ray(state, x, y).intersectObjects(meshes, false)[0];
  if (!hit) return null;
  const figure = hit.object.userData["figure"] as number;
  const on = hit.object.parent?.name as RigJoint | undefined;
  return { figure, joint: on ?? null };
}

function baked_meshes(state: State): BakedMesh[] {
  const all: BakedMesh[] = [{ mesh: state.floor, owner: FLOOR, part: 0 }];
  state.scene.figures.forEach((figure, i) => {
    for (const mesh of state.mannequins.get(figure.id)?.meshes ?? [])
      all.push({ mesh, owner: FIRST_FIGURE + i, part: mesh.userData["part"] as number });
  });
  return all;
}

// From the same place, with the aspect of the picture.
function see_scene(state: State, width: number, height: number): Seen {
  const camera = state.camera.clone();
  camera.aspect = width / height;
  camera.updateProjectionMatrix();
  camera.layers.set(BAKED);
  state.floor.visible = state.scene.options.floor;
  return see(state.baker, state.three, camera, baked_meshes(state), width, height);
}

// Throws where the browser has no WebGL.
export function new_scene_view(events: SceneViewEvents): SceneView {
  const state = new_state();
  const { gizmo } = state;
  gizmo.addEventListener("change", () => draw_soon(state));
  gizmo.addEventListener("objectChange", () => events.onEdit(edited(state), false));
  gizmo.addEventListener("mouseUp", () => events.onEdit(edited(state), true));
  return {
    element: state.renderer.domElement,
    update(scene, chosen, mode) {
      Object.assign(state, { scene, chosen, mode });
      place_camera(state);
      sync_mannequins(state);
      sync_dots(state);
      sync_gizmo(state);
      draw_soon(state);
    },
    resize(width, height) {
      state.renderer.setSize(width, height, false);
      state.camera.aspect = width / height;
      state.camera.updateProjectionMatrix();
      state.renderer.render(state.three, state.camera);
    },
    pick: (x, y) => pick(state, x, y),
    hover: (x, y) => joint_at(state, x, y) !== null,
    busy: () => gizmo.dragging || gizmo.axis !== null,
    see(scene, width, height) {
      state.scene = scene;
      place_camera(state);
      sync_mannequins(state);
      const seen = see_scene(state, width, height);
      draw_soon(state);
      return seen;
    },
    dispose() {
      cancelAnimationFrame(state.frame);
      gizmo.dispose();
      for (const mannequin of state.mannequins.values()) dispose_mannequin(mannequin);
      dispose_baker(state.baker);
      state.renderer.dispose();
    },
  };
}
