// SPDX-License-Identifier: Apache-2.0
// Keyboard shortcuts: one table, from which the keys work, the help is made, and which can be remapped. No page in here.

export interface KeyAction {
  id: string; // its words are keys.<id>
  group: "general" | "layers" | "stage" | "results" | "editor";
  keys: string[]; // "Ctrl+Enter"; the first is shown. Ctrl is also the Command key.
  fixed?: boolean; // handled by an editor itself, so it cannot be remapped here
}

export const keyActions: readonly KeyAction[] = [
  { id: "generate", group: "general", keys: ["Ctrl+Enter"] },
  { id: "cancel", group: "general", keys: ["Ctrl+."] },
  { id: "prompt", group: "general", keys: ["P"] },
  { id: "weight_up", group: "general", keys: ["Ctrl+ArrowUp"], fixed: true },
  { id: "weight_down", group: "general", keys: ["Ctrl+ArrowDown"], fixed: true },
  { id: "screen_1", group: "general", keys: ["1"] },
  { id: "screen_2", group: "general", keys: ["2"] },
  { id: "screen_3", group: "general", keys: ["3"] },
  { id: "screen_4", group: "general", keys: ["4"] },
  { id: "screen_5", group: "general", keys: ["5"] },
  { id: "screen_6", group: "general", keys: ["6"] },
  { id: "help", group: "general", keys: ["?"] },
  { id: "add_layer", group: "layers", keys: ["A"] },
  { id: "layer_up", group: "layers", keys: ["Alt+ArrowUp"] },
  { id: "layer_down", group: "layers", keys: ["Alt+ArrowDown"] },
  { id: "toggle_layer", group: "layers", keys: ["Alt+1", "Alt+2", "Alt+3", "Alt+4", "Alt+5", "Alt+6", "Alt+7", "Alt+8", "Alt+9"], fixed: true },
  { id: "edit_map", group: "layers", keys: ["D"] },
  { id: "compare", group: "stage", keys: ["C"] },
  { id: "pan", group: "stage", keys: ["Space"], fixed: true },
  { id: "fit", group: "stage", keys: ["0"] },
  { id: "zoom_in", group: "stage", keys: ["+", "="] },
  { id: "zoom_out", group: "stage", keys: ["-"] },
  { id: "result_previous", group: "results", keys: ["ArrowLeft"] },
  { id: "result_next", group: "results", keys: ["ArrowRight"] },
  { id: "star", group: "results", keys: ["S"] },
  { id: "rerun", group: "results", keys: ["R"] },
  { id: "trash", group: "results", keys: ["Delete"] },
  { id: "brush", group: "editor", keys: ["B"], fixed: true },
  { id: "eraser", group: "editor", keys: ["E"], fixed: true },
  { id: "fill", group: "editor", keys: ["G"], fixed: true },
  { id: "eyedropper", group: "editor", keys: ["I"], fixed: true },
  { id: "move", group: "editor", keys: ["V"], fixed: true },
  { id: "lasso", group: "editor", keys: ["L"], fixed: true },
  { id: "hand", group: "editor", keys: ["H"], fixed: true },
  { id: "brush_size", group: "editor", keys: ["[", "]"], fixed: true },
  { id: "hardness", group: "editor", keys: ["Shift+[", "Shift+]"], fixed: true },
  { id: "swap", group: "editor", keys: ["X"], fixed: true },
  { id: "mirror", group: "editor", keys: ["M"], fixed: true },
  { id: "undo", group: "editor", keys: ["Ctrl+Z"], fixed: true },
  { id: "redo", group: "editor", keys: ["Ctrl+Shift+Z"], fixed: true },
];

export interface Press {
  key: string;
  code?: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

// "Ctrl+Shift+Z". Shift is left out where it only makes the sign itself, as in "?" or "+".
export function combo_of(press: Press): string {
  let key = press.key === " " ? "Space" : press.key;
  // Alt turns digits into other signs on some keyboards.
  const digit = press.altKey && press.code?.startsWith("Digit") ? press.code.slice(5) : null;
  if (digit) key = digit;
  const letter = /^[a-z]$/i.test(key);
  if (letter) key = key.toUpperCase();
  const sign = key.length === 1 && !letter;
  const parts = [
    (press.ctrlKey || press.metaKey) && "Ctrl",
    press.altKey && "Alt",
    press.shiftKey && !sign && "Shift",
    key,
  ];
  return parts.filter(Boolean).join("+");
}

export function is_modifier(key: string): boolean {
  return ["Control", "Meta", "Shift", "Alt", "AltGraph", "CapsLock"].includes(key);
}

// What a press means; `remapped` holds other keys by action.
export function action_of(press: Press, remapped: Readonly<Record<string, string>> = {}): KeyAction | undefined {
  const combo = combo_of(press);
  return keyActions.find((action) => keys_of(action, remapped).includes(combo));
}

export function keys_of(action: KeyAction, remapped: Readonly<Record<string, string>>): string[] {
  const other = remapped[action.id];
  return other && !action.fixed ? [other] : action.keys;
}

// The action that has this key already, if it is another one.
export function conflict_of(combo: string, id: string, remapped: Readonly<Record<string, string>>): KeyAction | undefined {
  return keyActions.find((action) => action.id !== id && keys_of(action, remapped).includes(combo));
}

const signs: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Delete: "Del", Enter: "↵" };

// "Ctrl+ArrowUp" -> ["Ctrl", "↑"]; on a Mac the command sign.
export function key_caps(combo: string, mac = false): string[] {
  const parts = combo.endsWith("++") ? [...combo.slice(0, -2).split("+"), "+"] : combo === "+" ? ["+"] : combo.split("+");
  return parts.map((part) => (mac && part === "Ctrl" ? "⌘" : mac && part === "Alt" ? "⌥" : (signs[part] ?? part)));
}

// Strengthens or weakens the words of a selection as A1111 writes it: "cat" -> "(cat:1.1)" -> "(cat:1.2)" -> ... and back to "cat" at 1.
export function weigh_selection(text: string, start: number, end: number, step: number): { text: string; start: number; end: number } {
  let from = start;
  let to = end;
  if (from === to) {
    while (from > 0 && !/[\s,()]/.test(text[from - 1]!)) from -= 1;
    while (to < text.length && !/[\s,():]/.test(text[to]!)) to += 1;
  }
  while (from < to && /\s/.test(text[from]!)) from += 1;
  while (to > from && /\s/.test(text[to - 1]!)) to -= 1;
  if (from === to) return { text, start, end };
  let words = text.slice(from, to);
  let weight = 1;
  const inside = /^\((.*):(\d+(?:\.\d+)?)\)$/s.exec(words);
  const around = text[from - 1] === "(" ? /^:(\d+(?:\.\d+)?)\)/.exec(text.slice(to)) : null;
  if (inside) {
    words = inside[1]!;
    weight = Number(inside[2]);
  } else if (around) {
    weight = Number(around[1]);
    from -= 1;
    to += around[0].length;
  }
  weight = Math.max(0, Math.min(2, Math.round((weight + step) * 100) / 100));
  const written = weight === 1 ? words : `(${words}:${weight})`;
  const at = from + (weight === 1 ? 0 : 1);
  return { text: text.slice(0, from) + written + text.slice(to), start: at, end: at + words.length };
}
