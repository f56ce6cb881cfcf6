// SPDX-License-Identifier: Apache-2.0
// The pose editor: people drawn flat, or mannequins in space. The finished map is drawn by the server from what
// onChange gives; what is seen here is the layer of handles above it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { api } from "../api/client.ts";
import type { OpenPoseJson } from "../api/types.ts";
import { Button, Icon, names, Segmented, Slider, Tabs, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { BakedScene, PoseEditorProps } from "../layers/editor.ts";
import { exported, people_of_file, save_file, server_services, words_of, type ExportKind, type PoseServices } from "./files.ts";
import { new_history } from "./history.ts";
import { active_person, add_person, new_model, resize_canvas, take_people, take_pose, type Model } from "./model.ts";
import { from_openpose, to_openpose } from "./openpose.ts";
import { PeopleList } from "./PeopleList.tsx";
import { PersonPanel } from "./PersonPanel.tsx";
import { new_stage, type Stage } from "./pointer.ts";
import { PoseBar } from "./PoseBar.tsx";
import { PoseStage, shown_joint } from "./PoseStage.tsx";
import { PresetGrid } from "./PresetGrid.tsx";
import { read_saved, type Mode, type SavedPose } from "./saved.ts";
import { new_scene, type Scene } from "./scene.ts";
import type { SceneEditorProps } from "./SceneEditor.tsx";
import { empty_document, fitted_document, joint_of, person_of } from "./skeleton.ts";
import { fit } from "./view.ts";
import { joint_name, joint_sentence, person_name } from "./words.ts";
import "./pose.css";

export interface FullPoseEditorProps extends PoseEditorProps {
  services?: PoseServices; // by default those of our server
}

interface Editor {
  stage: Stage;
  model: Model;
  scene: Scene;
  mode: Mode;
}

function new_editor({ layer, size }: PoseEditorProps): Editor {
  const saved = read_saved(layer.document);
  const document = saved ? fitted_document(saved.pose, size.width, size.height) : empty_document(size.width, size.height);
  const model = new_model(document);
  if (saved) model.onion.value = saved.onion;
  return { stage: new_stage(model, fit(size)), model, scene: saved?.scene ?? new_scene(), mode: saved?.mode ?? "flat" };
}

// Everything that happens to files, with what went wrong said in a toast.
function use_files(props: FullPoseEditorProps, model: Model) {
  const [busy, setBusy] = useState(false);
  const { layer, size } = props;
  const services = props.services ?? server_services(layer);
  const guarded = async (work: () => Promise<void>) => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      toast({ kind: "error", title: t("pose.failed"), detail: words_of(error) });
    } finally {
      setBusy(false);
    }
  };
  const take = (found: ReturnType<typeof from_openpose>) => {
    const count = take_people(model, found, false);
    toast(count > 0 ? { kind: "ok", title: t("pose.taken", { count }) } : { kind: "warn", title: t("pose.none_found") });
  };
  return {
    busy,
    onDetect: () => guarded(async () => { if (layer.image) take(from_openpose(await services.detect(layer.image, size), size)); }),
    onFile: (file: File) => guarded(async () => take(await people_of_file(file, size, services))),
    onExport: (kind: ExportKind) => guarded(async () => save_file(await exported(model.document.value, kind, services), `pose.${kind}`)),
  };
}

// People that the annotator found before anything was drawn here.
function use_found_people({ layer, size }: PoseEditorProps, model: Model): void {
  useEffect(() => {
    if (!layer.pose || layer.document !== undefined) return;
    const stop = new AbortController();
    api.asset_pose(layer.pose, stop.signal)
      .then((json) => {
        const found = fitted_document(from_openpose(json, size), size.width, size.height);
        model.history.value = new_history(found);
        model.active.value = found.people.at(-1)?.id ?? null;
        model.selection.value = new Set();
      })
      .catch((error: unknown) => !stop.signal.aborted && toast({ kind: "error", title: t("pose.failed"), detail: words_of(error) }));
    return () => stop.abort();
  }, [layer.id, layer.pose, model]);
}

// Tells the frame of each finished step, not of those while something is dragged.
function use_reports(props: PoseEditorProps, editor: Editor, saved: (pose: Model["document"]["value"]) => SavedPose): void {
  const latest = useRef({ props, saved });
  latest.current = { props, saved };
  useEffect(() => {
    let first = true;
    return editor.model.history.subscribe(({ present }) => {
      if (first) {
        first = false;
        return;
      }
      const { props: now, saved: save } = latest.current;
      now.onChange(() => ({ pose: to_openpose(present), document: save(present) }));
    });
  }, [editor]);
}

function Panel({ model, background }: { model: Model; background: string | undefined }) {
  const [purpose, setPurpose] = useState<"add" | "change">("add");
  const person = active_person(model);
  const changing = purpose === "change" && person !== undefined;
  return (
    <div class="pose-panel">
      <section class="pose-section">
        <h3 class="pose-heading">{t("pose.people")}</h3>
        <PeopleList model={model} />
      </section>
      <section class="pose-section">
        <Segmented label={t("pose.poses")} hideLabel value={changing ? "change" : "add"}
          options={[{ value: "add", label: t("pose.add_person") }, { value: "change", label: t("pose.change_pose") }]} onChange={(value) => setPurpose(value)} />
        <PresetGrid label={t("pose.poses")} onPick={(id) => (changing ? take_pose(model, id) : add_person(model, id))} />
      </section>
      {person && (
        <section class="pose-section">
          <h3 class="pose-heading">{person_name(person)}</h3>
          <PersonPanel model={model} person={person} />
        </section>
      )}
      {background && (
        <section class="pose-section">
          <Slider label={t("pose.onion")} help={t("pose.onion_help")} value={Math.round(model.onion.value * 100)} min={0} max={100} suffix="%"
            initial={50} onChange={(value) => (model.onion.value = value / 100)} />
        </section>
      )}
    </div>
  );
}

function StatusLine({ stage }: { stage: Stage }) {
  const ref = shown_joint(stage);
  const document = stage.model.document.value;
  const joint = ref && joint_of(document, ref);
  const person = ref && person_of(document, ref.person);
  const count = stage.model.selection.value.size;
  const text = joint && person
    ? `${person_name(person)} · ${joint_sentence(joint_name(ref), joint)}`
    : count > 1 ? t("pose.selected", { count }) : "";
  return (
    <div class="pose-status">
      <span class="pose-status-joint num">{text}</span>
      <span class="pose-status-hint">{t("pose.hints")}</span>
    </div>
  );
}

function EmptyStage({ model, onDetect }: { model: Model; onDetect: (() => void) | null }) {
  if (model.document.value.people.length > 0) return null;
  return (
    <div class="pose-empty">
      <Icon name="person-standing" size={30} />
      <p class="pose-empty-title">{t("pose.empty_title")}</p>
      <p>{t("pose.empty_text")}</p>
      <div class="pose-empty-buttons">
        <Button kind="primary" icon="plus" onClick={() => add_person(model, "stand")}>{t("pose.add_person")}</Button>
        {onDetect && <Button icon="scan" onClick={onDetect}>{t("pose.import_layer")}</Button>}
      </div>
    </div>
  );
}

// The 3D mode, whose code is fetched when it is first opened.
function LazyScene(props: SceneEditorProps) {
  const [Loaded, setLoaded] = useState<ComponentType<SceneEditorProps> | null>(null);
  const [failed, setFailed] = useState("");
  useEffect(() => {
    import("./SceneEditor.tsx").then((module) => setLoaded(() => module.SceneEditor), (error: unknown) => setFailed(words_of(error)));
  }, []);
  if (Loaded) return <Loaded {...props} />;
  return <div class="pose-waiting" role="status">{failed ? t("pose.scene_failed", { detail: failed }) : <Icon name="loader-circle" class="spin" size={22} />}</div>;
}

export function PoseEditor(props: FullPoseEditorProps) {
  const { layer, size, background } = props;
  const editor = useMemo(() => new_editor(props), [layer.id]);
  const { model, stage } = editor;
  const [mode, setMode] = useState<Mode>(editor.mode);
  const scene = useRef(editor.scene);
  const saved = (pose: Model["document"]["value"]): SavedPose => ({ version: 1, pose, scene: scene.current, mode, onion: model.onion.value });
  const files = use_files(props, model);
  use_found_people(props, model);
  use_reports(props, editor, saved);
  useEffect(() => {
    if (resize_canvas(model, size.width, size.height)) stage.view.value = fit(size);
  }, [size.width, size.height, model]);

  // The layer's own map is that of the scene now; what else was baked is the frame's.
  const take_baked = (baked: BakedScene) => {
    if (baked.pose) take_people(model, from_openpose(baked.pose, size), true);
    const count = Object.keys(baked).length;
    const others = count > (baked.pose ? 1 : 0);
    if (props.onBake && others) props.onBake(baked);
    else toast({ kind: "ok", title: t("pose.baked_maps", { count }) });
  };
  const take_scene_pose = (pose: OpenPoseJson) => {
    take_people(model, from_openpose(pose, size), true);
    setMode("flat");
  };
  const modes = (
    <Tabs<Mode> label={t("pose.mode")} value={mode} onChange={(next) => setMode(next)}
      tabs={[{ value: "flat", label: t("pose.flat") }, { value: "scene", label: t("pose.scene"), icon: "box" }]} />
  );
  if (mode === "scene") {
    return (
      <div class="pose-editor" data-mode="scene">
        <LazyScene key={layer.id} scene={scene.current} size={size} modes={modes} onBake={take_baked} onPose={take_scene_pose}
          onScene={(next) => {
            scene.current = next;
            const pose = model.document.peek();
            // Nobody was drawn flat: the layer's map stays as it is until the scene is baked.
            props.onChange(() => ({ ...(pose.people.length > 0 ? { pose: to_openpose(pose) } : {}), document: saved(pose) }));
          }} />
      </div>
    );
  }
  return (
    <div class={names("pose-editor", files.busy && "pose-editor-busy")} data-mode="flat"
      onDragOver={(event) => event.dataTransfer?.types.includes("Files") && event.preventDefault()}
      onDrop={(event) => {
        const [file] = event.dataTransfer?.files ?? [];
        if (!file) return;
        event.preventDefault();
        event.stopPropagation();
        void files.onFile(file);
      }}>
      <div class="pose-bar" role="group" aria-label={t("pose.tools")}>
        {modes}
        <PoseBar stage={stage} {...files} hasPhoto={layer.image !== undefined} />
      </div>
      <div class="pose-main">
        <div class="pose-centre">
          <PoseStage stage={stage} background={background} resize={layer.resize} />
          <EmptyStage model={model} onDetect={layer.image ? files.onDetect : null} />
          <StatusLine stage={stage} />
        </div>
        <Panel model={model} background={background} />
      </div>
    </div>
  );
}
