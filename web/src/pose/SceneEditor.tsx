// SPDX-License-Identifier: Apache-2.0
// The 3D mode. This file and what only it imports is a chunk of its own, fetched when the mode is first opened.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import move_3d from "lucide-static/icons/move-3d.svg?raw";
import rotate_3d from "lucide-static/icons/rotate-3d.svg?raw";
import type { OpenPoseJson } from "../api/types.ts";
import { IconButton } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { BakedScene } from "../layers/editor.ts";
import { BakePanel } from "./BakePanel.tsx";
import type { Scene } from "./scene.ts";
import { chosen_figure, new_scene_model, redo_scene, undo_scene, type SceneModel } from "./scene_model.ts";
import { rig_joint_name, ScenePanel } from "./ScenePanel.tsx";
import { SceneStage } from "./SceneStage.tsx";
import type { SceneView } from "./scene_view.ts";

export interface SceneEditorProps {
  scene: Scene;
  size: { width: number; height: number };
  modes: ComponentChildren; // the switch between flat and space
  onScene(scene: Scene): void; // after each finished step
  onBake(scene: BakedScene): void;
  onPose(pose: OpenPoseJson): void; // to be edited flat
}

function Bar({ model }: { model: SceneModel }) {
  const { past, future } = model.history.value;
  const gizmo = model.gizmo.value;
  return (
    <>
      <div class="pose-group" role="group" aria-label={t("pose.tools")}>
        <IconButton svg={rotate_3d} label={t("pose.rotate_joints")} pressed={gizmo === "rotate"} onClick={() => (model.gizmo.value = "rotate")} />
        <IconButton svg={move_3d} label={t("pose.move_figure")} pressed={gizmo === "move"} onClick={() => (model.gizmo.value = "move")} />
      </div>
      <div class="pose-group" role="group" aria-label={t("pose.steps")}>
        <IconButton icon="undo-2" label={t("pose.undo")} shortcut="Ctrl+Z" disabled={past.length === 0} onClick={() => undo_scene(model)} />
        <IconButton icon="redo-2" label={t("pose.redo")} shortcut="Shift+Ctrl+Z" disabled={future.length === 0} onClick={() => redo_scene(model)} />
      </div>
    </>
  );
}

export function SceneEditor({ scene, size, modes, onScene, onBake, onPose }: SceneEditorProps) {
  const model = useMemo(() => new_scene_model(scene), []);
  const [view, setView] = useState<SceneView | null>(null);
  const report = useRef(onScene);
  report.current = onScene;
  useEffect(() => {
    let first = true;
    return model.history.subscribe(({ present }) => {
      if (!first) report.current(present);
      first = false;
    });
  }, [model]);
  const figure = chosen_figure(model);
  const joint = model.chosen.value.joint;
  return (
    <>
      <div class="pose-bar" role="group" aria-label={t("pose.tools")}>
        {modes}
        <Bar model={model} />
      </div>
      <div class="pose-main">
        <div class="pose-centre">
          <SceneStage model={model} size={size} onView={setView} />
          <div class="pose-status">
            <span class="pose-status-joint">{figure && joint ? rig_joint_name(joint) : ""}</span>
            <span class="pose-status-hint">{t("pose.scene_hints")}</span>
          </div>
        </div>
        <div class="pose-panel pose-panel-parted">
          <div class="pose-panel-scroll">
            <ScenePanel model={model} />
          </div>
          <BakePanel model={model} view={view} size={size} onBake={onBake} onPose={onPose} />
        </div>
      </div>
    </>
  );
}
