// SPDX-License-Identifier: Apache-2.0
// The window of the 3D mode in the page: choosing, orbiting, keys. What it shows is exactly what is baked.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { RIG_JOINTS } from "./rig.ts";
import { camera_place } from "./scene.ts";
import { choose, move_camera, redo_scene, remove_figure, set_scene, undo_scene, type SceneModel } from "./scene_model.ts";
import { new_scene_view, type SceneView } from "./scene_view.ts";

interface SceneStageProps {
  model: SceneModel;
  size: { width: number; height: number };
  onView(view: SceneView | null): void;
}

interface Press {
  x: number;
  y: number;
  moved: boolean;
  pan: boolean;
  camera: SceneModel["scene"]["value"]["camera"];
}

function in_window(event: PointerEvent, element: Element): { x: number; y: number } {
  const box = element.getBoundingClientRect();
  return { x: ((event.clientX - box.left) / box.width) * 2 - 1, y: 1 - ((event.clientY - box.top) / box.height) * 2 };
}

function turn(model: SceneModel, press: Press, dx: number, dy: number, height: number): void {
  const { camera } = press;
  if (!press.pan) return move_camera(model, { yaw: camera.yaw - dx * 0.4, pitch: camera.pitch + dy * 0.3 });
  // So that what is under the pointer stays there, as far as the distance of the target goes.
  const metres = (2 * camera.distance * Math.tan((camera.fov * Math.PI) / 360)) / Math.max(1, height);
  move_camera(model, { x: camera.x - dx * metres * Math.cos((camera.yaw * Math.PI) / 180), height: camera.height + dy * metres });
}

const ORBIT: Record<string, readonly [number, number]> = {
  ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 4], ArrowDown: [0, -4],
};

function next_joint(model: SceneModel, by: number): void {
  const { figure, joint } = model.chosen.value;
  const at = joint ? RIG_JOINTS.indexOf(joint) : -1;
  choose(model, figure, RIG_JOINTS[(at + by + RIG_JOINTS.length) % RIG_JOINTS.length]!);
}

// True where the key was one of ours.
function press_key(model: SceneModel, event: KeyboardEvent): boolean {
  const camera = model.scene.value.camera;
  const orbit = ORBIT[event.key];
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    if (key === "z") event.shiftKey ? redo_scene(model) : undo_scene(model);
    else if (key === "y") redo_scene(model);
    else return false;
  } else if (event.altKey) return false;
  else if (orbit) move_camera(model, { yaw: camera.yaw + orbit[0], pitch: camera.pitch + orbit[1] });
  else if (event.key === "+" || event.key === "=") move_camera(model, { distance: camera.distance / 1.1 });
  else if (event.key === "-") move_camera(model, { distance: camera.distance * 1.1 });
  else if (event.key === "]") next_joint(model, 1);
  else if (event.key === "[") next_joint(model, -1);
  else if (event.key === "Escape" && model.chosen.value.joint) choose(model, model.chosen.value.figure);
  else if (event.key === "Delete" && model.chosen.value.figure !== null) remove_figure(model, model.chosen.value.figure);
  else return false;
  return true;
}

// The largest box of the picture's shape that fits into the window.
function use_fitted(size: { width: number; height: number }) {
  const room = useRef<HTMLDivElement>(null);
  const [fitted, setFitted] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = room.current!;
    const measure = () => {
      const scale = Math.min((element.clientWidth - 32) / size.width, (element.clientHeight - 32) / size.height);
      if (scale > 0) setFitted({ width: Math.floor(size.width * scale), height: Math.floor(size.height * scale) });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [size.width, size.height]);
  return { room, fitted };
}

export function SceneStage({ model, size, onView }: SceneStageProps) {
  const { room, fitted } = use_fitted(size);
  const holder = useRef<HTMLDivElement>(null);
  const view = useRef<SceneView | null>(null);
  const press = useRef<Press | null>(null);
  const [broken, setBroken] = useState(false);

  useEffect(() => {
    try {
      view.current = new_scene_view({
        onChoose: (chosen) => (model.chosen.value = chosen),
        onEdit: (scene, finished) => (finished ? set_scene(model, scene) : (model.live.value = scene)),
      });
    } catch {
      setBroken(true);
      return undefined;
    }
    holder.current!.append(view.current.element);
    onView(view.current);
    return () => {
      view.current?.element.remove();
      view.current?.dispose();
      view.current = null;
      onView(null);
    };
  }, [model]);
  useSignalEffect(() => view.current?.update(model.scene.value, model.chosen.value, model.gizmo.value));
  useEffect(() => {
    if (fitted.width === 0) return;
    view.current?.resize(fitted.width, fitted.height);
    view.current?.update(model.scene.value, model.chosen.value, model.gizmo.value);
  }, [fitted.width, fitted.height, model]);
  useEffect(() => {
    const element = holder.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { distance } = model.scene.value.camera;
      move_camera(model, { distance: distance * Math.exp(event.deltaY * (event.deltaMode === 1 ? 0.03 : 0.0012)) });
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [model]);

  const down = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    event.currentTarget.focus({ preventScroll: true });
    if (view.current?.busy() || event.button > 2) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    press.current = { x: event.clientX, y: event.clientY, moved: false, pan: event.button !== 0 || event.shiftKey, camera: model.scene.value.camera };
  };
  const move = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const now = press.current;
    if (!now) {
      const at = in_window(event, event.currentTarget);
      event.currentTarget.style.cursor = view.current?.hover(at.x, at.y) ? "pointer" : "";
      return;
    }
    const [dx, dy] = [event.clientX - now.x, event.clientY - now.y];
    if (!now.moved && Math.hypot(dx, dy) < 4) return;
    now.moved = true;
    turn(model, now, dx, dy, fitted.height);
  };
  const up = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const now = press.current;
    press.current = null;
    if (!now || now.moved || now.pan) return;
    const at = in_window(event, event.currentTarget);
    const hit = view.current?.pick(at.x, at.y) ?? null;
    // Another figure is chosen first, its joints with the next press.
    if (hit) choose(model, hit.figure, hit.figure === model.chosen.value.figure ? hit.joint : null);
    else choose(model, model.chosen.value.figure);
  };
  const { eye } = camera_place(model.scene.value.camera);
  return (
    <div ref={room} class="pose-scene-room">
      <div ref={holder} class="pose-scene-window" style={{ width: `${fitted.width}px`, height: `${fitted.height}px` }} tabIndex={0}
        role="application" aria-label={t("pose.scene_label", { count: model.scene.value.figures.length })} aria-describedby="pose-scene-keys"
        data-eye={eye.map((value) => value.toFixed(2)).join(" ")}
        onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={() => (press.current = null)}
        onContextMenu={(event) => event.preventDefault()}
        onKeyDown={(event) => {
          if (!press_key(model, event)) return;
          event.preventDefault();
          event.stopPropagation();
        }}>
        {broken && <p class="pose-scene-broken" role="alert">{t("pose.no_webgl")}</p>}
      </div>
      <p id="pose-scene-keys" class="visually-hidden">{t("pose.scene_keys")}</p>
    </div>
  );
}
