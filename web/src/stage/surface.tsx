// SPDX-License-Identifier: Apache-2.0
// The area on which an editor draws: paper, photograph, map and handles, with zoom, and pointers turned into tools' calls.
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Signal, signal } from "@preact/signals";
import { announce, IconButton, names } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { Painter } from "./painter.ts";
import type { Point } from "./raster.ts";
import { use_keyboard_pen } from "./keyboard_pen.ts";
import { type ToolCalls, use_pointers } from "./use_pointers.ts";
import { is_writing, use_keys } from "./use_keys.ts";
import { fit, kept_in, panned, type Size, to_window, type View, zoom } from "./view.ts";
import "./surface.css";

export type { Contact, ToolCalls } from "./use_pointers.ts";

export interface SurfaceProps {
  size: Size;
  /** Name of the drawing, read aloud. */
  label: string;
  painter: Painter;
  tool: ToolCalls;
  /** The hand tool is chosen: pointers move the drawing. */
  hand?: boolean;
  /** The usual arrow instead of a cross: what is there is picked. */
  arrow?: boolean;
  /** Radius of the brush in pixels of the drawing, shown as a ring; null: a cross. */
  brush: number | null;
  paper: "white" | "black" | "checks";
  photo?: string | undefined;
  /** 0..1. */
  photoOpacity?: number;
  mapOpacity?: number;
  /** SVG in pixels of the window, above the drawing. */
  overlay?: (view: View) => ComponentChildren;
  /** Enter, while a curve or polygon waits for it; true when there was one. */
  onAccept?: () => boolean;
  /** What lies at a place, for those who draw by keys. */
  describe?: (p: Point) => string;
  /** HTML that floats above, in a corner. */
  children?: ComponentChildren;
}

/** The size of an element, followed. */
function use_size(): [(element: HTMLElement | null) => void, Size, { current: HTMLElement | null }] {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const element = useRef<HTMLElement | null>(null);
  const observer = useRef<ResizeObserver | null>(null);
  const attach = useCallback((next: HTMLElement | null) => {
    observer.current?.disconnect();
    element.current = next;
    if (!next) return;
    const measure = () => setSize({ width: next.clientWidth, height: next.clientHeight });
    observer.current = new ResizeObserver(measure);
    observer.current.observe(next);
    measure();
  }, []);
  return [attach, size, element];
}

/** The view follows the window until somebody zooms or pans. */
function use_view(size: Size, window: Size): [View, (change: (view: View) => View) => void, () => void] {
  const [view, setView] = useState<View>({ scale: 1, x: 0, y: 0 });
  const own = useRef(false);
  const last = useRef(window);
  useLayoutEffect(() => {
    if (!window.width) return;
    const [dx, dy] = [(window.width - last.current.width) / 2, (window.height - last.current.height) / 2];
    last.current = window;
    setView((before) => (own.current ? kept_in(panned(before, dx, dy), size, window) : fit(size, window)));
  }, [window.width, window.height, size.width, size.height]);
  const change = useCallback(
    (next: (view: View) => View) => {
      own.current = true;
      setView((before) => kept_in(next(before), size, window));
    },
    [size.width, size.height, window.width, window.height],
  );
  const reset = useCallback(() => {
    own.current = false;
    setView(fit(size, window));
  }, [size.width, size.height, window.width, window.height]);
  return [view, change, reset];
}

/** Space is held while the pointer is above the drawing: the hand. */
function use_space(over: { current: boolean }): boolean {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (event.key !== " " || is_writing(event.target) || !over.current || event.ctrlKey) return;
      event.preventDefault();
      setHeld(true);
    };
    const up = (event: KeyboardEvent) => {
      if (event.key !== " ") return;
      if (over.current && !is_writing(event.target)) event.preventDefault();
      setHeld(false);
    };
    const blur = () => setHeld(false);
    document.addEventListener("keydown", down, true);
    document.addEventListener("keyup", up, true);
    window.addEventListener("blur", blur);
    return () => {
      document.removeEventListener("keydown", down, true);
      document.removeEventListener("keyup", up, true);
      window.removeEventListener("blur", blur);
    };
  }, []);
  return held;
}

/** Drawn again with each move of the pointer, and nothing else with it. */
function BrushRing({ cursor, radius }: { cursor: Signal<Point | null>; radius: number | null }) {
  const at = cursor.value;
  if (!at) return null;
  if (radius === null || radius < 3) {
    const arm = 9;
    const d = `M${at.x - arm} ${at.y}h6m6 0h6M${at.x} ${at.y - arm}v6m0 6v6`;
    return (
      <g class="stage-cursor">
        <path d={d} class="stage-cursor-out" />
        <path d={d} class="stage-cursor-in" />
        {radius !== null && <circle cx={at.x} cy={at.y} r={Math.max(1, radius)} class="stage-cursor-in" />}
      </g>
    );
  }
  return (
    <g class="stage-cursor">
      <circle cx={at.x} cy={at.y} r={radius} class="stage-cursor-out" />
      <circle cx={at.x} cy={at.y} r={radius} class="stage-cursor-in" />
    </g>
  );
}

function ZoomBar({ scale, onZoom, onFit }: { scale: number; onZoom: (factor: number) => void; onFit: () => void }) {
  return (
    <div class="stage-zoom" role="group" aria-label={t("stage.zoom")}>
      <IconButton small icon="minus" label={t("stage.zoom_out")} shortcut="-" onClick={() => onZoom(1 / 1.4)} />
      <button type="button" class="stage-zoom-value num" data-tip={`${t("stage.fit")} (0)`} aria-label={`${Math.round(scale * 100)} %, ${t("stage.fit")}`} onClick={onFit}>
        {Math.round(scale * 100)} %
      </button>
      <IconButton small icon="plus" label={t("stage.zoom_in")} shortcut="+" onClick={() => onZoom(1.4)} />
    </div>
  );
}

export function Surface(props: SurfaceProps) {
  const { size, painter, tool, hand = false, brush, overlay, describe } = props;
  const [attach, window, element] = use_size();
  const [view, changeView, resetView] = use_view(size, window);
  const over = useRef(false);
  const space = use_space(over);
  const cursor = useMemo(() => signal<Point | null>(null), []);
  const setCursor = (p: Point | null) => (cursor.value = p);
  const latest = useRef({ view, tool });
  latest.current = { view, tool };
  const middle = { x: window.width / 2, y: window.height / 2 };
  const zoomBy = (factor: number) => changeView((before) => zoom(before, factor, middle));
  use_keys({ "0": resetView, "+": () => zoomBy(1.4), "=": () => zoomBy(1.4), "-": () => zoomBy(1 / 1.4) });

  const pointers = use_pointers({ element, latest, hand: hand || space, changeView, setCursor });
  const pen = use_keyboard_pen({ size, latest, announce, describe, accept: props.onAccept, onMove: (p) => setCursor(to_window(latest.current.view, p)) });
  const moving = hand || space || pointers.panning;
  const photo = useMemo(() => props.photo && <img class="stage-photo" src={props.photo} alt="" draggable={false} style={{ opacity: props.photoOpacity ?? 0.5 }} />, [props.photo, props.photoOpacity]);
  return (
    <div
      ref={attach}
      class={names("stage-surface", moving && "stage-surface-hand", pointers.panning && "stage-surface-panning", props.arrow && !moving && "stage-surface-arrow")}
      role="application"
      tabIndex={0}
      aria-label={props.label}
      aria-roledescription={t("stage.drawing_area")}
      aria-keyshortcuts="Enter"
      data-testid="stage-surface"
      {...pointers.handlers}
      onPointerEnter={() => (over.current = true)}
      onPointerLeave={() => {
        over.current = false;
        setCursor(null);
        latest.current.tool.hover?.(null);
      }}
      onPointerDownCapture={() => {
        pen.rest();
        // The frame of the focus is for those who come by keys.
        element.current?.setAttribute("data-pointer", "");
      }}
      onKeyDown={(event) => {
        if (event.key === "Tab" || event.key.startsWith("Arrow")) element.current?.removeAttribute("data-pointer");
        if (event.key === "Escape" && pointers.abandon()) event.preventDefault();
        else pen.key(event);
      }}
      onBlur={() => {
        pen.leave();
        element.current?.removeAttribute("data-pointer");
      }}
      onContextMenu={(event) => event.preventDefault()}
    >
      <div
        class={names("stage-sheet", `stage-paper-${props.paper}`, view.scale * devicePixelRatio >= 2.5 && "stage-sharp")}
        style={{ inlineSize: `${size.width}px`, blockSize: `${size.height}px`, transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
      >
        {photo}
        <canvas ref={painter.attach} class="stage-map" style={{ opacity: props.mapOpacity ?? 1 }} aria-hidden="true" />
      </div>
      <svg class="stage-overlay" width={window.width} height={window.height}>
        {overlay?.(view)}
        {!moving && !props.arrow && <BrushRing cursor={cursor} radius={brush === null ? null : brush * view.scale} />}
      </svg>
      {props.children}
      <ZoomBar scale={view.scale} onZoom={zoomBy} onFit={resetView} />
    </div>
  );
}
