// SPDX-License-Identifier: Apache-2.0
// Drawing by keys: arrows move a cross, Enter sets the tool down and lifts it again.
import { useRef } from "preact/hooks";
import { t } from "../i18n/index.ts";
import type { Point } from "./raster.ts";
import type { Contact, ToolCalls } from "./use_pointers.ts";
import type { Size, View } from "./view.ts";

interface Options {
  size: Size;
  latest: { current: { view: View; tool: ToolCalls } };
  announce: (text: string) => void;
  describe?: ((p: Point) => string) | undefined;
  onMove: (p: Point) => void;
  /** Ends what waits for Enter (a curve, a polygon); true when there was such a thing. */
  accept?: (() => boolean) | undefined;
}

const STEPS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function use_keyboard_pen(options: Options) {
  const state = useRef({ x: options.size.width / 2, y: options.size.height / 2, down: false, used: false });

  const contact = (event: KeyboardEvent | null): Contact => ({
    x: state.current.x,
    y: state.current.y,
    pressure: 1,
    type: "keyboard",
    shift: event?.shiftKey ?? false,
    alt: event?.altKey ?? false,
    ctrl: event?.ctrlKey ?? false,
    eraser: false,
    reach: 10 / options.latest.current.view.scale,
  });

  const say = (text: string) => {
    const place = t("stage.place", { x: Math.round(state.current.x), y: Math.round(state.current.y) });
    options.announce([text, place, options.describe?.(state.current)].filter(Boolean).join(", "));
  };

  const done = (event: KeyboardEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };

  const key = (event: KeyboardEvent): void => {
    const { tool } = options.latest.current;
    const step = STEPS[event.key];
    if (step && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const by = event.shiftKey ? 10 : 1;
      state.current.used = true;
      state.current.x = Math.min(options.size.width - 0.5, Math.max(0.5, state.current.x + step[0] * by));
      state.current.y = Math.min(options.size.height - 0.5, Math.max(0.5, state.current.y + step[1] * by));
      options.onMove(state.current);
      // Shift chose the large step here; a tool must not take it for its own.
      if (state.current.down) tool.move([{ ...contact(event), shift: false }]);
      else tool.hover?.(contact(event));
      say("");
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      // Who works with a pointer means the shape that waits; who works with keys sets corners with Enter.
      if (!state.current.used && options.accept?.()) return done(event);
      if (state.current.down) tool.up();
      else tool.down(contact(event));
      state.current.down = !state.current.down;
      options.onMove(state.current);
      say(t(state.current.down ? "stage.pen_down" : "stage.pen_up"));
    } else if (event.key === "Escape" && state.current.down) {
      state.current.down = false;
      tool.cancel();
      say(t("stage.pen_cancelled"));
    } else return;
    done(event);
  };

  return {
    key,
    /** A pointer took over. */
    rest: () => {
      state.current.used = false;
    },
    leave: () => {
      if (state.current.down) options.latest.current.tool.up();
      state.current.down = false;
    },
  };
}
