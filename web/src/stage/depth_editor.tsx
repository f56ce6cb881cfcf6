// SPDX-License-Identifier: Apache-2.0
// The depth editor: raise, lower, smooth, gradients, levels, a relief to look at. Near is white. For normals, they are
// derived from the depth that is painted here.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { announce, Button, IconButton, type MenuEntry, Slider, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { EditorProps } from "../layers/editor.ts";
import { step_size } from "./brush_panel.tsx";
import { BarSlider, EditorFrame, Panel, type ToolButton, ToolStrip, UndoButtons } from "./chrome.tsx";
import { DepthFields, LevelsPanel } from "./depth_panel.tsx";
import { level_table, normals_of } from "./depth.ts";
import { blank_work, DEPTH_DEFAULTS, depth_of_png, type DepthMode, type DepthSettings, type DepthWork, is_depth_document, load_depth } from "./depth_work.ts";
import { KnownMaps } from "./documents.ts";
import { use_new_maps, use_results, words_of } from "./exporting.ts";
import { file_bytes, pick_file, read_picture, save_file } from "./files.ts";
import { svgs } from "./icons.ts";
import { path_of } from "./overlays.tsx";
import { Painter, type Fill } from "./painter.ts";
import { gray_of } from "./pixels.ts";
import { decodePng, encodeGray } from "./png.ts";
import { is_empty, type Rect, whole_of } from "./raster.ts";
import { ReliefPreview } from "./relief_preview.tsx";
import { fitted } from "./resample.ts";
import { Surface, type ToolCalls } from "./surface.tsx";
import { undo_keys, use_keys } from "./use_keys.ts";
import { use_loaded } from "./use_loaded.tsx";

const MAX_SIZE = 400;
const depthSettings = signal<DepthSettings>({ ...DEPTH_DEFAULTS });
function set(change: Partial<DepthSettings>): void {
  depthSettings.value = { ...depthSettings.value, ...change };
}

function tool_list(): ToolButton<DepthMode>[] {
  return [
    { name: "raise", label: t("stage.tool_raise"), key: "B", svg: svgs.hill },
    { name: "lower", label: t("stage.tool_lower"), key: "E", svg: svgs.valley },
    { name: "smooth", label: t("stage.tool_smooth"), key: "S", svg: svgs.droplet },
    { name: "flatten", label: t("stage.tool_flatten"), key: "F", svg: svgs.arrow_down_to_line },
    { name: "gradient", label: t("stage.tool_gradient"), key: "G", svg: svgs.blend, apart: true },
    { name: "pick", label: t("stage.tool_pick_depth"), key: "I", svg: svgs.pipette },
    { name: "hand", label: t("stage.tool_hand"), key: "H", icon: "hand", apart: true },
  ];
}

interface Loaded {
  work: DepthWork;
  known: KnownMaps;
}

async function load({ layer, size }: EditorProps): Promise<Loaded> {
  if (!is_depth_document(layer.document)) return { work: blank_work(size), known: new KnownMaps() };
  return { work: await load_depth(layer.document, size), known: new KnownMaps(layer.document.known) };
}

async function refit({ work, known }: Loaded, { size }: EditorProps): Promise<Loaded> {
  return { work: await load_depth(await work.store(known.list()), size), known };
}

export function DepthEditor(props: EditorProps) {
  const view = use_loaded(props, load, refit, () => ({ work: blank_work(props.size), known: new KnownMaps() }));
  return view.value ? <Board key={view.key} {...props} {...view.value} changed={view.changed} /> : view.placeholder;
}

/** The map as it will be used: grey, or the colours of normals. */
function map_painter(work: DepthWork, normals: boolean): Fill {
  let table = level_table(work.levels);
  let of = work.levels;
  return (r, out) => {
    if (normals) {
      // Slopes reach one pixel further than what changed.
      const wide = { x0: Math.max(0, r.x0 - 1), y0: Math.max(0, r.y0 - 1), x1: Math.min(work.plane.width, r.x1 + 1), y1: Math.min(work.plane.height, r.y1 + 1) };
      normals_of(work.plane, work.levels, work.relief, wide, (i, x, y, z) => out.set([x, y, z, 255], 4 * i));
      return;
    }
    if (of !== work.levels) {
      of = work.levels;
      table = level_table(of);
    }
    const { width, data } = work.plane;
    for (let y = r.y0; y < r.y1; ++y)
      for (let i = y * width + r.x0, end = y * width + r.x1; i < end; ++i) {
        out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = table[data[i]!]!;
        out[4 * i + 3] = 255;
      }
  };
}

type BoardProps = EditorProps & Loaded & { changed: boolean };

function use_depth(props: BoardProps, normals: boolean) {
  const { work, known, layer } = props;
  const [version, setVersion] = useState(0);
  const refresh = () => setVersion((n) => n + 1);
  const painter = useMemo(() => new Painter(work.plane.width, work.plane.height, map_painter(work, normals)), [work]);
  const schedule = use_results(async () => {
    const png = await work.map(normals);
    known.add(png);
    return { png, document: await work.store(known.list()) };
  }, props.onChange);
  const changed = (rect: Rect = whole_of(work.plane)) => {
    if (!is_empty(rect)) painter.redraw({ x0: rect.x0 - 1, y0: rect.y0 - 1, x1: rect.x1 + 1, y1: rect.y1 + 1 });
    refresh();
    schedule();
  };
  useEffect(() => {
    if (props.changed) schedule();
  }, []);
  // Depth cannot be read out of normals, so a map of those stays as it is until somebody paints.
  use_new_maps(props, !normals, known, (png) => {
    work.replace(t("stage.step_map"), depth_of_png(png, props.size));
    if (layer.document === undefined) work.history.clear();
    painter.redraw();
    refresh();
    if (layer.document !== undefined) schedule();
  });
  const step = (rect: Rect | null, word: string, label: string) => {
    if (!rect) return;
    changed(rect);
    announce(`${word}: ${label}`);
  };
  return {
    work, painter, version, refresh, changed,
    undo: () => step(work.undo(), t("stage.undo"), work.history.redoLabel),
    redo: () => step(work.redo(), t("stage.redo"), work.history.undoLabel),
  };
}

export type DepthState = ReturnType<typeof use_depth>;

function use_menu(state: DepthState, normals: boolean): { entries: MenuEntry[]; take: (file: File | null) => void } {
  const { work } = state;
  const size = { width: work.plane.width, height: work.plane.height };
  const failed = (error: unknown) => toast({ kind: "error", title: t("stage.file_failed"), detail: words_of(error) });
  const read = async (file: File) => {
    if (file.type === "image/png") return depth_of_png(await decodePng(await file_bytes(file)), size);
    const gray = gray_of(await read_picture(file, size));
    return fitted({ ...gray, data: Uint16Array.from(gray.data, (value) => value * 257) }, size, 0);
  };
  const take = (file: File | null) => {
    if (!file) return;
    read(file).then((plane) => {
      work.replace(t("stage.import_depth"), plane);
      state.changed();
    }).catch(failed);
  };
  const save = async (bytes: Promise<Uint8Array>, name: string) => save_file(await bytes, name, "image/png");
  return {
    take,
    entries: [
      { id: "import", label: t("stage.import_depth"), icon: "image-plus", detail: t("stage.import_depth_detail"), onSelect: () => void pick_file("image/*").then(take) },
      { separator: true },
      { id: "png", label: t("stage.save_png"), icon: "download", detail: t(normals ? "stage.save_normal_detail" : "stage.save_depth_detail"), onSelect: () => void save(work.map(normals), normals ? "normal.png" : "depth.png").catch(failed) },
      { id: "png16", label: t("stage.save_depth16"), icon: "download", detail: t("stage.save_depth16_detail"), onSelect: () => void save(encodeGray(work.plane.data.slice(), size.width, size.height, 16), "depth16.png").catch(failed) },
    ],
  };
}

/** The tool's calls, with the settings of the moment. */
function use_tool(state: DepthState, mode: DepthMode, setMode: (mode: DepthMode) => void): ToolCalls {
  const { work } = state;
  const pick = useRef(false);
  const choose_level = (p: { x: number; y: number }) => set({ level: Math.round(work.at(p) * 100) / 100 });
  return {
    down: (contact) => {
      pick.current = mode === "pick" || (mode === "flatten" && contact.alt);
      if (pick.current) return choose_level(contact);
      const rect = work.down(contact, mode, depthSettings.value, t(`stage.tool_${mode}`));
      state.painter.redraw(rect);
      if (mode === "gradient") state.refresh();
    },
    move: (contacts) => {
      if (pick.current) return choose_level(contacts.at(-1)!);
      state.painter.redraw(work.move(contacts, mode, depthSettings.value));
      if (work.gradient) state.refresh();
    },
    up: () => {
      if (pick.current) {
        if (mode === "pick") setMode("flatten");
        pick.current = false;
        return;
      }
      state.changed(work.up(depthSettings.value));
    },
    cancel: () => state.changed(work.cancel()),
  };
}

function Board(props: BoardProps) {
  const { work, background, layer } = props;
  const normals = layer.kind.startsWith("normal");
  const state = use_depth(props, normals);
  const [mode, setMode] = useState<DepthMode>("raise");
  const [relief, setRelief] = useState(true);
  const [opacity, setOpacity] = useState(100);
  const settings = depthSettings.value;
  const menu = use_menu(state, normals);
  const calls = use_tool(state, mode, setMode);
  const { undo, redo } = state;
  const size = (way: 1 | -1) => set({ size: step_size(settings.size, way, MAX_SIZE) });
  const hard = (by: number) => set({ hardness: Math.min(1, Math.max(0, settings.hardness + by)) });
  use_keys({
    ...Object.fromEntries(tool_list().map(({ name, key }) => [key!, () => setMode(name)])),
    ...undo_keys(undo, redo),
    "[": () => size(-1),
    "]": () => size(1),
    "Shift+[": () => hard(-0.1),
    "Shift+]": () => hard(0.1),
    X: () => setMode(mode === "raise" ? "lower" : "raise"),
    T: () => setRelief(!relief),
  });
  const paints = mode === "raise" || mode === "lower" || mode === "smooth" || mode === "flatten";
  return (
    <EditorFrame
      name="depth"
      menu={menu.entries}
      onFile={menu.take}
      tools={<ToolStrip tools={tool_list()} value={mode} onChange={setMode} />}
      bar={
        <>
          <UndoButtons state={work.history} onUndo={undo} onRedo={redo} />
          <BarSlider label={t("stage.size")} tip={t("stage.size_tip")} value={settings.size} min={2} max={MAX_SIZE} curved suffix="px" onChange={(value) => set({ size: value })} />
          <IconButton svg={svgs.mountain} label={t("stage.relief_show")} shortcut="T" pressed={relief} onClick={() => setRelief(!relief)} />
        </>
      }
      side={
        <>
          <Panel title={tool_list().find(({ name }) => name === mode)!.label}>
            <DepthFields mode={mode} settings={settings} onChange={set} />
          </Panel>
          {relief && (
            <Panel title={t("stage.relief")}>
              <ReliefPreview plane={work.plane} levels={work.levels} version={state.version} photo={background} size={props.size} />
            </Panel>
          )}
          <LevelsPanel state={state} normals={normals} />
          <Panel title={t("stage.show")}>
            {background && <Slider label={t("stage.map_opacity")} value={opacity} min={10} max={100} initial={100} suffix="%" onChange={setOpacity} />}
            <div class="stage-row">
              <Button small icon="moon" onClick={() => { work.invert(t("stage.depth_invert")); state.changed(); }}>{t("stage.depth_invert")}</Button>
            </div>
            <p class="stage-hint">{t(normals ? "stage.normal_hint" : "stage.depth_hint")}</p>
          </Panel>
        </>
      }
    >
      <Surface
        size={props.size}
        label={t("stage.depth_board")}
        painter={state.painter}
        tool={calls}
        hand={mode === "hand"}
        brush={paints ? settings.size / 2 : null}
        paper="black"
        photo={background}
        photoOpacity={1}
        mapOpacity={background ? opacity / 100 : 1}
        overlay={(view) => work.gradient && (
          <g>
            <path d={path_of([work.gradient.from, work.gradient.to], view)} class="stage-dashes-out" />
            <path d={path_of([work.gradient.from, work.gradient.to], view)} class="stage-dashes-in" />
          </g>
        )}
        describe={(p) => t("stage.nearness", { percent: Math.round(work.at(p) * 100) })}
      />
    </EditorFrame>
  );
}

