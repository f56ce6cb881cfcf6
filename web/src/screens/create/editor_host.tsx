// SPDX-License-Identifier: Apache-2.0
// Opens the editor of a map or mask on the stage, and keeps what it gives back.
import type { ComponentType } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, asset_url } from "../../api/client.ts";
import { Button, Icon, kind_color, toast } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { editor_of, load_editor, type BakedScene, type EditorResult, type PoseEditorProps } from "../../layers/editor.ts";
import { error_text } from "../../state/errors.ts";
import { sessionImages } from "../../state/gallery.ts";
import { openJobs, previews } from "../../state/jobs.ts";
import { add_layer, layer_by_id, layers, new_layer, selectedLayer, update_layer, type ControlLayer } from "../../state/layers.ts";
import { recipe, set_recipe } from "../../state/recipe.ts";
import { liveMode } from "../../state/live.ts";
import { Outbox, unsaved } from "../../state/unsaved.ts";
import { editing } from "../../state/view.ts";

interface Subject {
  title: string;
  color: string;
  layer: ControlLayer;
  background: string | undefined;
  size: { width: number; height: number };
  mask: boolean;
  keep(result: EditorResult, png: string | undefined, pose: string | undefined): void;
}

// What `editing` names: a layer, the region of a layer ("region:ID"), or the mask of the start picture ("init").
function subject_of(what: string): Subject | null {
  const { width, height, init, mask, maskDocument } = recipe.value;
  const size = { width, height };
  if (what === "init") {
    if (!init) return null;
    return {
      title: t("create.mask"),
      color: "var(--accent)",
      layer: new_layer("mask", { id: "init", source: "drawing", map: mask ?? undefined, document: maskDocument }),
      background: asset_url(init),
      size,
      mask: true,
      keep: (result, png) => set_recipe({ maskDocument: result.document, ...(png ? { mask: png } : {}) }),
    };
  }
  const region = what.startsWith("region:");
  const layer = layer_by_id(region ? what.slice("region:".length) : what);
  if (!layer) return null;
  if (region) {
    return {
      title: t("create.region_of", { kind: kind_label(layer.kind) }),
      color: kind_color(layer.kind),
      layer: new_layer("mask", { id: what, source: "drawing", map: layer.mask, document: layer.maskDocument }),
      background: layer.map ? asset_url(layer.map) : layer.image ? asset_url(layer.image) : undefined,
      size,
      mask: true,
      keep: (result, png) => update_layer(layer.id, { maskDocument: result.document, ...(png ? { mask: png } : {}) }),
    };
  }
  return {
    title: t("create.map_of", { kind: kind_label(layer.kind) }),
    color: kind_color(layer.kind),
    layer,
    background: layer.image ? asset_url(layer.image) : undefined,
    size,
    mask: false,
    keep: (result, png, pose) =>
      update_layer(layer.id, {
        source: "drawing",
        document: result.document,
        invertedFrom: undefined,
        ...(png ? { map: png } : {}),
        ...(pose ? { pose } : result.pose ? {} : { pose: undefined }),
      }),
  };
}

async function store(result: EditorResult, size: Subject["size"], drawn: string | undefined): Promise<{ png: string | undefined; pose: string | undefined }> {
  const png = result.png ? (await api.put_asset(result.png as Uint8Array<ArrayBuffer>, "image/png")).sha : undefined;
  if (!result.pose) return { png, pose: undefined };
  const text = new TextEncoder().encode(JSON.stringify(result.pose));
  const pose = (await api.put_asset(text as Uint8Array<ArrayBuffer>, "application/json")).sha;
  // The server draws people, by the rules that fit the model.
  const map = png ?? (await api.render_pose(result.pose, size.width, size.height).catch(() => null))?.asset ?? drawn;
  return { png: map, pose };
}

async function bake(scene: BakedScene, own: string): Promise<void> {
  const kinds = ["depth", "normal", "canny", "seg"] as const;
  let added = 0;
  try {
    for (const kind of kinds) {
      const png = scene[kind];
      if (!png) continue;
      const { sha } = await api.put_asset(png as Uint8Array<ArrayBuffer>, "image/png");
      const known = layers.value.find((layer) => layer.kind === kind && layer.source === "scene");
      if (known) update_layer(known.id, { map: sha });
      else add_layer(new_layer(kind, { source: "scene", map: sha }));
      added += 1;
    }
    selectedLayer.value = own;
    toast({ kind: "ok", title: t("create.baked", { count: added }) });
  } catch (error) {
    toast({ kind: "error", title: t("create.not_saved"), detail: error_text(error) });
  }
}

// What comes out meanwhile, small in a corner.
function Pip() {
  const job = openJobs.value.find((one) => previews.value[one.id]);
  const url = (job && previews.value[job.id]?.url) ?? sessionImages.value[0]?.thumb;
  if (!url || !liveMode.value) return null;
  return <img class="cs-editor-pip" src={url} alt={t("create.preview")} />;
}

export function EditorHost({ what }: { what: string }) {
  const subject = subject_of(what);
  const [Editor, setEditor] = useState<ComponentType<PoseEditorProps> | null | undefined>(undefined);
  const drawn = useRef<Parameters<PoseEditorProps["onChange"]>[0]>();
  const gone = useRef(false);
  const [closing, setClosing] = useState(false);
  const [failed, setFailed] = useState("");
  const name = subject ? (subject.mask ? "mask" : editor_of(subject.layer.kind)) : null;

  useEffect(() => {
    if (!name) return;
    let gone = false;
    load_editor(name).then(
      (found) => !gone && setEditor(() => found),
      (error: unknown) => !gone && (setFailed(error_text(error)), setEditor(null)),
    );
    return () => {
      gone = true;
    };
  }, [name]);

  const outbox = useMemo(
    () =>
      new Outbox(what, async () => {
        try {
          const result = await drawn.current!();
          // Read now: the layer may have been removed, or have got another size.
          const to = subject_of(what);
          if (!to) return;
          const { png, pose } = await store(result, to.size, to.layer.map);
          to.keep(result, png, pose);
          setFailed("");
        } catch (error) {
          setFailed(error_text(error));
          if (gone.current) toast({ kind: "error", title: t("create.not_saved"), detail: error_text(error), action: { label: t("common.retry"), run: try_again } });
          throw error;
        }
      }),
    [],
  );
  const try_again = () => void outbox.flush().catch(() => undefined);
  const take: PoseEditorProps["onChange"] = (make) => {
    drawn.current = make;
    outbox.changed();
  };
  useEffect(
    () => () => {
      gone.current = true;
      try_again();
    },
    [],
  );

  // What cannot be stored stays open, and the fault is seen; asked again, it closes all the same.
  const close = async () => {
    const asked_again = failed !== "";
    setClosing(true);
    const stored = await outbox.flush().then(() => true, () => false);
    setClosing(false);
    if (!gone.current && (stored || asked_again)) editing.value = null;
  };
  useEffect(() => {
    if (!subject) editing.value = null;
  }, [subject === null]);
  if (!subject) return null;

  return (
    <>
      <header class="cs-head cs-editor-head">
        <span class="cs-editor-title">
          <span class="menu-mark" style={{ background: subject.color }} />
          <h2>{subject.title}</h2>
          <span class="muted num">{subject.size.width} × {subject.size.height}</span>
        </span>
        <div class="cs-actions">
          {failed ? (
            <Button small kind="danger" icon="triangle-alert" tip={failed} onClick={try_again}>{t("common.retry")}</Button>
          ) : (
            <span class="cs-editor-saved muted" role="status">{unsaved.value.has(what) ? t("create.saving") : ""}</span>
          )}
          <Button kind="primary" icon="check" busy={closing} onClick={() => void close()}>{t("create.done")}</Button>
        </div>
      </header>
      <div class="cs-editor-body">
        {Editor === undefined ? (
          <div class="cs-empty"><Icon name="loader-circle" class="spin" size={26} /></div>
        ) : Editor === null ? (
          <div class="cs-empty">
            <Icon name="circle-alert" size={34} />
            <p>{failed || t("create.no_editor")}</p>
          </div>
        ) : (
          <Editor layer={subject.layer} size={subject.size} background={subject.background} onChange={take} onBake={(scene) => void bake(scene, subject.layer.id)} />
        )}
        <Pip />
      </div>
    </>
  );
}
