// SPDX-License-Identifier: Apache-2.0
// Words for a look, put behind the prompt. The built-in model knows few words, so it has chips of its own.
import type { ModelEntry } from "../api/types.ts";

export interface Style {
  id: string; // its word in the page is create.style_<id>
  prompt: string;
  negative?: string;
  toy?: boolean; // for the built-in model
}

export const styles: Style[] = [
  { id: "photo", prompt: "photograph, natural light, sharp focus", negative: "drawing, painting" },
  { id: "cinematic", prompt: "cinematic still, dramatic light, shallow depth of field" },
  { id: "watercolour", prompt: "watercolour painting, soft washes, paper texture", negative: "photograph" },
  { id: "oil", prompt: "oil painting, visible brush strokes", negative: "photograph" },
  { id: "ink", prompt: "ink drawing, fine hatching, black and white", negative: "colour" },
  { id: "render", prompt: "3d render, soft studio lighting" },
  { id: "anime", prompt: "anime illustration, clean lines, flat colours", negative: "photograph" },
  { id: "lowpoly", prompt: "low poly, isometric, pastel colours" },
  { id: "toy_sunset", prompt: "at sunset", toy: true },
  { id: "toy_night", prompt: "at night", toy: true },
  { id: "toy_morning", prompt: "in the morning", toy: true },
  { id: "toy_snow", prompt: "in the snow", toy: true },
  { id: "toy_desert", prompt: "in the desert", toy: true },
  { id: "toy_mountains", prompt: "mountains behind", toy: true },
  { id: "toy_clouds", prompt: "with clouds in the sky", toy: true },
];

export function is_toy_model(model: Pick<ModelEntry, "id" | "family"> | undefined): boolean {
  return model !== undefined && (model.id === "builtin" || /toy|tiny|built.?in/i.test(model.family));
}

export function styles_for(model: Pick<ModelEntry, "id" | "family"> | undefined): Style[] {
  const toy = is_toy_model(model);
  return styles.filter((style) => (style.toy ?? false) === toy);
}

// The whole texts: what was written, then what the chosen styles add.
export function styled_prompt(prompt: string, negative: string, chosen: readonly string[], available: readonly Style[]): { prompt: string; negative: string } {
  const picked = available.filter((style) => chosen.includes(style.id));
  const join = (parts: (string | undefined)[]) => parts.map((part) => part?.trim().replace(/,$/, "")).filter(Boolean).join(", ");
  return {
    prompt: join([prompt, ...picked.map((style) => style.prompt)]),
    negative: join([negative, ...picked.map((style) => style.negative)]),
  };
}

// The other way round: takes known words off the end of a prompt, so that a recalled picture shows its chips again.
export function split_styles(prompt: string, negative: string, available: readonly Style[]): { prompt: string; negative: string; chosen: string[] } {
  let rest = prompt.trim();
  let rest_negative = negative.trim();
  const chosen: string[] = [];
  const cut = (text: string, words: string) => {
    if (text === words) return "";
    return text.endsWith(`, ${words}`) ? text.slice(0, -words.length - 2) : null;
  };
  for (let found = true; found; ) {
    found = false;
    for (const style of available) {
      if (chosen.includes(style.id)) continue;
      const shorter = cut(rest, style.prompt);
      if (shorter === null) continue;
      const shorter_negative = style.negative ? cut(rest_negative, style.negative) : rest_negative;
      if (shorter_negative === null) continue;
      rest = shorter;
      rest_negative = shorter_negative;
      chosen.push(style.id);
      found = true;
    }
  }
  return { prompt: rest, negative: rest_negative, chosen: chosen.reverse() };
}
