// SPDX-License-Identifier: Apache-2.0
// The state of the flat pose editor: people with undo, what is selected, and the commands of its buttons and keys.
import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { attached_face, attached_hand, detached } from "./attachments.ts";
import {
  changed_person, duplicated, flipped, made_symmetric, mirrored, reordered, set_visible, sides_swapped, translated,
  with_flags, with_person, without_people,
} from "./edit.ts";
import type { Tool } from "./gestures.ts";
import { new_history, redone, stepped, undone, type History } from "./history.ts";
import { person_in_pose, preset_of, with_preset } from "./presets.ts";
import {
  fitted_document, joint_key, joint_of, next_id, parse_key, person_of, refs_of, type JointRef, type Person,
  type PoseDocument,
} from "./skeleton.ts";

export interface Model {
  history: Signal<History<PoseDocument>>;
  live: Signal<PoseDocument | null>; // while something is dragged
  document: ReadonlySignal<PoseDocument>; // what is shown
  selection: Signal<ReadonlySet<string>>; // keys of joints
  active: Signal<number | null>; // the person whose panel is open
  tool: Signal<Tool>;
  mirror: Signal<boolean>;
  onion: Signal<number>; // 0..1, of the photograph behind
}

export function new_model(document: PoseDocument): Model {
  const history = signal(new_history(document));
  const live = signal<PoseDocument | null>(null);
  return {
    history,
    live,
    document: computed(() => live.value ?? history.value.present),
    selection: signal(new Set<string>()),
    active: signal(document.people.at(-1)?.id ?? null),
    tool: signal<Tool>("move"),
    mirror: signal(false),
    onion: signal(0.5),
  };
}

// Joins steps with the same tag, as when an arrow key is held.
export function commit(model: Model, next: PoseDocument, tag = ""): void {
  model.live.value = null;
  model.history.value = stepped(model.history.value, next, tag);
  forget_missing(model);
}

// After undo or a deletion the selection may name what is no longer there.
function forget_missing(model: Model): void {
  const document = model.document.value;
  const kept = [...model.selection.value].filter((key) => joint_of(document, parse_key(key)));
  if (kept.length !== model.selection.value.size) model.selection.value = new Set(kept);
  const active = model.active.value;
  if (active === null || !person_of(document, active)) model.active.value = document.people.at(-1)?.id ?? null;
}

export function undo(model: Model): void {
  model.live.value = null;
  model.history.value = undone(model.history.value);
  forget_missing(model);
}

export function redo(model: Model): void {
  model.live.value = null;
  model.history.value = redone(model.history.value);
  forget_missing(model);
}

// --- selection ---

export function selected_refs(model: Model): JointRef[] {
  return [...model.selection.value].map(parse_key);
}

export function select(model: Model, refs: readonly JointRef[], add = false): void {
  const keys = refs.map(joint_key);
  model.selection.value = new Set(add ? [...model.selection.value, ...keys] : keys);
  const last = refs.at(-1);
  if (last) model.active.value = last.person;
}

export function toggle_selected(model: Model, ref: JointRef): void {
  const next = new Set(model.selection.value);
  if (!next.delete(joint_key(ref))) next.add(joint_key(ref));
  model.selection.value = next;
  model.active.value = ref.person;
}

export function select_person(model: Model, id: number, add = false): void {
  const person = person_of(model.document.value, id);
  if (person && !person.locked) select(model, refs_of(person), add);
  model.active.value = id;
}

// All of the active person; where that is selected already, everybody.
export function select_more(model: Model): void {
  const document = model.document.value;
  const person = active_person(model);
  const own = person && !person.locked ? refs_of(person) : [];
  const all = own.every((ref) => model.selection.value.has(joint_key(ref)));
  const everybody = document.people.filter((p) => !p.locked && !p.hidden).flatMap((p) => refs_of(p));
  select(model, all ? everybody : own);
}

export function active_person(model: Model): Person | undefined {
  const id = model.active.value;
  return id === null ? undefined : person_of(model.document.value, id);
}

// People all of whose joints are selected.
export function whole_people(model: Model): number[] {
  const keys = model.selection.value;
  return model.document.value.people
    .filter((person) => refs_of(person, ["body"]).every((ref) => keys.has(joint_key(ref))))
    .map((person) => person.id);
}

// --- commands ---

export function nudge(model: Model, dx: number, dy: number): void {
  const refs = selected_refs(model);
  if (refs.length === 0) return;
  const moved = translated(model.document.value, refs, dx, dy);
  const next = model.mirror.value ? mirrored(moved, refs) : moved;
  commit(model, next, `nudge ${[...model.selection.value].sort().join()}`);
}

// Hides the selected joints, or shows them where all are hidden.
export function toggle_visible(model: Model): void {
  const refs = selected_refs(model);
  if (refs.length === 0) return;
  const document = model.document.value;
  const any = refs.some((ref) => joint_of(document, ref)?.visible);
  commit(model, set_visible(document, refs, !any));
}

// Whole people go; of others the selected joints are hidden.
export function remove_selected(model: Model): void {
  const whole = whole_people(model);
  const document = model.document.value;
  if (whole.length > 0) return commit(model, without_people(document, whole));
  const refs = selected_refs(model);
  if (refs.length > 0) commit(model, set_visible(document, refs, false));
}

export function add_person(model: Model, preset: string): void {
  const document = model.document.value;
  const id = next_id(document);
  const canvas = { width: document.width, height: document.height };
  const count = document.people.length;
  // Others stand beside those who are there: by turns to the right and to the left.
  const beside = count === 0 ? 0 : (count % 2 ? 1 : -1) * Math.ceil(count / 2) * 0.22 * canvas.width;
  const middle = Math.min(0.85, Math.max(0.15, 0.5 + beside / canvas.width)) * canvas.width;
  const person = person_in_pose(preset_of(preset), id, canvas, { x: middle, y: canvas.height / 2 });
  commit(model, with_person(document, person));
  select_person(model, id);
}

export function take_pose(model: Model, preset: string): void {
  const document = model.document.value;
  const person = active_person(model);
  if (!person || person.locked) return add_person(model, preset);
  const canvas = { width: document.width, height: document.height };
  commit(model, changed_person(document, person.id, (p) => with_preset(p, preset_of(preset), canvas)));
}

export function duplicate(model: Model, ids: readonly number[]): void {
  const result = duplicated(model.document.value, ids);
  if (result.ids.length === 0) return;
  commit(model, result.document);
  const copies = result.document.people.filter((person) => result.ids.includes(person.id));
  select(model, copies.flatMap((person) => refs_of(person)));
}

export function remove_person(model: Model, id: number): void {
  commit(model, without_people(model.document.value, [id]));
}

export function move_person(model: Model, id: number, to: number): void {
  commit(model, reordered(model.document.value, id, to));
}

export function set_flags(model: Model, id: number, flags: Partial<Pick<Person, "name" | "locked" | "hidden">>): void {
  commit(model, with_flags(model.document.value, id, flags), flags.name === undefined ? "" : `name ${id}`);
  if (!flags.locked && !flags.hidden) return;
  const kept = selected_refs(model).filter((ref) => ref.person !== id);
  model.selection.value = new Set(kept.map(joint_key));
}

export function flip(model: Model, axis: "x" | "y"): void {
  const refs = selected_refs(model);
  const person = active_person(model);
  const target = refs.length > 0 ? refs : person ? refs_of(person) : [];
  commit(model, flipped(model.document.value, target, axis));
}

export function swap_sides(model: Model): void {
  const whole = whole_people(model);
  const ids = whole.length > 0 ? whole : model.active.value === null ? [] : [model.active.value];
  commit(model, ids.reduce((document, id) => sides_swapped(document, id), model.document.value));
}

export function symmetric(model: Model, from: "left" | "right"): void {
  const id = model.active.value;
  if (id !== null) commit(model, made_symmetric(model.document.value, id, from));
}

export function set_attached(model: Model, part: "left" | "right" | "face", on: boolean): void {
  const id = model.active.value;
  if (id === null) return;
  const change = (person: Person) =>
    !on ? detached(person, part) : part === "face" ? attached_face(person) : attached_hand(person, part);
  commit(model, changed_person(model.document.value, id, change));
}

// People out of a file or photograph, brought to the size of the canvas: beside those who are there, or in their place.
export function take_people(model: Model, incoming: PoseDocument, replace: boolean): number {
  const document = model.document.value;
  const fitted = fitted_document(incoming, document.width, document.height);
  const base = replace ? { ...document, people: document.people.filter((person) => person.locked) } : document;
  const first = next_id(document);
  const people = fitted.people.map((person, i) => ({ ...person, id: first + i }));
  if (people.length === 0 && !replace) return 0;
  commit(model, { ...base, people: [...base.people, ...people] });
  model.selection.value = new Set();
  model.active.value = people.at(-1)?.id ?? model.active.value;
  return people.length;
}

// The canvas has got another size: the people keep their shapes.
export function resize_canvas(model: Model, width: number, height: number): boolean {
  const document = model.history.value.present;
  if (document.width === width && document.height === height) return false;
  commit(model, fitted_document(document, width, height));
  return true;
}
