// SPDX-License-Identifier: Apache-2.0
// What is to be made, but for the control layers: prompt, size, steps, start picture.
import { computed, signal } from "@preact/signals";
import type { Sha } from "../api/types.ts";

export interface Recipe {
  prompt: string;
  negative: string;
  styles: string[]; // ids of state/styles.ts
  model: string; // "": the first that is ready
  width: number;
  height: number;
  aspectLock: boolean;
  steps: number;
  fast: boolean; // most steps are told from the others: nearly the same picture
  cfg: number | null; // null: the model's own
  count: number;
  seed: number;
  seedFixed: boolean; // false: a new one for each click
  sampler: string; // "": the server's default
  eta: number;
  guess: boolean;
  addedWords: boolean; // false: the words that a profile adds to every prompt are left out
  init: Sha | null;
  denoise: number;
  mask: Sha | null;
  maskBlur: number;
  maskDocument: unknown;
  // Fields of the request for which the page has no control of its own, by name; drawn from the server's schema.
  extra: Record<string, unknown>;
}

export const initialRecipe: Recipe = {
  prompt: "",
  negative: "",
  styles: [],
  model: "",
  width: 512,
  height: 512,
  aspectLock: false,
  steps: 20,
  fast: false,
  cfg: null,
  count: 1,
  seed: 12345,
  seedFixed: false,
  sampler: "",
  eta: 0,
  guess: false,
  addedWords: true,
  init: null,
  denoise: 0.75,
  mask: null,
  maskBlur: 5,
  maskDocument: null,
  extra: {},
};

export const recipe = signal<Recipe>({ ...initialRecipe });

export function set_recipe(change: Partial<Recipe>): void {
  recipe.value = { ...recipe.value, ...change };
}

// Only what a map depends on: layers are not computed anew for a letter in the prompt.
export const pictureSize = computed(() => `${recipe.value.width}x${recipe.value.height}`);

// A seed below 2^32: what other tools take, too.
export function random_seed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
