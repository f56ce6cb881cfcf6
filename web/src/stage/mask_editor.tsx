// SPDX-License-Identifier: Apache-2.0
// Masks: the part to be painted anew, or the region in which a control works. White is inside.
import { useMemo, useState } from "preact/hooks";
import { Button, type MenuEntry, NumberField, Slider, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { EditorProps } from "../layers/editor.ts";
import { blank_board, type BoardProps, type BoardState, load_board, refit_board, use_board } from "./board.ts";
import { areaBrush, brush_keys, BrushFields, SizeSlider } from "./brush_panel.tsx";
import { EditorFrame, Panel, type ToolButton, ToolStrip, UndoButtons } from "./chrome.tsx";
import type { Drawing } from "./drawing.ts";
import { words_of } from "./exporting.ts";
import { pick_file, read_picture } from "./files.ts";
import { svgs } from "./icons.ts";
import { feathered, grown, inverted } from "./mask.ts";
import { ShapePreview } from "./overlays.tsx";
import type { Fill } from "./painter.ts";
import { gray_of } from "./pixels.ts";
import { fitted } from "./resample.ts";
import { export_png } from "./scribble_files.ts";
import type { ScribbleTool } from "./scribble_tools.ts";
import { Surface, type ToolCalls } from "./surface.tsx";
import { undo_keys, use_keys } from "./use_keys.ts";
import { use_loaded } from "./use_loaded.tsx";

const MASK_BRUSH = 256;

function tool_list(): ToolButton<ScribbleTool>[] {
  return [
    { name: "brush", label: t("stage.tool_mask_brush"), key: "B", icon: "paintbrush" },
    { name: "eraser", label: t("stage.tool_eraser"), key: "E", icon: "eraser" },
    { name: "lasso", label: t("stage.tool_lasso"), key: "L", svg: svgs.lasso, apart: true },
    { name: "rectangle", label: t("stage.tool_rectangle"), key: "U", icon: "square" },
    { name: "ellipse", label: t("stage.tool_ellipse"), key: "O", icon: "circle" },
    { name: "fill", label: t("stage.tool_fill"), key: "G", icon: "paint-bucket" },
    { name: "hand", label: t("stage.tool_hand"), key: "H", icon: "hand", apart: true },
  ];
}

/** Masked pixels in a colour that is rare in photographs, half transparent; without a photograph white as in the file. */
function tint(drawing: Drawing, photo: boolean): Fill {
  const [r, g, b, strength] = photo ? [255, 45, 110, 0.58] : [255, 255, 255, 1];
  return (rect, out) => {
    for (let y = rect.y0; y < rect.y1; ++y)
      for (let i = y * drawing.width + rect.x0, end = y * drawing.width + rect.x1; i < end; ++i) {
        out[4 * i] = r;
        out[4 * i + 1] = g;
        out[4 * i + 2] = b;
        out[4 * i + 3] = drawing.composed.data[i]! * strength;
      }
  };
}

export function MaskEditor(props: EditorProps) {
  const view = use_loaded(props, load_board, refit_board, () => blank_board(props));
  return view.value ? <Board key={view.key} {...props} {...view.value} changed={view.changed} /> : view.placeholder;
}

/** Changes of the whole mask, each one step. */
function use_whole(board: BoardState) {
  const { drawing } = board;
  return (label: string, change: (data: Uint8Array) => Uint8Array) => {
    if (drawing.map_active(label, change)) board.everything();
  };
}

function WholeMask({ board }: { board: BoardState }) {
  const { width, height } = board.drawing;
  const whole = use_whole(board);
  const [by, setBy] = useState(8);
  return (
    <Panel title={t("stage.mask_whole")}>
      <div class="stage-row">
        <Button small icon="moon" onClick={() => whole(t("stage.mask_invert"), inverted)}>{t("stage.mask_invert")}</Button>
        <Button small icon="square" onClick={() => whole(t("stage.mask_all"), (data) => new Uint8Array(data.length).fill(255))}>{t("stage.mask_all")}</Button>
        <Button small icon="trash-2" onClick={() => whole(t("stage.mask_clear"), (data) => new Uint8Array(data.length))}>{t("stage.mask_clear")}</Button>
      </div>
      <NumberField label={t("stage.mask_pixels")} value={by} min={1} max={128} suffix="px" onChange={setBy} />
      <div class="stage-row">
        <Button small onClick={() => whole(t("stage.mask_grow"), (data) => grown(data, width, height, by))}>{t("stage.mask_grow")}</Button>
        <Button small onClick={() => whole(t("stage.mask_shrink"), (data) => grown(data, width, height, -by))}>{t("stage.mask_shrink")}</Button>
        <Button small onClick={() => whole(t("stage.mask_feather"), (data) => feathered(data, width, height, by))}>{t("stage.mask_feather")}</Button>
      </div>
    </Panel>
  );
}

/** Share of the picture that is masked, percent. */
function coverage(drawing: Drawing): number {
  let sum = 0;
  for (const value of drawing.composed.data) sum += value;
  return (100 * sum) / (255 * drawing.composed.data.length);
}

function use_menu(board: BoardState): { entries: MenuEntry[]; take: (file: File | null) => void } {
  const { drawing } = board;
  const whole = use_whole(board);
  const failed = (error: unknown) => toast({ kind: "error", title: t("stage.file_failed"), detail: words_of(error) });
  const take = (file: File | null) => {
    if (!file) return;
    const size = { width: drawing.width, height: drawing.height };
    read_picture(file, size).then((picture) => whole(t("stage.import_mask"), () => fitted(gray_of(picture), size, 0).data)).catch(failed);
  };
  return {
    take,
    entries: [
      { id: "import", label: t("stage.import_mask"), icon: "image-plus", detail: t("stage.import_mask_detail"), onSelect: () => void pick_file("image/*").then(take) },
      { id: "png", label: t("stage.save_mask"), icon: "download", detail: t("stage.save_mask_detail"), onSelect: () => void export_png(drawing, "mask").catch(failed) },
    ],
  };
}

function Board(props: BoardProps) {
  const { drawing, background } = props;
  const fill = useMemo(() => tint(drawing, background !== undefined), [drawing, background]);
  const board = use_board(props, { fill, brush: areaBrush, first: "brush", mapIsInk: true });
  const { tool, tools, choose } = board;
  const [shown, setShown] = useState(100);
  const menu = use_menu(board);
  const brush = areaBrush.value;
  use_keys({
    ...Object.fromEntries(tool_list().map(({ name, key }) => [key!, () => choose(name)])),
    ...brush_keys(areaBrush, MASK_BRUSH),
    ...undo_keys(board.undo, board.redo),
    X: () => choose(tool === "eraser" ? "brush" : "eraser"),
  });
  const calls: ToolCalls = {
    down: (contact) => tools.down(contact),
    move: (contacts) => tools.move(contacts),
    up: () => tools.up(),
    cancel: () => tools.cancel(),
  };
  return (
    <EditorFrame
      name="mask"
      menu={menu.entries}
      onFile={menu.take}
      tools={<ToolStrip tools={tool_list()} value={tool} onChange={choose} />}
      bar={
        <>
          <UndoButtons state={drawing.history} onUndo={board.undo} onRedo={board.redo} />
          <SizeSlider brush={areaBrush} max={MASK_BRUSH} />
        </>
      }
      side={
        <>
          <Panel title={tool_list().find(({ name }) => name === tool)!.label}>
            <BrushFields brush={areaBrush} tool={tool} fade />
          </Panel>
          <WholeMask board={board} />
          <Panel title={t("stage.show")}>
            <Slider label={t("stage.mask_shown")} value={shown} min={10} max={100} initial={100} suffix="%" onChange={setShown} />
            <p class="stage-hint num">{t("stage.mask_share", { share: coverage(drawing).toFixed(1) })}</p>
          </Panel>
        </>
      }
    >
      <Surface
        size={props.size}
        label={t("stage.mask_board")}
        painter={board.painter}
        tool={calls}
        hand={tool === "hand"}
        brush={tool === "brush" || tool === "eraser" ? brush.size / 2 : null}
        paper="black"
        photo={background}
        photoOpacity={1}
        mapOpacity={shown / 100}
        overlay={(view) => <ShapePreview points={tools.preview} view={view} width={0} white filled={tool === "lasso" || brush.filled} />}
        describe={(p) => t(drawing.composed.data[Math.floor(p.y) * drawing.width + Math.floor(p.x)]! >= 128 ? "stage.in_mask" : "stage.out_of_mask")}
      />
    </EditorFrame>
  );
}
