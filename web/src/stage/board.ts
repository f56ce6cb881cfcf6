// SPDX-License-Identifier: Apache-2.0
// The work on one drawing, common to scribbles and masks: loading, tools, undo, results.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { announce, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { EditorProps } from "../layers/editor.ts";
import type { BrushSignal } from "./brush_panel.tsx";
import { KnownMaps } from "./documents.ts";
import { control_map, Drawing } from "./drawing.ts";
import { use_new_maps, use_results } from "./exporting.ts";
import { Painter, type Fill } from "./painter.ts";
import { gray8_of } from "./pixels.ts";
import { encodeGray, type Png } from "./png.ts";
import type { Rect } from "./raster.ts";
import { fitted } from "./resample.ts";
import { is_scribble_document, load_drawing, store_drawing } from "./scribble_document.ts";
import { type ScribbleTool, ScribbleTools } from "./scribble_tools.ts";

export interface LoadedBoard {
  drawing: Drawing;
  known: KnownMaps;
}

export function blank_board({ size }: EditorProps): LoadedBoard {
  return { drawing: new Drawing(size.width, size.height), known: new KnownMaps() };
}

export async function load_board(props: EditorProps): Promise<LoadedBoard> {
  const { layer, size } = props;
  if (!is_scribble_document(layer.document)) return blank_board(props);
  return { drawing: await load_drawing(layer.document, size), known: new KnownMaps(layer.document.known) };
}

export async function refit_board({ drawing, known }: LoadedBoard, props: EditorProps): Promise<LoadedBoard> {
  return { drawing: await load_drawing(await store_drawing(drawing, known.list()), props.size), known };
}

export interface BoardOptions {
  fill: Fill;
  brush: BrushSignal;
  /** Tool at the beginning. */
  first: ScribbleTool;
  /** What a map from elsewhere becomes: the ground under the drawing (false), or ink of its own (true). */
  mapIsInk?: boolean;
}

export type BoardProps = EditorProps & LoadedBoard & { changed: boolean };

/** `version` changes when something has to be shown again. */
export function use_board(props: BoardProps, options: BoardOptions) {
  const { drawing, known, layer } = props;
  const [version, setVersion] = useState(0);
  const [tool, setTool] = useState<ScribbleTool>(options.first);
  const toolNow = useRef(tool);
  toolNow.current = tool;
  const refresh = () => setVersion((n) => n + 1);
  const painter = useMemo(() => new Painter(drawing.width, drawing.height, options.fill), [drawing]);
  painter.fill = options.fill;
  useEffect(() => painter.redraw(), [painter, options.fill]);

  const schedule = use_results(async () => {
    const png = await encodeGray(control_map(drawing).data, drawing.width, drawing.height);
    known.add(png);
    return { png, document: await store_drawing(drawing, known.list()) };
  }, props.onChange);
  const changed = () => {
    refresh();
    schedule();
  };
  const everything = () => {
    painter.redraw();
    changed();
  };
  useEffect(() => {
    if (props.changed) schedule();
  }, []);

  use_new_maps(props, true, known, (png: Png) => {
    const plane = fitted(gray8_of(png), props.size, 0);
    if (options.mapIsInk) drawing.map_active(t("stage.step_map"), () => plane.data);
    else drawing.set_base(t("stage.step_map"), plane, drawing.base !== null);
    painter.redraw();
    refresh();
    // A map alone is the layer's own already; with drawing on it a new one has to be made.
    if (layer.document !== undefined) schedule();
  });

  const tools = useMemo(
    () =>
      new ScribbleTools(drawing, {
        settings: () => options.brush.value,
        tool: () => toolNow.current,
        label: (name) => t(`stage.tool_${name}`),
        redraw: (rect) => painter.redraw(rect),
        finished: changed,
        shown: refresh,
        refused: () => toast({ kind: "info", title: t("stage.layer_refuses"), detail: t("stage.layer_refuses_why") }),
      }),
    [drawing],
  );
  const choose = (next: ScribbleTool) => {
    if (next !== "bezier") tools.accept();
    setTool(next);
  };
  const step = (rect: Rect | null, label: string, word: string) => {
    if (!rect) return;
    painter.redraw(rect);
    changed();
    announce(`${word}: ${label}`);
  };
  const undo = () => {
    if (!tools.discard()) step(drawing.undo(), drawing.history.redoLabel, t("stage.undo"));
  };
  const redo = () => step(drawing.redo(), drawing.history.undoLabel, t("stage.redo"));
  return { drawing, painter, tools, tool, choose, version, refresh, everything, undo, redo };
}

export type BoardState = ReturnType<typeof use_board>;
