// SPDX-License-Identifier: Apache-2.0
// The keys of the flat pose editor. They act while the focus is on the stage, and go no further then.
import { announce } from "../design/toast.tsx";
import { joint_of_element } from "./handles.tsx";
import {
  duplicate, nudge, redo, remove_selected, select, select_more, selected_refs, toggle_selected, toggle_visible, undo,
  whole_people, type Model,
} from "./model.ts";
import { cancel, canvas_of, zoom_by, type Stage } from "./pointer.ts";
import { joint_key, joint_of, type JointRef } from "./skeleton.ts";
import { fit } from "./view.ts";
import { joint_name, joint_sentence } from "./words.ts";

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

// Keys act on the joint that has the focus where it is not part of the selection.
function take_focused(model: Model, focused: JointRef | null): void {
  if (focused && !model.selection.value.has(joint_key(focused))) select(model, [focused]);
}

function say_selected(model: Model): void {
  const refs = selected_refs(model);
  const joint = refs.length === 1 ? joint_of(model.document.value, refs[0]!) : undefined;
  if (joint) announce(joint_sentence(joint_name(refs[0]!), joint));
}

// With Ctrl or Command.
function command(model: Model, event: KeyboardEvent): boolean {
  const key = event.key.toLowerCase();
  if (key === "z") event.shiftKey ? redo(model) : undo(model);
  else if (key === "y") redo(model);
  else if (key === "a") select_more(model);
  else if (key === "d") {
    const whole = whole_people(model);
    duplicate(model, whole.length > 0 ? whole : model.active.value === null ? [] : [model.active.value]);
  } else return false;
  return true;
}

function plain(stage: Stage, event: KeyboardEvent, focused: JointRef | null): boolean {
  const { model } = stage;
  const arrow = ARROWS[event.key];
  if (arrow) {
    take_focused(model, focused);
    const step = event.shiftKey ? 10 : 1;
    nudge(model, arrow[0] * step, arrow[1] * step);
    say_selected(model);
    return true;
  }
  switch (event.key) {
    case "h": case "H":
      take_focused(model, focused);
      toggle_visible(model);
      say_selected(model);
      return true;
    case "Delete": case "Backspace":
      take_focused(model, focused);
      remove_selected(model);
      return true;
    case "Escape":
      if (!cancel(stage) && model.selection.value.size === 0) return false;
      if (model.live.value === null) select(model, []);
      return true;
    case "Enter":
      if (!focused) return false;
      event.shiftKey ? toggle_selected(model, focused) : select(model, [focused]);
      return true;
    case "m": case "M":
      model.mirror.value = !model.mirror.value;
      return true;
    case "0":
      stage.view.value = fit(canvas_of(stage));
      return true;
    case "+": case "=":
      zoom_by(stage, 1.25);
      return true;
    case "-":
      zoom_by(stage, 0.8);
      return true;
    case " ":
      stage.spaceHeld = true;
      return true;
    default:
      return false;
  }
}

export function press_key(stage: Stage, event: KeyboardEvent): void {
  if (event.isComposing) return;
  const control = event.ctrlKey || event.metaKey;
  if (event.altKey && !control) return;
  const done = control
    ? command(stage.model, event)
    : plain(stage, event, joint_of_element(event.target));
  if (!done) return;
  event.preventDefault();
  event.stopPropagation();
}

export function release_key(stage: Stage, event: KeyboardEvent): void {
  if (event.key === " ") stage.spaceHeld = false;
}
