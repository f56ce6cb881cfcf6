// SPDX-License-Identifier: Apache-2.0
// Keys of the whole page. Editors handle theirs first and call preventDefault.
import { useEffect } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { layers, move_layer, selectedLayer, update_layer } from "../state/layers.ts";
import { action_of, is_modifier } from "../state/keys.ts";
import { settings } from "../state/settings.ts";
import { cancel_current, generate } from "../state/submit.ts";
import { editing, helpOpen, pane, stageTab } from "../state/view.ts";
import { screenList, screen_of } from "./navigation.tsx";
import { result_action, stage_action } from "../state/actions.ts";

// Keys without Ctrl belong to the field in which somebody writes.
function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range])"));
}
// Arrows belong to what has the focus and moves by them.
function moves(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("[role=tablist], [role=menu], [role=slider], [role=listbox], [role=radiogroup], input, [role=application]") !== null;
}

// At once, since the next key is a letter of the prompt. On a narrow page the field is shown with the next frame only.
function focus_prompt(): void {
  const field = document.querySelector<HTMLElement>("[data-field=prompt]");
  field?.focus();
  if (document.activeElement !== field) requestAnimationFrame(() => document.querySelector<HTMLElement>("[data-field=prompt]")?.focus());
}

function move_selected(by: number): void {
  const at = layers.value.findIndex((layer) => layer.id === selectedLayer.value);
  if (at >= 0) move_layer(selectedLayer.value!, at + by);
}

export function Shortcuts() {
  const [path, go] = useLocation();
  useEffect(() => {
    const create = screen_of(path) === "create";
    const run = (id: string, combo_digit: number): boolean => {
      if (id.startsWith("screen_")) {
        go(screenList[Number(id.slice(-1)) - 1]!.path);
        return true;
      }
      switch (id) {
        case "generate":
          void generate();
          return true;
        case "cancel":
          void cancel_current();
          return true;
        case "help":
          helpOpen.value = true;
          return true;
      }
      if (!create) return false;
      switch (id) {
        case "prompt":
          pane.value = "recipe";
          focus_prompt();
          return true;
        case "add_layer":
          document.querySelector<HTMLElement>("[data-action=add-layer]")?.click();
          return true;
        case "layer_up":
        case "layer_down":
          move_selected(id === "layer_up" ? -1 : 1);
          return true;
        case "toggle_layer": {
          const layer = layers.value[combo_digit - 1];
          if (layer) update_layer(layer.id, { enabled: !layer.enabled });
          return true;
        }
        case "edit_map":
          if (!selectedLayer.value) return false;
          stageTab.value = "map";
          editing.value = selectedLayer.value;
          return true;
        case "compare":
          stageTab.value = stageTab.value === "compare" ? "result" : "compare";
          return true;
      }
      if (editing.value) return false;
      return stage_action(id) || result_action(id);
    };
    const down = (event: KeyboardEvent) => {
      if (event.defaultPrevented || is_modifier(event.key) || event.isComposing) return;
      // A dialog has the page to itself, but for closing the help by its own key.
      if (document.querySelector("dialog[open]")) return;
      const ctrl = event.ctrlKey || event.metaKey;
      if (writes(event.target) && !ctrl) return;
      if (event.key.startsWith("Arrow") && !event.altKey && !ctrl && moves(event.target)) return;
      const action = action_of(event, settings.value.keys);
      if (!action || action.group === "editor") return;
      const digit = Number(event.code.replace("Digit", "")) || 0;
      if (run(action.id, digit)) event.preventDefault();
    };
    window.addEventListener("keydown", down);
    return () => window.removeEventListener("keydown", down);
  }, [path]);
  return null;
}
