// SPDX-License-Identifier: Apache-2.0
// The pointer on the stage: dragging joints and boxes, marquee, panning, and two fingers that zoom.
import { signal, type Signal } from "@preact/signals";
import { bounds, joint_key, type Box, type JointRef, type Point } from "./skeleton.ts";
import { points_of } from "./edit.ts";
import { dragged, within, type BoxHandle, type Drag, type Keys } from "./gestures.ts";
import { commit, select, select_person, selected_refs, toggle_selected, whole_people, type Model } from "./model.ts";
import { pick_joint, pick_person } from "./pick.ts";
import { panned, scale_of, to_canvas, zoomed, type Size, type View } from "./view.ts";

export interface Stage {
  model: Model;
  view: Signal<View>;
  window: Signal<Size>;
  marquee: Signal<{ from: Point; to: Point } | null>;
  hovered: Signal<JointRef | null>;
  dragging: Signal<BoxHandle | "joint" | "pan" | null>;
  spaceHeld: boolean;
  fingers: Map<number, Point>;
  action: Action | null;
}

type Action =
  | { kind: "drag"; drag: Drag; begin: Point; moved: boolean; click: () => void }
  | { kind: "marquee"; from: Point; begin: Point; before: readonly JointRef[]; moved: boolean }
  | { kind: "pan"; last: Point }
  | { kind: "pinch"; distance: number; middle: Point };

export function new_stage(model: Model, view: View): Stage {
  return {
    model, view: signal(view), window: signal<Size>({ width: 0, height: 0 }), marquee: signal(null),
    hovered: signal(null), dragging: signal(null), spaceHeld: false, fingers: new Map(), action: null,
  };
}

export function canvas_of(stage: Stage): Size {
  const { width, height } = stage.model.document.value;
  return { width, height };
}

export function stage_scale(stage: Stage): number {
  return scale_of(stage.view.value, canvas_of(stage), stage.window.value);
}

// The box around what is selected, null for fewer than two joints.
export function selection_box(model: Model): Box | null {
  const refs = selected_refs(model);
  return refs.length < 2 ? null : bounds(points_of(model.document.value, refs));
}

function place(event: PointerEvent, element: Element): Point {
  const box = element.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

const keys_of = (event: PointerEvent): Keys => ({ shift: event.shiftKey, alt: event.altKey });

function begin_drag(stage: Stage, drag: Drag, begin: Point, click: () => void, shown: BoxHandle | "joint"): void {
  stage.action = { kind: "drag", drag, begin, moved: false, click };
  stage.dragging.value = shown;
}

function press_box(stage: Stage, handle: BoxHandle, at: Point, begin: Point): void {
  const { model } = stage;
  const box = selection_box(model);
  if (!box) return;
  const drag: Drag = { kind: "box", handle, refs: selected_refs(model), box, from: at, start: model.document.value };
  begin_drag(stage, drag, begin, () => handle === "move" && select(model, []), handle);
}

function press_joint(stage: Stage, ref: JointRef, at: Point, begin: Point, shift: boolean): void {
  const { model } = stage;
  const among = model.selection.value.has(joint_key(ref)) && model.selection.value.size > 1;
  if (!among && !shift) select(model, [ref]);
  model.active.value = ref.person;
  const refs = among && !shift ? selected_refs(model) : [ref];
  const drag: Drag = { kind: "joint", ref, refs, from: at, start: model.document.value };
  begin_drag(stage, drag, begin, () => (shift ? toggle_selected(model, ref) : select(model, [ref])), "joint");
}

function press_person(stage: Stage, id: number, at: Point, begin: Point, shift: boolean): void {
  const { model } = stage;
  if (!whole_people(model).includes(id)) select_person(model, id, shift);
  const refs = selected_refs(model);
  const box = bounds(points_of(model.document.value, refs));
  if (!box) return;
  const drag: Drag = { kind: "box", handle: "move", refs, box, from: at, start: model.document.value };
  begin_drag(stage, drag, begin, () => undefined, "move");
}

function begin_pinch(stage: Stage): void {
  const [a, b] = [...stage.fingers.values()] as [Point, Point];
  stage.model.live.value = null;
  stage.marquee.value = null;
  stage.dragging.value = null;
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  stage.action = { kind: "pinch", distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)), middle };
}

export function press(stage: Stage, event: PointerEvent & { currentTarget: Element }): void {
  const { model } = stage;
  const begin = place(event, event.currentTarget);
  const at = to_canvas(begin, stage.view.value, canvas_of(stage), stage.window.value);
  event.currentTarget.setPointerCapture(event.pointerId);
  if (event.pointerType === "touch") {
    stage.fingers.set(event.pointerId, begin);
    if (stage.fingers.size === 2) return begin_pinch(stage);
    if (stage.fingers.size > 2) return;
  }
  if (event.button === 1 || stage.spaceHeld) {
    stage.action = { kind: "pan", last: begin };
    stage.dragging.value = "pan";
    return;
  }
  if (event.button !== 0) return;
  const scale = stage_scale(stage);
  const reach = (event.pointerType === "touch" ? 24 : 13) / scale;
  const handle = (event.target as Element).getAttribute("data-box") as BoxHandle | null;
  if (handle && handle !== "move") return press_box(stage, handle, at, begin);
  const joint = pick_joint(model.document.value, at, reach, model.active.value);
  if (joint) return press_joint(stage, joint, at, begin, event.shiftKey);
  const person = pick_person(model.document.value, at, Math.max(5, 6 / scale));
  if (person !== null) return press_person(stage, person, at, begin, event.shiftKey);
  if (handle === "move" && !event.shiftKey) return press_box(stage, handle, at, begin);
  const before = event.shiftKey ? selected_refs(model) : [];
  stage.action = { kind: "marquee", from: at, begin, before, moved: false };
}

// Shorter ways are trembling, not dragging.
function far_enough(begin: Point, now: Point, event: PointerEvent): boolean {
  return Math.hypot(now.x - begin.x, now.y - begin.y) > (event.pointerType === "touch" ? 8 : 3);
}

function pinch(stage: Stage, action: Action & { kind: "pinch" }): void {
  const [a, b] = [...stage.fingers.values()];
  if (!a || !b) return;
  const distance = Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const canvas = canvas_of(stage);
  const moved = panned(stage.view.value, middle.x - action.middle.x, middle.y - action.middle.y, canvas, stage.window.value);
  stage.view.value = zoomed(moved, distance / action.distance, middle, canvas, stage.window.value);
  stage.action = { kind: "pinch", distance, middle };
}

export function move(stage: Stage, event: PointerEvent & { currentTarget: Element }): void {
  const { model, action } = stage;
  const now = place(event, event.currentTarget);
  const canvas = canvas_of(stage);
  const at = to_canvas(now, stage.view.value, canvas, stage.window.value);
  if (stage.fingers.has(event.pointerId)) stage.fingers.set(event.pointerId, now);
  if (!action) {
    const reach = 13 / stage_scale(stage);
    stage.hovered.value = event.pointerType === "touch" ? null : pick_joint(model.document.value, at, reach, model.active.value);
  } else if (action.kind === "pan") {
    stage.view.value = panned(stage.view.value, now.x - action.last.x, now.y - action.last.y, canvas, stage.window.value);
    action.last = now;
  } else if (action.kind === "pinch") {
    pinch(stage, action);
  } else if (action.moved || far_enough(action.begin, now, event)) {
    action.moved = true;
    if (action.kind === "drag") {
      model.live.value = dragged(action.drag, at, model.tool.value, keys_of(event), model.mirror.value);
    } else {
      stage.marquee.value = { from: action.from, to: at };
      select(model, [...action.before, ...within(model.document.value, action.from, at)]);
    }
  }
}

export function release(stage: Stage, event: PointerEvent): void {
  const { model, action } = stage;
  stage.fingers.delete(event.pointerId);
  // The finger that is left over after a pinch does nothing.
  if (action?.kind === "pinch" && stage.fingers.size > 0) return;
  stage.action = null;
  stage.marquee.value = null;
  stage.dragging.value = null;
  if (action?.kind === "drag") {
    const live = model.live.value;
    if (action.moved && live) commit(model, live);
    else action.click();
  } else if (action?.kind === "marquee" && !action.moved && !event.shiftKey) {
    select(model, []);
  }
}

export function cancel(stage: Stage): boolean {
  const busy = stage.action !== null;
  stage.action = null;
  stage.marquee.value = null;
  stage.dragging.value = null;
  stage.fingers.clear();
  stage.model.live.value = null;
  return busy;
}

export function wheel(stage: Stage, event: WheelEvent & { currentTarget: Element }): void {
  event.preventDefault();
  const canvas = canvas_of(stage);
  const box = event.currentTarget.getBoundingClientRect();
  const at = { x: event.clientX - box.left, y: event.clientY - box.top };
  // Shift and two-finger swipes sideways pan; all else zooms.
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    const dx = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    stage.view.value = panned(stage.view.value, -dx, 0, canvas, stage.window.value);
    return;
  }
  const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
  stage.view.value = zoomed(stage.view.value, Math.exp(-pixels * 0.0016), at, canvas, stage.window.value);
}

export function zoom_by(stage: Stage, factor: number): void {
  const window = stage.window.value;
  stage.view.value = zoomed(stage.view.value, factor, { x: window.width / 2, y: window.height / 2 }, canvas_of(stage), window);
}

