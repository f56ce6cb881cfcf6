// SPDX-License-Identifier: Apache-2.0
// The painter of segmentation maps: classes instead of colours, hard edges, and an exact indexed PNG.
import type { ComponentChildren } from "preact";
import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { announce, IconButton, type MenuEntry, Slider, toast } from "../design/index.ts";
import { language, t } from "../i18n/index.ts";
import type { EditorProps } from "../layers/editor.ts";
import { step_size } from "../stage/brush_panel.tsx";
import { BarSlider, EditorFrame, Panel, type ToolButton, ToolStrip, UndoButtons } from "../stage/chrome.tsx";
import { use_new_maps, use_results } from "../stage/exporting.ts";
import { svgs } from "../stage/icons.ts";
import { ShapePreview } from "../stage/overlays.tsx";
import { Painter } from "../stage/painter.ts";
import { is_empty, NOWHERE, type Point, type Rect, whole_of } from "../stage/raster.ts";
import { fitted } from "../stage/resample.ts";
import { Surface, type ToolCalls } from "../stage/surface.tsx";
import { undo_keys, use_keys } from "../stage/use_keys.ts";
import { use_loaded } from "../stage/use_loaded.tsx";
import { ClassPanel } from "./class_panel.tsx";
import { type Imported, import_png, settle } from "./import.ts";
import { TwinDialog } from "./import_dialog.tsx";
import { Labels, UnderPointer } from "./labels.tsx";
import { ToolFields, WholePanel } from "./map_panel.tsx";
import { class_painter } from "./painter.ts";
import { class_name, UNLABELLED } from "./palette.ts";
import { use_menu } from "./segment_files.ts";
import { blank_segments, is_segments_document, load_segments, SEG_DEFAULTS, type SegSettings, segments_png, type SegTool, SegTools, type SegWork, store_segments } from "./work.ts";
import "./segments.css";

export const MAX_SEG_BRUSH = 256;
const segSettings = signal<SegSettings>({ ...SEG_DEFAULTS });
const colours = signal<{ current: number; previous: number; recent: number[] }>({ current: 2, previous: 4, recent: [] });

export function set_seg(change: Partial<SegSettings>): void {
  segSettings.value = { ...segSettings.value, ...change };
}

function choose_class(index: number): void {
  const { current, recent } = colours.value;
  if (index === current) return;
  colours.value = { current: index, previous: current, recent: [index, ...recent.filter((other) => other !== index)].slice(0, 8) };
}

function tool_list(): ToolButton<SegTool>[] {
  return [
    { name: "brush", label: t("segments.tool_brush"), key: "B", icon: "paintbrush" },
    { name: "eraser", label: t("segments.tool_eraser"), key: "E", icon: "eraser" },
    { name: "fill", label: t("segments.tool_fill"), key: "G", icon: "paint-bucket" },
    { name: "polygon", label: t("segments.tool_polygon"), key: "Shift+L", svg: svgs.hexagon, apart: true },
    { name: "lasso", label: t("segments.tool_lasso"), key: "L", svg: svgs.lasso },
    { name: "rectangle", label: t("segments.tool_rectangle"), key: "U", icon: "square" },
    { name: "ellipse", label: t("segments.tool_ellipse"), key: "O", icon: "circle" },
    { name: "pick", label: t("segments.tool_pick"), key: "I", svg: svgs.pipette, apart: true },
    { name: "hand", label: t("stage.tool_hand"), key: "H", icon: "hand" },
  ];
}

async function load({ layer, size }: EditorProps): Promise<SegWork> {
  return is_segments_document(layer.document) ? load_segments(layer.document, size) : blank_segments(size);
}

async function refit(work: SegWork, { size }: EditorProps): Promise<SegWork> {
  return load_segments(store_segments(work, await segments_png(work)), size);
}

export function SegmentEditor(props: EditorProps) {
  const view = use_loaded(props, load, refit, () => blank_segments(props.size));
  return view.value ? <Board key={view.key} {...props} loaded={view.value} changed={view.changed} /> : view.placeholder;
}

export type BoardProps = EditorProps & { loaded: SegWork; changed: boolean };

function use_segments(props: BoardProps, lines: boolean) {
  const { layer, size } = props;
  const [work, setWork] = useState(props.loaded);
  const { map, palette, known } = work;
  const [version, setVersion] = useState(0);
  const refresh = () => setVersion((n) => n + 1);
  const painter = useMemo(() => new Painter(map.width, map.height, () => {}), [map]);
  painter.fill = useMemo(() => class_painter(map, palette, lines), [map, palette, lines]);
  useEffect(() => painter.redraw(), [painter, palette, lines]);
  const schedule = use_results(async () => {
    const png = await segments_png(work);
    known.add(png);
    return { png, document: store_segments(work, png) };
  }, props.onChange);
  const changed = (rect: Rect = whole_of(map)) => {
    redraw(rect);
    refresh();
    schedule();
  };
  // An outline belongs to the pixel before the border.
  const redraw = (r: Rect) => !is_empty(r) && painter.redraw({ x0: r.x0 - 1, y0: r.y0 - 1, x1: r.x1, y1: r.y1 });
  useEffect(() => {
    if (props.changed) schedule();
  }, []);
  /** One step of the whole map. */
  const step = (label: string, change: () => unknown) => {
    map.history.begin(label);
    change();
    if (map.history.commit()) changed();
  };
  const put = (found: Imported, label: string) => {
    const plane = fitted(found.plane, size, UNLABELLED, true);
    step(label, () => {
      map.history.touch(map.plane, whole_of(map));
      map.plane.data.set(plane.data);
    });
  };
  use_new_maps(props, true, known, (png) => {
    const found = import_png(png, palette);
    if (layer.document !== undefined) put(found, t("stage.step_map"));
    else {
      map.plane.data.set(fitted(found.plane, size, UNLABELLED, true).data);
      painter.redraw();
      refresh();
    }
    // An annotator's map comes again and again, so it is not asked about, but the other reading is one click away.
    const [taken, other] = (found.ambiguous[0] ?? []).map((entry) => ({ index: entry.index, name: class_name(entry, language.value) }));
    if (taken && other)
      toast({ title: t("segments.twin_taken", { taken: taken.name, other: other.name }), action: { label: other.name, run: () => step(t("segments.step_swap"), () => map.swap(taken.index, other.index)) } });
  });
  const move = (rect: Rect | null, word: string, label: string) => {
    if (!rect) return;
    changed(rect);
    announce(`${word}: ${label}`);
  };
  return {
    work, map, palette, painter, version, refresh, redraw, changed, step, put,
    set_palette: (next: SegWork["palette"]) => {
      setWork({ ...work, palette: next });
      schedule();
    },
    undo: () => move(map.undo(), t("stage.undo"), map.history.redoLabel),
    redo: () => move(map.redo(), t("stage.redo"), map.history.undoLabel),
  };
}

export type SegState = ReturnType<typeof use_segments>;

/** Menu of one class in the picture. */
function class_actions(state: SegState, index: number): MenuEntry[] {
  const { map, palette, step } = state;
  const { current } = colours.value;
  const [name, other] = [class_name(palette.classes[index], language.value), class_name(palette.classes[current], language.value)];
  const same = index === current;
  return [
    { id: "choose", label: t("segments.choose", { name }), icon: "paintbrush", onSelect: () => choose_class(index) },
    { id: "swap", label: t("segments.swap_to", { name: other }), icon: "refresh-cw", disabled: same || map.locked.has(index), onSelect: () => step(t("segments.step_swap"), () => map.swap(index, current)) },
    { id: "exchange", label: t("segments.exchange", { name: other }), icon: "chevrons-up-down", disabled: same || map.locked.has(index) || map.locked.has(current), onSelect: () => step(t("segments.step_exchange"), () => map.exchange(index, current)) },
    { separator: true },
    { id: "clear", label: t("segments.clear_class"), icon: "eraser", danger: true, disabled: map.locked.has(index), onSelect: () => step(t("segments.clear_class"), () => map.swap(index, UNLABELLED)) },
  ];
}

function use_tools(state: SegState, tool: SegTool): SegTools {
  const now = useRef({ state, tool });
  now.current = { state, tool };
  return useMemo(
    () =>
      new SegTools(state.map, {
        settings: () => segSettings.value,
        tool: () => now.current.tool,
        current: () => colours.value.current,
        pick: choose_class,
        label: (name) => t(`segments.tool_${name}`),
        redraw: (rect) => now.current.state.redraw(rect),
        finished: () => now.current.state.changed({ ...NOWHERE }),
        shown: () => now.current.state.refresh(),
      }),
    [state.map],
  );
}

interface SideProps {
  state: SegState;
  tool: SegTool;
  counts: ReadonlyMap<number, number>;
  current: number;
  children: ComponentChildren;
}

function Side({ state, tool, counts, current, children }: SideProps) {
  const { map, palette } = state;
  return (
    <>
      <ClassPanel
        palette={palette}
        current={current}
        recent={colours.value.recent}
        counts={counts}
        pixels={map.width * map.height}
        locked={map.locked}
        onChoose={choose_class}
        onLock={(index) => {
          if (!map.locked.delete(index)) map.locked.add(index);
          state.changed({ ...NOWHERE });
        }}
        actions={(index) => class_actions(state, index)}
      />
      <Panel title={tool_list().find(({ name }) => name === tool)!.label}>
        <ToolFields tool={tool} settings={segSettings.value} onChange={set_seg} />
      </Panel>
      <WholePanel state={state} current={current} unlabelled={counts.get(UNLABELLED) ?? 0} />
      {children}
    </>
  );
}

function use_seg_keys(state: SegState, tools: SegTools, choose: (tool: SegTool) => void): void {
  const size = (way: 1 | -1) => set_seg({ size: step_size(segSettings.value.size, way, MAX_SEG_BRUSH) });
  use_keys({
    ...Object.fromEntries(tool_list().map(({ name, key }) => [key!, () => choose(name)])),
    ...undo_keys(() => (tools.remove_corner() ? undefined : state.undo()), state.redo),
    "[": () => size(-1),
    "]": () => size(1),
    X: () => choose_class(colours.value.previous),
    Enter: () => (tools.close() ? undefined : false),
    Escape: () => (tools.discard() ? undefined : false),
    Backspace: () => (tools.remove_corner() ? undefined : false),
  });
}

/** What is shown, apart from the map. */
interface Shown {
  lines: boolean;
  labels: boolean;
  /** Of the map over the photograph, percent. */
  opacity: number;
}

function Bar({ state, shown, onShow }: { state: SegState; shown: Shown; onShow: (change: Partial<Shown>) => void }) {
  return (
    <>
      <UndoButtons state={state.map.history} onUndo={state.undo} onRedo={state.redo} />
      <BarSlider label={t("stage.size")} tip={t("stage.size_tip")} value={segSettings.value.size} min={1} max={MAX_SEG_BRUSH} curved suffix="px" onChange={(size) => set_seg({ size })} />
      <div class="stage-symmetry">
        <IconButton icon="square-dashed" label={t("segments.show_lines")} pressed={shown.lines} onClick={() => onShow({ lines: !shown.lines })} />
        <IconButton svg={svgs.words} label={t("segments.show_labels")} pressed={shown.labels} onClick={() => onShow({ labels: !shown.labels })} />
      </div>
    </>
  );
}

/** The tool's calls, with what lies under the pointer told to `hovered`. */
function tool_calls(tools: SegTools, named: (p: Point) => string, hovered: Signal<number | null>): ToolCalls {
  const { map } = tools;
  return {
    down: (contact) => tools.down(contact),
    move: (contacts) => tools.move(contacts),
    up: () => tools.up(),
    cancel: () => tools.cancel(),
    hover: (contact) => {
      hovered.value = contact && map.at(contact);
      tools.hover(contact);
    },
    longPress: (contact) => {
      const index = map.at(contact);
      if (index !== UNLABELLED) choose_class(index);
      toast({ kind: "info", title: named(contact) });
    },
  };
}

function Board(props: BoardProps) {
  const { background, size } = props;
  const [shown, setShown] = useState<Shown>({ lines: true, labels: true, opacity: background ? 70 : 100 });
  const show = (change: Partial<Shown>) => setShown((before) => ({ ...before, ...change }));
  const [tool, setTool] = useState<SegTool>("brush");
  const state = use_segments(props, shown.lines);
  const { map, palette } = state;
  const tools = use_tools(state, tool);
  const menu = use_menu(state);
  const hovered = useMemo(() => signal<number | null>(null), []);
  const counts = useMemo(() => map.counts(), [map, state.version]);
  const current = Math.min(colours.value.current, palette.classes.length - 1);
  const choose = (next: SegTool) => {
    tools.discard();
    setTool(next);
  };
  use_seg_keys(state, tools, choose);
  const named = (p: Point) => class_name(palette.classes[map.at(p)], language.value) || t("segments.unlabelled");
  const { question } = menu;
  return (
    <EditorFrame
      name="segments"
      menu={menu.entries}
      onFile={menu.take}
      tools={<ToolStrip tools={tool_list()} value={tool} onChange={choose} />}
      bar={<Bar state={state} shown={shown} onShow={show} />}
      side={
        <Side state={state} tool={tool} counts={counts} current={current}>
          {background && (
            <Panel title={t("stage.show")}>
              <Slider label={t("stage.map_opacity")} value={shown.opacity} min={0} max={100} initial={70} suffix="%" onChange={(opacity) => show({ opacity })} />
            </Panel>
          )}
        </Side>
      }
    >
      <Surface
        size={size}
        label={t("segments.board")}
        painter={state.painter}
        tool={tool_calls(tools, named, hovered)}
        hand={tool === "hand"}
        brush={tool === "brush" || tool === "eraser" ? segSettings.value.size / 2 : null}
        paper="checks"
        photo={background}
        photoOpacity={1}
        mapOpacity={shown.opacity / 100}
        overlay={(view) => (
          <>
            {shown.labels && <Labels map={map} palette={palette} version={state.version} view={view} />}
            <ShapePreview points={tools.preview} view={view} width={0} white filled />
          </>
        )}
        onAccept={() => tools.close()}
        describe={named}
      >
        <UnderPointer index={hovered} palette={palette} />
      </Surface>
      {question && <TwinDialog group={question.group} onChosen={(index) => {
        settle(question.found.plane, question.group, index);
        menu.answered();
      }} />}
    </EditorFrame>
  );
}
