// SPDX-License-Identifier: Apache-2.0
// Pointer events of the surface: captured, with every sample between two frames, as calls of the tool in the drawing's pixels.
import { useMemo, useRef, useState } from "preact/hooks";
import { type Action, Gestures } from "./gestures.ts";
import type { Point } from "./raster.ts";
import { useful_pressure } from "./stroke.ts";
import { panned, to_drawing, type View, zoom } from "./view.ts";

/** One touch of a tool on the drawing. */
export interface Contact extends Point {
  pressure: number;
  type: string;
  shift: boolean;
  alt: boolean;
  ctrl: boolean;
  /** The other end of the pen. */
  eraser: boolean;
  /** How near counts as hitting a handle, in pixels of the drawing: more for fingers. */
  reach: number;
}

export interface ToolCalls {
  down(contact: Contact): void;
  /** All samples since the last call, oldest first. */
  move(contacts: Contact[]): void;
  up(): void;
  cancel(): void;
  hover?(contact: Contact | null): void;
  /** The finger rested in one place: the same as the eyedropper. */
  longPress?(contact: Contact): void;
}

interface Wiring {
  element: { current: HTMLElement | null };
  latest: { current: { view: View; tool: ToolCalls } };
  hand: boolean;
  changeView: (change: (view: View) => View) => void;
  setCursor: (p: Point | null) => void;
}

const LONG_PRESS_MS = 550;

function window_place(event: PointerEvent | WheelEvent, element: HTMLElement): Point {
  const box = element.getBoundingClientRect();
  return { x: event.clientX - box.left - element.clientLeft, y: event.clientY - box.top - element.clientTop };
}

function contact_of(event: PointerEvent, element: HTMLElement, view: View, eraser: boolean): Contact {
  return {
    ...to_drawing(view, window_place(event, element)),
    pressure: useful_pressure(event.pointerType, event.pressure),
    type: event.pointerType,
    shift: event.shiftKey,
    alt: event.altKey,
    ctrl: event.ctrlKey || event.metaKey,
    eraser,
    reach: (event.pointerType === "touch" ? 22 : 10) / view.scale,
  };
}

/** Samples that the browser gathered since the last event. */
function all_samples(event: PointerEvent): PointerEvent[] {
  const all = event.getCoalescedEvents?.() ?? [];
  return all.length ? all : [event];
}

export function use_pointers(wiring: Wiring) {
  const gestures = useMemo(() => new Gestures(), []);
  const [panning, setPanning] = useState(false);
  const state = useRef({ eraser: false, timer: 0, startX: 0, startY: 0 });
  gestures.hand = wiring.hand;

  const run = (actions: Action[], event: PointerEvent | null) => {
    const { view, tool } = wiring.latest.current;
    const element = wiring.element.current;
    for (const action of actions) {
      if (action.kind === "pan") wiring.changeView((before) => panned(before, action.dx, action.dy));
      else if (action.kind === "pinch") wiring.changeView((before) => panned(zoom(before, action.factor, action.at), action.dx, action.dy));
      else if (action.kind === "cancel") tool.cancel();
      else if (action.kind === "end") tool.up();
      else if (action.kind === "start" && event && element) {
        state.current.eraser = action.eraser;
        tool.down(contact_of(event, element, view, action.eraser));
      } else if (action.kind === "draw" && event && element) {
        tool.move(all_samples(event).map((sample) => contact_of(sample, element, view, state.current.eraser)));
      }
    }
    setPanning(gestures.is_panning);
  };

  const press = (event: PointerEvent) => {
    const element = wiring.element.current;
    if (!element || (event.target as Element).closest("button, input, .stage-float, [data-handle]")) return;
    const at = window_place(event, element);
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    run(gestures.down({ id: event.pointerId, type: event.pointerType, button: event.button, ...at, timeMs: event.timeStamp }), event);
    clearTimeout(state.current.timer);
    const call = wiring.latest.current.tool.longPress;
    if (event.pointerType !== "touch" || !call || !gestures.is_drawing) return;
    Object.assign(state.current, { startX: at.x, startY: at.y });
    state.current.timer = window.setTimeout(() => {
      if (!gestures.abandon().length) return;
      wiring.latest.current.tool.cancel();
      call(contact_of(event, element, wiring.latest.current.view, false));
    }, LONG_PRESS_MS);
  };

  const drag = (event: PointerEvent) => {
    const element = wiring.element.current;
    if (!element) return;
    const at = window_place(event, element);
    if (Math.hypot(at.x - state.current.startX, at.y - state.current.startY) > 10) clearTimeout(state.current.timer);
    wiring.setCursor(event.pointerType === "touch" ? null : at);
    if (!gestures.is_drawing) wiring.latest.current.tool.hover?.(contact_of(event, element, wiring.latest.current.view, false));
    run(gestures.move(event.pointerId, at.x, at.y), event);
  };

  const finish = (event: PointerEvent, lost: boolean) => {
    clearTimeout(state.current.timer);
    run(lost ? gestures.lost(event.pointerId) : gestures.up(event.pointerId), event);
  };

  const wheel = (event: WheelEvent) => {
    const element = wiring.element.current;
    if (!element) return;
    event.preventDefault();
    const at = window_place(event, element);
    const pixels = event.deltaMode === 1 ? 16 : 1;
    // A touchpad scrolls in both directions and pinches with Ctrl; a mouse wheel zooms.
    if (!event.ctrlKey && (event.deltaX !== 0 || event.shiftKey)) {
      const [dx, dy] = event.shiftKey && !event.deltaX ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
      wiring.changeView((before) => panned(before, -dx * pixels, -dy * pixels));
      return;
    }
    wiring.changeView((before) => zoom(before, Math.exp((-event.deltaY * pixels) / (event.ctrlKey ? 120 : 420)), at));
  };

  return {
    panning,
    abandon: (): boolean => {
      const actions = gestures.abandon();
      run(actions, null);
      return actions.length > 0;
    },
    handlers: {
      onPointerDown: press,
      onPointerMove: drag,
      onPointerUp: (event: PointerEvent) => finish(event, false),
      onPointerCancel: (event: PointerEvent) => finish(event, true),
      onWheel: wheel,
    },
  };
}
