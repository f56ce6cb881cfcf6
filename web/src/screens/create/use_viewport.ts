// SPDX-License-Identifier: Apache-2.0
// What wheel, fingers, mouse and keys do to the view of a picture in its frame.
import type { Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { stageCommand } from "../../state/actions.ts";
import { centred, fit, keep_near, pinch, zoom_at, type Point, type Size, type View } from "./viewport_math.ts";

type FrameRef = { readonly current: HTMLDivElement | null };

function point_in(frame: FrameRef, event: { clientX: number; clientY: number }): Point {
  const box = frame.current!.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

// The frame's size in CSS pixels, kept up to date; 0 x 0 before the first layout.
function useFrameSize(frame: FrameRef): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return size;
}

// Not passive, since the page must not scroll.
function useWheel(frame: FrameRef, listen: (event: WheelEvent) => void): void {
  const latest = useRef(listen);
  latest.current = listen;
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const call = (event: WheelEvent) => latest.current(event);
    element.addEventListener("wheel", call, { passive: false });
    return () => element.removeEventListener("wheel", call);
  }, []);
}

// Keys and buttons elsewhere on the page.
function useCommands(listens: boolean, zoom: (factor: number) => void, fit_all: () => void): void {
  const command = stageCommand.value;
  const last = useRef(command?.count ?? 0);
  useEffect(() => {
    if (!command || command.count === last.current) return;
    last.current = command.count;
    if (!listens) return;
    if (command.name === "fit") fit_all();
    else zoom(command.name === "zoom_in" ? 1.25 : 0.8);
  }, [command]);
}

// One pointer moves the picture, two zoom it.
function usePointers(frame: FrameRef, shown: View, move: (view: View) => void) {
  const pointers = useRef(new Map<number, Point>());
  const end = (event: PointerEvent) => void pointers.current.delete(event.pointerId);
  return {
    onPointerDown(event: PointerEvent) {
      if ((event.target as Element).closest("[data-no-pan]") || event.button > 1) return;
      frame.current!.setPointerCapture(event.pointerId);
      pointers.current.set(event.pointerId, point_in(frame, event));
    },
    onPointerMove(event: PointerEvent) {
      const before = pointers.current.get(event.pointerId);
      if (!before) return;
      const now = point_in(frame, event);
      const other = [...pointers.current.entries()].find(([id]) => id !== event.pointerId)?.[1];
      move(other ? pinch(shown, [before, other], [now, other]) : { ...shown, x: shown.x + now.x - before.x, y: shown.y + now.y - before.y });
      pointers.current.set(event.pointerId, now);
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}

const arrows: Record<string, [number, number]> = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };

// Null in `shared`: fitted. Frames that share a view show the same part; all but one of them leave keys and commands alone.
export function useViewport(frame: FrameRef, picture: Size, shared?: Signal<View | null>, follows = false) {
  const size = useFrameSize(frame);
  const [own, setOwn] = useState<View | null>(null); // null: fitted
  const view = shared ? shared.value : own;
  const setView = (next: View | null) => (shared ? void (shared.value = next) : setOwn(next));
  const shown = view ?? fit(picture, size);
  // Another picture begins fitted.
  useEffect(() => setView(null), [picture.width, picture.height]);

  const move = (next: View) => setView(keep_near(next, picture, size));
  const zoom = (factor: number, at: Point = { x: size.width / 2, y: size.height / 2 }) => move(zoom_at(shown, factor, at.x, at.y));
  const fit_all = () => setView(null);
  useCommands(!follows, zoom, fit_all);
  useWheel(frame, (event) => {
    event.preventDefault();
    if (event.ctrlKey || Math.abs(event.deltaY) >= Math.abs(event.deltaX)) zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), point_in(frame, event));
    else move({ ...shown, x: shown.x - event.deltaX, y: shown.y - event.deltaY });
  });
  const gestures = {
    ...usePointers(frame, shown, move),
    onDblClick(event: MouseEvent) {
      const point = point_in(frame, event);
      if (view) fit_all();
      else move(zoom_at(shown, Math.max(1, 1 / shown.scale) * (shown.scale >= 1 ? 2 : 1), point.x, point.y));
    },
    onKeyDown(event: KeyboardEvent) {
      const by = arrows[event.key];
      // Left and right choose results unless the picture is larger than the frame.
      if (!by || event.target !== frame.current || event.altKey || event.ctrlKey || event.metaKey || picture.width * shown.scale <= size.width) return;
      event.preventDefault();
      move({ ...shown, x: shown.x + by[0], y: shown.y + by[1] });
    },
  };
  return { ready: size.width > 0, shown, gestures, zoom, fit_all, show_pixels: () => move(centred(picture, size, 1)) };
}
