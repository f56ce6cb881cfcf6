// SPDX-License-Identifier: Apache-2.0
// The panel of the 3D mode: figures, joints, camera. Everything that the mouse can do in the window can be done here.
import { useState } from "preact/hooks";
import { Button, IconButton, names, Segmented, Select, Slider, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { PresetGrid } from "./PresetGrid.tsx";
import { RIG_JOINTS, type RigJoint, type Vec3 } from "./rig.ts";
import { CAMERA, with_figure, type Camera, type Figure } from "./scene.ts";
import {
  add_figure, change_figure, choose, chosen_figure, move_camera, pose_figure, remove_figure, set_scene, turn_joint,
  type SceneModel,
} from "./scene_model.ts";

// "shoulderL": pose.rig_shoulder_l
export function rig_joint_name(joint: RigJoint): string {
  return t(`pose.rig_${joint.replace(/[LR]$/, (side) => `_${side.toLowerCase()}`)}`);
}

function figure_name(figure: Figure): string {
  return figure.name || t("pose.figure", { number: figure.id });
}

function too_many(): void {
  toast({ kind: "warn", title: t("pose.too_many_figures") });
}

function Figures({ model }: { model: SceneModel }) {
  const scene = model.scene.value;
  if (scene.figures.length === 0) return <p class="pose-note">{t("pose.no_figures")}</p>;
  return (
    <ul class="pose-people" aria-label={t("pose.figures")}>
      {scene.figures.map((figure) => {
        const name = figure_name(figure);
        const active = model.chosen.value.figure === figure.id;
        return (
          <li key={figure.id} class={names("pose-row", active && "pose-row-active", figure.hidden && "pose-row-hidden")}>
            <IconButton small icon={figure.hidden ? "eye-off" : "eye"} label={t(figure.hidden ? "pose.show" : "pose.hide", { name })} pressed={figure.hidden}
              onClick={() => set_scene(model, with_figure(scene, figure.id, { hidden: !figure.hidden }))} />
            <button type="button" class="pose-row-name" aria-current={active || undefined} onClick={() => choose(model, figure.id)}>{name}</button>
            <IconButton small icon="copy" class="pose-row-quiet" label={t("pose.duplicate_name", { name })} onClick={() => add_figure(model, "stand", figure) || too_many()} />
            <IconButton small icon="trash-2" class="pose-row-quiet" label={t("pose.delete_name", { name })} onClick={() => remove_figure(model, figure.id)} />
          </li>
        );
      })}
    </ul>
  );
}

const AXES = [["pose.axis_bend", 0], ["pose.axis_twist", 1], ["pose.axis_side", 2]] as const;

function JointSliders({ model, figure }: { model: SceneModel; figure: Figure }) {
  const joint = model.chosen.value.joint;
  const angles: Vec3 = (joint && figure.angles[joint]) || [0, 0, 0];
  const set = (axis: 0 | 1 | 2, value: number) => {
    const next: [number, number, number] = [...angles];
    next[axis] = value;
    if (joint) turn_joint(model, joint, next);
  };
  return (
    <>
      <Select label={t("pose.joint")} value={joint ?? ""} onChange={(value) => choose(model, figure.id, (value || null) as RigJoint | null)}
        options={[{ value: "", label: t("pose.no_joint") }, ...RIG_JOINTS.map((name) => ({ value: name, label: rig_joint_name(name) }))]} />
      {joint && AXES.map(([key, axis]) => (
        <Slider key={key} label={t(key)} value={Math.round(angles[axis])} min={axis === 2 ? -90 : -180} max={axis === 2 ? 90 : 180} initial={0} suffix="°"
          onChange={(value) => set(axis, value)} />
      ))}
      {joint && <Button small kind="quiet" icon="rotate-ccw" onClick={() => turn_joint(model, joint, [0, 0, 0])}>{t("pose.straighten")}</Button>}
    </>
  );
}

function FigureSliders({ model, figure }: { model: SceneModel; figure: Figure }) {
  const curls = (side: "left" | "right") => Math.round((figure.curl[side].reduce((sum, bend) => sum + bend, 0) / 5) * 100);
  const curl = (side: "left" | "right", percent: number) =>
    change_figure(model, { curl: { ...figure.curl, [side]: Array.from({ length: 5 }, () => percent / 100) } });
  const metres = (key: string, name: "x" | "z" | "lift", min: number, max: number) => (
    <Slider label={t(key)} value={Math.round(figure[name] * 100) / 100} min={min} max={max} step={0.01} initial={0} suffix="m" onChange={(value) => change_figure(model, { [name]: value })} />
  );
  return (
    <>
      <Slider label={t("pose.turn")} value={Math.round(figure.yaw)} min={-180} max={180} initial={0} suffix="°" onChange={(yaw) => change_figure(model, { yaw })} />
      {metres("pose.place_x", "x", -4, 4)}
      {metres("pose.place_z", "z", -6, 3)}
      {metres("pose.lift", "lift", 0, 2)}
      <Slider label={t("pose.body_height")} value={Math.round(figure.height * 100) / 100} min={0.6} max={2.4} step={0.01} initial={1.72} suffix="m" onChange={(height) => change_figure(model, { height })} />
      <Slider label={t("pose.build")} value={Math.round(figure.build * 100)} min={70} max={160} initial={100} suffix="%" onChange={(build) => change_figure(model, { build: build / 100 })} />
      <Slider label={t("pose.curl_left")} value={curls("left")} min={0} max={100} suffix="%" onChange={(value) => curl("left", value)} />
      <Slider label={t("pose.curl_right")} value={curls("right")} min={0} max={100} suffix="%" onChange={(value) => curl("right", value)} />
    </>
  );
}

const VIEWS: readonly { key: string; change: Partial<Camera> }[] = [
  { key: "pose.view_front", change: { yaw: 0, pitch: 4 } },
  { key: "pose.view_quarter", change: { yaw: 40, pitch: 8 } },
  { key: "pose.view_side", change: { yaw: 90, pitch: 4 } },
  { key: "pose.view_back", change: { yaw: 180, pitch: 4 } },
  { key: "pose.view_low", change: { yaw: 20, pitch: -16 } },
  { key: "pose.view_high", change: { yaw: 25, pitch: 48 } },
];

function CameraSliders({ model }: { model: SceneModel }) {
  const { camera } = model.scene.value;
  const set = (change: Partial<Camera>) => move_camera(model, change);
  // A wider lens goes nearer, so that the figures stay as large as they are.
  const lens = (fov: number) => {
    const half = (degrees: number) => Math.tan((degrees * Math.PI) / 360);
    set({ fov, distance: (camera.distance * half(camera.fov)) / half(fov) });
  };
  return (
    <>
      <div class="pose-views" role="group" aria-label={t("pose.views")}>
        {VIEWS.map(({ key, change }) => <Button key={key} small onClick={() => set(change)}>{t(key)}</Button>)}
      </div>
      <Slider label={t("pose.fov")} help={t("pose.fov_help")} value={Math.round(camera.fov)} min={8} max={110} initial={CAMERA.fov} suffix="°" onChange={lens} />
      <Slider label={t("pose.distance")} value={Math.round(camera.distance * 100) / 100} min={0.5} max={20} step={0.05} suffix="m" onChange={(distance) => set({ distance })} />
      <Slider label={t("pose.camera_height")} value={Math.round(camera.height * 100) / 100} min={-1} max={3} step={0.01} initial={CAMERA.height} suffix="m" onChange={(height) => set({ height })} />
      <Slider label={t("pose.orbit")} value={Math.round(camera.yaw)} min={-180} max={180} initial={0} suffix="°" onChange={(yaw) => set({ yaw })} />
      <Slider label={t("pose.tilt")} value={Math.round(camera.pitch)} min={-60} max={89} initial={CAMERA.pitch} suffix="°" onChange={(pitch) => set({ pitch })} />
    </>
  );
}

type Page = "pose" | "figure" | "camera";

export function ScenePanel({ model }: { model: SceneModel }) {
  const [purpose, setPurpose] = useState("change");
  const [page, setPage] = useState("pose");
  const figure = chosen_figure(model);
  const changing = purpose === "change" && figure !== undefined;
  const pages: { value: Page; label: string }[] = [
    { value: "pose", label: t("pose.page_pose") }, { value: "figure", label: t("pose.page_figure") }, { value: "camera", label: t("pose.page_camera") },
  ];
  return (
    <>
      <section class="pose-section">
        <h3 class="pose-heading">{t("pose.figures")}</h3>
        <Figures model={model} />
      </section>
      <section class="pose-section">
        <Segmented label={t("pose.page")} hideLabel value={page} options={pages} onChange={setPage} />
        {page === "pose" && figure && <JointSliders model={model} figure={figure} />}
        {page === "figure" && figure && <FigureSliders model={model} figure={figure} />}
        {page === "camera" && <CameraSliders model={model} />}
      </section>
      <section class="pose-section">
        <Segmented label={t("pose.poses")} hideLabel value={changing ? "change" : "add"} onChange={setPurpose}
          options={[{ value: "add", label: t("pose.add_figure") }, { value: "change", label: t("pose.change_pose") }]} />
        <PresetGrid label={t("pose.poses")} onPick={(id) => (changing ? pose_figure(model, id) : add_figure(model, id)) || too_many()} />
      </section>
    </>
  );
}
