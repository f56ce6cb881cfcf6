// SPDX-License-Identifier: Apache-2.0
// What is on the screen of Create right now; not a part of the recipe.
import { signal } from "@preact/signals";

export type StageTab = "map" | "result" | "compare";
export const stageTab = signal<StageTab>("result");

// A map is open in its editor (the layer's id), or a mask ("init": of the start picture; "region:ID": of a layer).
export const editing = signal<string | null>(null);

// Below 800 px one of the three columns is seen.
export type Pane = "recipe" | "stage" | "results";
export const pane = signal<Pane>("recipe");

export const helpOpen = signal(false);
