// SPDX-License-Identifier: Apache-2.0
// Undo and redo over values that never change in place.

export const MAX_STEPS = 200;

export interface History<T> {
  past: readonly T[]; // oldest first
  present: T;
  future: readonly T[]; // next first
  tag: string; // of the step that led here; "" never joins
}

export function new_history<T>(present: T): History<T> {
  return { past: [], present, future: [], tag: "" };
}

// A step with the tag of the step before it joins that one: ten presses of an arrow key are undone together.
export function stepped<T>(history: History<T>, next: T, tag = ""): History<T> {
  if (next === history.present) return history;
  if (tag !== "" && tag === history.tag) return { ...history, present: next, future: [] };
  return { past: [...history.past, history.present].slice(-MAX_STEPS), present: next, future: [], tag };
}

export function undone<T>(history: History<T>): History<T> {
  const present = history.past.at(-1);
  if (history.past.length === 0) return history;
  return { past: history.past.slice(0, -1), present: present as T, future: [history.present, ...history.future], tag: "" };
}

export function redone<T>(history: History<T>): History<T> {
  const [present, ...future] = history.future;
  if (history.future.length === 0) return history;
  return { past: [...history.past, history.present], present: present as T, future, tag: "" };
}
