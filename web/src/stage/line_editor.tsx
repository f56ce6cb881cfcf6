// SPDX-License-Identifier: Apache-2.0
// The editor of straight lines: each is picked, dragged by its ends, deleted, or drawn anew; vanishing points pull.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { announce, Button, IconButton, type MenuEntry, NumberField, Select, Slider, Switch, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { EditorProps } from "../layers/editor.ts";
import { EditorFrame, Panel, type ToolButton, ToolStrip, UndoButtons } from "./chrome.tsx";
import { KnownMaps } from "./documents.ts";
import { use_new_maps, use_results, words_of } from "./exporting.ts";
import { pick_file, read_picture, save_file } from "./files.ts";
import { svgs } from "./icons.ts";
import { LineOverlay } from "./line_overlay.tsx";
import { find_segments, length_of, type Segment } from "./lines.ts";
import { is_lines_document, LineWork, type LineTool, load_lines, type SnapSettings } from "./lines_work.ts";
import { Painter } from "./painter.ts";
import { gray8_of, ink_of } from "./pixels.ts";
import type { Plane } from "./raster.ts";
import { fitted } from "./resample.ts";
import { Surface, type ToolCalls } from "./surface.tsx";
import { undo_keys, use_keys } from "./use_keys.ts";
import { use_loaded } from "./use_loaded.tsx";

const snapSettings = signal<SnapSettings>({ ends: true, angle: 0, vanishing: true });

function tool_list(): ToolButton<LineTool>[] {
  return [
    { name: "select", label: t("stage.tool_select_line"), key: "V", icon: "mouse-pointer-2" },
    { name: "draw", label: t("stage.tool_draw_line"), key: "B", svg: svgs.slash },
    { name: "erase", label: t("stage.tool_erase_line"), key: "E", icon: "eraser" },
    { name: "vanishing", label: t("stage.tool_vanishing"), key: "Q", svg: svgs.crosshair, apart: true },
    { name: "hand", label: t("stage.tool_hand"), key: "H", icon: "hand", apart: true },
  ];
}

interface Loaded {
  work: LineWork;
  known: KnownMaps;
}

async function load({ layer, size }: EditorProps): Promise<Loaded> {
  return is_lines_document(layer.document) ? load_lines(layer.document, size) : { work: new LineWork(size.width, size.height), known: new KnownMaps() };
}

async function refit({ work, known }: Loaded, { size }: EditorProps): Promise<Loaded> {
  return load_lines(work.store(known.list()), size);
}

export function LineEditor(props: EditorProps) {
  const view = use_loaded(props, load, refit, () => ({ work: new LineWork(props.size.width, props.size.height), known: new KnownMaps() }));
  return view.value ? <Board key={view.key} {...props} {...view.value} changed={view.changed} /> : view.placeholder;
}

type BoardProps = EditorProps & Loaded & { changed: boolean };

function use_lines(props: BoardProps) {
  const { work, known, layer } = props;
  const [version, setVersion] = useState(0);
  const refresh = () => setVersion((n) => n + 1);
  const painter = useMemo(
    () =>
      new Painter(work.width, work.height, (_, out) => {
        const map = work.map();
        for (let i = 0; i < map.data.length; ++i) {
          out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = 255;
          out[4 * i + 3] = map.data[i]!;
        }
      }),
    [work],
  );
  const schedule = use_results(async () => {
    const png = await work.png();
    known.add(png);
    return { png, document: work.store(known.list()) };
  }, props.onChange);
  const show = () => {
    painter.redraw();
    refresh();
  };
  const changed = () => {
    show();
    schedule();
  };
  useEffect(() => {
    if (props.changed) schedule();
  }, []);
  const take = (map: Plane<Uint8Array>, record: boolean) => {
    const lines = find_segments(fitted(map, props.size, 0));
    if (record) work.change(t("stage.step_map"), with_new_ids(work, lines));
    else work.fill(lines);
    show();
    return lines.length;
  };
  use_new_maps(props, true, known, (png) => {
    take(gray8_of(png), layer.document !== undefined);
    if (layer.document !== undefined) schedule();
  });
  const step = (done: unknown, word: string, label: string) => {
    if (!done) return;
    changed();
    announce(`${word}: ${label}`);
  };
  return {
    work, painter, version, show, changed, take,
    undo: () => step(work.history.undo(), t("stage.undo"), work.history.redoLabel),
    redo: () => step(work.history.redo(), t("stage.redo"), work.history.undoLabel),
  };
}

type LinesState = ReturnType<typeof use_lines>;

/** Ids that no line of the list has, so that undo can tell them apart. */
function with_new_ids(work: LineWork, lines: readonly Segment[]): Segment[] {
  const first = work.segments.reduce((most, s) => Math.max(most, s.id), 0) + 1_000_000;
  return lines.map((line, i) => ({ ...line, id: first + i }));
}

function use_tool(state: LinesState, tool: LineTool): ToolCalls {
  const { work } = state;
  const labels: Record<LineTool, string> = { select: t("stage.step_move_line"), draw: t("stage.tool_draw_line"), erase: t("stage.tool_erase_line"), vanishing: t("stage.tool_vanishing"), hand: "" };
  return {
    down: (contact) => {
      if (tool === "hand") return;
      if (tool === "vanishing") {
        work.set_vanishing(t("stage.tool_vanishing"), [...work.vanishing, { x: contact.x, y: contact.y }].slice(-4));
        return state.changed();
      }
      work.down(contact, tool, snapSettings.value);
      state.show();
    },
    move: (contacts) => {
      work.move(contacts.at(-1)!, snapSettings.value);
      state.show();
    },
    up: () => {
      if (work.up(labels[tool])) state.changed();
      else state.show();
    },
    cancel: () => {
      work.cancel();
      state.show();
    },
  };
}

function use_menu(state: LinesState): { entries: MenuEntry[]; take: (file: File | null) => void } {
  const { work } = state;
  const failed = (error: unknown) => toast({ kind: "error", title: t("stage.file_failed"), detail: words_of(error) });
  const take = (file: File | null) => {
    if (!file) return;
    read_picture(file, work).then((picture) => {
      const count = state.take(ink_of(picture), true);
      state.changed();
      toast({ kind: "ok", title: t("stage.lines_found", { count }) });
    }).catch(failed);
  };
  return {
    take,
    entries: [
      { id: "import", label: t("stage.import_lines"), icon: "image-plus", detail: t("stage.import_lines_detail"), onSelect: () => void pick_file("image/*").then(take) },
      { id: "png", label: t("stage.save_png"), icon: "download", detail: t("stage.save_png_detail"), onSelect: () => void work.png().then((bytes) => save_file(bytes, "mlsd.png", "image/png")).catch(failed) },
    ],
  };
}

function SnapPanel({ state }: { state: LinesState }) {
  const { work } = state;
  const settings = snapSettings.value;
  const set = (change: Partial<SnapSettings>) => {
    snapSettings.value = { ...settings, ...change };
  };
  return (
    <Panel title={t("stage.snap")}>
      <Switch label={t("stage.snap_ends")} checked={settings.ends} onChange={(ends) => set({ ends })} />
      <Switch label={t("stage.snap_vanishing")} help={t("stage.snap_vanishing_help")} checked={settings.vanishing} onChange={(vanishing) => set({ vanishing })} />
      <Select
        label={t("stage.snap_angle")}
        value={String(settings.angle)}
        options={[{ value: "0", label: t("stage.snap_free") }, ...["5", "15", "30", "45", "90"].map((value) => ({ value, label: `${value}°` }))]}
        onChange={(value) => set({ angle: Number(value) })}
      />
      {work.vanishing.length > 0 && (
        <ul class="stage-layers" aria-label={t("stage.vanishing_points")}>
          {work.vanishing.map((p, i) => (
            <li key={i} class="stage-layer">
              <span class="stage-layer-name">{t("stage.vanishing_n", { n: i + 1, x: Math.round(p.x), y: Math.round(p.y) })}</span>
              <IconButton small icon="trash-2" label={t("stage.vanishing_delete", { n: i + 1 })} onClick={() => {
                work.set_vanishing(t("stage.vanishing_delete", { n: i + 1 }), work.vanishing.filter((_, at) => at !== i));
                state.changed();
              }} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function LinesPanel({ state }: { state: LinesState }) {
  const { work } = state;
  const [shortest, setShortest] = useState(20);
  const short = work.segments.filter((s) => length_of(s) < shortest).length;
  return (
    <Panel title={t("stage.lines_count", { count: work.segments.length })}>
      <p class="stage-hint">{work.selected.size ? t("stage.lines_selected", { count: work.selected.size }) : t("stage.lines_hint")}</p>
      <div class="stage-row">
        <Button small icon="trash-2" disabled={!work.selected.size} tip={t("stage.lines_delete_tip")} onClick={() => {
          work.remove_selected(t("stage.lines_delete"));
          state.changed();
        }}>{t("stage.lines_delete")}</Button>
      </div>
      <NumberField label={t("stage.lines_shorter")} value={shortest} min={2} max={400} suffix="px" onChange={setShortest} />
      <div class="stage-row">
        <Button small disabled={!short} onClick={() => {
          work.remove_short(t("stage.lines_remove_short"), shortest);
          state.changed();
        }}>{t("stage.lines_remove_short_n", { count: short })}</Button>
      </div>
    </Panel>
  );
}

function Board(props: BoardProps) {
  const { work, background } = props;
  const state = use_lines(props);
  const [tool, setTool] = useState<LineTool>("select");
  const [photo, setPhoto] = useState(45);
  const menu = use_menu(state);
  const calls = use_tool(state, tool);
  const go = (by: 1 | -1) => {
    const line = work.step_selection(by);
    if (!line) return;
    state.show();
    announce(t("stage.line_at", { x1: line.x1, y1: line.y1, x2: line.x2, y2: line.y2 }));
  };
  const remove = (): void | false => {
    if (!work.remove_selected(t("stage.lines_delete"))) return false;
    state.changed();
  };
  use_keys({
    ...Object.fromEntries(tool_list().map(({ name, key }) => [key!, () => setTool(name)])),
    ...undo_keys(state.undo, state.redo),
    N: () => go(1),
    "Shift+N": () => go(-1),
    Delete: remove,
    Backspace: remove,
    "Ctrl+A": () => {
      work.selected = new Set(work.segments.map((s) => s.id));
      state.show();
    },
    Escape: () => {
      if (!work.selected.size) return false;
      work.selected = new Set();
      state.show();
      return undefined;
    },
  });
  return (
    <EditorFrame
      name="lines"
      menu={menu.entries}
      onFile={menu.take}
      tools={<ToolStrip tools={tool_list()} value={tool} onChange={setTool} />}
      bar={
        <>
          <UndoButtons state={work.history} onUndo={state.undo} onRedo={state.redo} />
          <span class="stage-hint">{t(`stage.lines_${tool}_hint`)}</span>
        </>
      }
      side={
        <>
          <LinesPanel state={state} />
          <SnapPanel state={state} />
          {background && (
            <Panel title={t("stage.show")}>
              <Slider label={t("stage.photo")} help={t("stage.photo_help")} value={photo} min={0} max={100} suffix="%" onChange={setPhoto} />
            </Panel>
          )}
        </>
      }
    >
      <Surface
        size={props.size}
        label={t("stage.lines_board")}
        painter={state.painter}
        tool={calls}
        hand={tool === "hand"}
        arrow={tool === "select"}
        brush={null}
        paper="black"
        photo={background}
        photoOpacity={photo / 100}
        overlay={(view) => <LineOverlay work={work} view={view} onMoveEnd={(id, part, p) => {
          work.move_end(t("stage.step_move_line"), id, part, p);
          state.changed();
        }} onDelete={() => void remove()} />}
      />
    </EditorFrame>
  );
}
