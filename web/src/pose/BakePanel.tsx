// SPDX-License-Identifier: Apache-2.0
// From the scene to maps: which, how, and what came out.
import { useEffect, useState } from "preact/hooks";
import { Button, Chip, IconButton, Slider, Switch, toast } from "../design/index.ts";
import type { OpenPoseJson } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import type { BakedScene } from "../layers/editor.ts";
import { baked, BAKED_KINDS, type BakedKind } from "./bake.ts";
import { save_file, words_of } from "./files.ts";
import { from_openpose } from "./openpose.ts";
import { set_scene, type SceneModel } from "./scene_model.ts";
import type { BakeOptions } from "./scene.ts";
import type { SceneView } from "./scene_view.ts";
import { to_svg } from "./svg_export.ts";

interface BakePanelProps {
  model: SceneModel;
  view: SceneView | null;
  size: { width: number; height: number };
  onBake(scene: BakedScene): void;
  onPose(pose: OpenPoseJson): void;
}

interface Result {
  kind: BakedKind;
  blob: Blob;
  url: string;
}

// Each map as a file; the pose as a drawing, since its map is the server's affair.
function results_of(scene: BakedScene, size: { width: number; height: number }): Result[] {
  return BAKED_KINDS.flatMap((kind) => {
    const value = scene[kind];
    if (!value) return [];
    const blob = value instanceof Uint8Array
      ? new Blob([value as Uint8Array<ArrayBuffer>], { type: "image/png" })
      : new Blob([to_svg(from_openpose(value, size))], { type: "image/svg+xml" });
    return [{ kind, blob, url: URL.createObjectURL(blob) }];
  });
}

const kind_name = (kind: BakedKind) => t(`pose.map_${kind}`);

function Options({ model, kinds }: { model: SceneModel; kinds: ReadonlySet<BakedKind> }) {
  const { options } = model.scene.value;
  const set = (change: Partial<BakeOptions>) =>
    set_scene(model, { ...model.scene.value, options: { ...options, ...change } }, `option ${Object.keys(change).join()}`);
  return (
    <>
      {(kinds.has("depth") || kinds.has("normal") || kinds.has("seg")) && (
        <Switch label={t("pose.floor")} help={t("pose.floor_help")} checked={options.floor} onChange={(floor) => set({ floor })} />
      )}
      {kinds.has("depth") && (
        <Slider label={t("pose.backdrop")} help={t("pose.backdrop_help")} value={options.backdrop} min={0} max={20} step={0.1} initial={3} suffix="m" onChange={(backdrop) => set({ backdrop })} />
      )}
      {kinds.has("pose") && (
        <>
          <Switch label={t("pose.hide_occluded")} checked={options.hideOccluded} onChange={(hideOccluded) => set({ hideOccluded })} />
          <Switch label={t("pose.with_hands")} checked={options.hands} onChange={(hands) => set({ hands })} />
          <Switch label={t("pose.with_face")} checked={options.face} onChange={(face) => set({ face })} />
        </>
      )}
    </>
  );
}

function Results({ results }: { results: readonly Result[] }) {
  return (
    <ul class="pose-maps" aria-label={t("pose.maps")}>
      {results.map(({ kind, blob, url }) => (
        <li key={kind}>
          <button type="button" class="pose-map" data-map={kind} aria-label={t("pose.save_map", { name: kind_name(kind) })} data-tip={t("pose.save_map", { name: kind_name(kind) })}
            onClick={() => save_file(blob, `scene-${kind}.${kind === "pose" ? "svg" : "png"}`)}>
            <img src={url} alt="" />
          </button>
        </li>
      ))}
    </ul>
  );
}

export function BakePanel({ model, view, size, onBake, onPose }: BakePanelProps) {
  const [kinds, setKinds] = useState<ReadonlySet<BakedKind>>(new Set(BAKED_KINDS));
  const [results, setResults] = useState<readonly Result[]>([]);
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState(false);
  useEffect(() => () => results.forEach(({ url }) => URL.revokeObjectURL(url)), [results]);

  const bake = async (wanted: ReadonlySet<BakedKind>): Promise<BakedScene | null> => {
    if (!view) return null;
    setBusy(true);
    try {
      const scene = model.scene.value;
      return await baked(scene, view.see(scene, size.width, size.height), wanted);
    } catch (error) {
      toast({ kind: "error", title: t("pose.bake_failed"), detail: words_of(error) });
      return null;
    } finally {
      setBusy(false);
    }
  };
  const all = async () => {
    const scene = await bake(kinds);
    if (!scene) return;
    setResults(results_of(scene, size));
    onBake(scene);
  };
  const flat = async () => {
    const scene = await bake(new Set(["pose"]));
    if (scene?.pose) onPose(scene.pose);
  };
  const toggle = (kind: BakedKind) => {
    const next = new Set(kinds);
    if (!next.delete(kind)) next.add(kind);
    setKinds(next);
  };
  const nobody = model.scene.value.figures.every((figure) => figure.hidden);
  const off = busy || !view || nobody;
  return (
    <section class="pose-section pose-bake" aria-label={t("pose.maps")}>
      <div class="pose-kinds" role="group" aria-label={t("pose.which_maps")}>
        {BAKED_KINDS.map((kind) => (
          <Chip key={kind} tone={kinds.has(kind) ? "accent" : "neutral"} icon={kinds.has(kind) ? "check" : "plus"} pressed={kinds.has(kind)} onClick={() => toggle(kind)}>
            {kind_name(kind)}
          </Chip>
        ))}
      </div>
      {open && <Options model={model} kinds={kinds} />}
      <div class="pose-bake-row">
        <Button kind="primary" icon="sparkles" busy={busy} disabled={off || kinds.size === 0} onClick={() => void all()}>{t("pose.bake", { count: kinds.size })}</Button>
        <IconButton kind="plain" icon="sliders-horizontal" label={t("pose.bake_options")} aria-expanded={open} pressed={open} onClick={() => setOpen(!open)} />
        <IconButton kind="plain" icon="pencil" label={t("pose.edit_flat")} disabled={off} onClick={() => void flat()} />
      </div>
      {results.length > 0 && <Results results={results} />}
    </section>
  );
}
