// SPDX-License-Identifier: Apache-2.0
// The drawing board for scribbles and other maps of lines; over an annotator's map it draws and rubs out.
import { useMemo, useState } from "preact/hooks";
import { type MenuEntry, Segmented, Slider, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { EditorProps } from "../layers/editor.ts";
import { blank_board, type BoardProps, type BoardState, load_board, refit_board, use_board } from "./board.ts";
import { brush_keys, BrushFields, lineBrush, SizeSlider, SymmetryButtons } from "./brush_panel.tsx";
import { EditorFrame, Panel, type ToolButton, ToolStrip, UndoButtons } from "./chrome.tsx";
import type { Drawing } from "./drawing.ts";
import { words_of } from "./exporting.ts";
import { pick_file } from "./files.ts";
import { svgs } from "./icons.ts";
import { LayersPanel } from "./layers_panel.tsx";
import { inverted } from "./mask.ts";
import { CurveHandles, ShapePreview, SymmetryLines } from "./overlays.tsx";
import type { Rect } from "./raster.ts";
import { export_ora, export_png, import_into } from "./scribble_files.ts";
import type { ScribbleTool } from "./scribble_tools.ts";
import { Surface, type ToolCalls } from "./surface.tsx";
import { undo_keys, use_keys } from "./use_keys.ts";
import { use_loaded } from "./use_loaded.tsx";

function tool_list(): ToolButton<ScribbleTool>[] {
  return [
    { name: "brush", label: t("stage.tool_brush"), key: "B", icon: "pencil" },
    { name: "eraser", label: t("stage.tool_eraser"), key: "E", icon: "eraser" },
    { name: "line", label: t("stage.tool_line"), key: "U", svg: svgs.slash, apart: true },
    { name: "rectangle", label: t("stage.tool_rectangle"), key: "Shift+U", icon: "square" },
    { name: "ellipse", label: t("stage.tool_ellipse"), key: "O", icon: "circle" },
    { name: "bezier", label: t("stage.tool_bezier"), key: "K", icon: "spline" },
    { name: "lasso", label: t("stage.tool_lasso"), key: "L", svg: svgs.lasso, apart: true },
    { name: "fill", label: t("stage.tool_fill"), key: "G", icon: "paint-bucket" },
    { name: "move", label: t("stage.tool_move"), key: "V", icon: "move", apart: true },
    { name: "hand", label: t("stage.tool_hand"), key: "H", icon: "hand" },
  ];
}

export function ScribbleEditor(props: EditorProps) {
  const view = use_loaded(props, load_board, refit_board, () => blank_board(props));
  return view.value ? <Board key={view.key} {...props} {...view.value} changed={view.changed} /> : view.placeholder;
}

/** Where drawn lines are shown as on paper; other maps are shown as they are used. */
function on_paper(kind: string): boolean {
  return kind === "scribble" || kind === "fake_scribble";
}

/** Ink in one colour, its opacity as the ink's: the photograph shows through. */
function ink_painter(drawing: Drawing, white: boolean): (rect: Rect, out: Uint8ClampedArray) => void {
  const level = white ? 255 : 0;
  return (r, out) => {
    for (let y = r.y0; y < r.y1; ++y)
      for (let i = y * drawing.width + r.x0, end = y * drawing.width + r.x1; i < end; ++i) {
        out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = level;
        out[4 * i + 3] = drawing.composed.data[i]!;
      }
  };
}

/** Files in and out, with what went wrong said. */
function use_files(board: BoardState, name: string) {
  const guarded = (work: () => Promise<unknown>) => {
    work().catch((error: unknown) => toast({ kind: "error", title: t("stage.file_failed"), detail: words_of(error) }));
  };
  const take = (file: File | null) =>
    guarded(async () => {
      const count = file ? await import_into(board.drawing, file) : 0;
      if (!file) return;
      board.everything();
      toast({ kind: "ok", title: t("stage.imported", { count, name: file.name }) });
    });
  const whole = (label: string, change: (data: Uint8Array) => Uint8Array) => {
    if (board.drawing.map_active(label, change)) board.everything();
  };
  const entries: MenuEntry[] = [
    { id: "import", label: t("stage.import"), icon: "image-plus", detail: t("stage.import_kinds"), onSelect: () => void pick_file("image/*,.ora").then(take) },
    { separator: true },
    { id: "png", label: t("stage.save_png"), icon: "download", detail: t("stage.save_png_detail"), onSelect: () => guarded(() => export_png(board.drawing, name)) },
    { id: "ora", label: t("stage.save_ora"), icon: "layers", detail: t("stage.save_ora_detail"), onSelect: () => guarded(() => export_ora(board.drawing, name)) },
    { separator: true },
    { id: "invert", label: t("stage.invert_layer"), icon: "moon", onSelect: () => whole(t("stage.invert_layer"), inverted) },
    { id: "clear", label: t("stage.clear_layer"), icon: "trash-2", danger: true, onSelect: () => whole(t("stage.clear_layer"), (data) => new Uint8Array(data.length)) },
  ];
  return { take, entries };
}

function Board(props: BoardProps) {
  const { drawing, layer, background } = props;
  const [white, setWhite] = useState(!on_paper(layer.kind));
  const [photo, setPhoto] = useState(background ? 45 : 0);
  const fill = useMemo(() => ink_painter(drawing, white), [drawing, white]);
  const board = use_board(props, { fill, brush: lineBrush, first: "brush" });
  const files = use_files(board, layer.kind);
  const { tool, tools, choose, version } = board;
  const brush = lineBrush.value;
  const symmetry = drawing.symmetry;
  const setSymmetry = (next: typeof symmetry) => {
    drawing.symmetry = next;
    board.refresh();
  };
  const keys = Object.fromEntries(tool_list().map(({ name, key }) => [key!, () => choose(name)]));
  use_keys({
    ...keys,
    ...brush_keys(lineBrush),
    ...undo_keys(board.undo, board.redo),
    M: () => setSymmetry({ ...symmetry, x: !symmetry.x }),
    X: () => choose(tool === "eraser" ? "brush" : "eraser"),
    Enter: () => (tools.accept() ? undefined : false),
    Escape: () => (tools.discard() ? undefined : false),
  });
  const calls: ToolCalls = {
    down: (contact) => tools.down(contact),
    move: (contacts) => tools.move(contacts),
    up: () => tools.up(),
    cancel: () => tools.cancel(),
  };
  const { history } = drawing;
  const areas = tool === "lasso" || (brush.filled && tool !== "line");
  const title = t(`stage.board`, { kind: layer.kind });
  return (
    <EditorFrame
      name="scribble"
      menu={files.entries}
      onFile={files.take}
      tools={<ToolStrip tools={tool_list()} value={tool} onChange={choose} />}
      bar={
        <>
          <UndoButtons state={history} onUndo={board.undo} onRedo={board.redo} />
          <SizeSlider brush={lineBrush} />
          <SymmetryButtons value={symmetry} onChange={setSymmetry} />
        </>
      }
      side={
        <>
          <Panel title={tool_list().find(({ name }) => name === tool)!.label}>
            <BrushFields brush={lineBrush} tool={tool} symmetry={symmetry} onSymmetry={setSymmetry} fade={!on_paper(layer.kind)} />
          </Panel>
          <LayersPanel drawing={drawing} version={version} onChanged={board.everything} />
          <Panel title={t("stage.show")}>
            <Segmented
              label={t("stage.ground")}
              hideLabel
              value={white ? "board" : "paper"}
              options={[{ value: "paper", label: t("stage.ground_paper") }, { value: "board", label: t("stage.ground_board"), help: t("stage.ground_board_help") }]}
              onChange={(value) => setWhite(value === "board")}
            />
            {background && <Slider label={t("stage.photo")} help={t("stage.photo_help")} value={photo} min={0} max={100} suffix="%" onChange={setPhoto} />}
            <p class="stage-hint">{t("stage.exported_once")}</p>
          </Panel>
        </>
      }
    >
      <Surface
        size={props.size}
        label={title}
        painter={board.painter}
        tool={calls}
        hand={tool === "hand"}
        brush={tool === "fill" || tool === "move" || tool === "lasso" ? null : brush.size / 2}
        paper={white ? "black" : "white"}
        photo={background}
        photoOpacity={photo / 100}
        overlay={(view) => (
          <>
            <SymmetryLines symmetry={symmetry} size={props.size} view={view} />
            <ShapePreview points={tools.preview} view={view} width={areas ? 0 : brush.size} white={white} filled={areas} />
            {tools.curve && <CurveHandles curve={tools.curve} view={view} width={brush.size} white={white} onMove={(name, p) => tools.move_handle(name, p)} onAccept={() => tools.accept()} />}
          </>
        )}
        onAccept={() => tools.accept()}
        describe={(p) => t(drawing.composed.data[Math.floor(p.y) * drawing.width + Math.floor(p.x)]! >= 128 ? "stage.on_ink" : "stage.on_ground")}
      />
    </EditorFrame>
  );
}
