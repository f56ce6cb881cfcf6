// SPDX-License-Identifier: Apache-2.0
// Keys of an editor. They come before those of the page, and never take letters from somebody who writes.
import { useEffect, useRef } from "preact/hooks";
import { combo_of, is_modifier } from "../state/keys.ts";

/** By "Ctrl+Z", "B", "[" or "Shift+["; a handler that returns false lets the key pass. */
export type Bindings = Record<string, () => void | false>;

/** Where letters are text. */
export function is_writing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range])"));
}

function combo(event: KeyboardEvent): string {
  // Brackets lie behind AltGr or Shift on many keyboards: their place on the keyboard counts as well.
  const bracket = event.key === "[" || event.key === "{" ? "[" : event.key === "]" || event.key === "}" ? "]" : "";
  if (bracket && (event.getModifierState("AltGraph") || !(event.ctrlKey || event.metaKey || event.altKey)))
    return (event.shiftKey ? "Shift+" : "") + bracket;
  return combo_of(event);
}

/** Undo and redo as every system spells them. */
export function undo_keys(undo: () => void, redo: () => void): Bindings {
  return { "Ctrl+Z": undo, "Ctrl+Shift+Z": redo, "Ctrl+Y": redo };
}

/** Listens while the component is in the page. */
export function use_keys(bindings: Bindings): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || is_modifier(event.key)) return;
      if (is_writing(event.target) || document.querySelector("dialog[open]")) return;
      const handler = latest.current[combo(event)];
      if (!handler || handler() === false) return;
      event.preventDefault();
    };
    document.addEventListener("keydown", down);
    return () => document.removeEventListener("keydown", down);
  }, []);
}
