// SPDX-License-Identifier: Apache-2.0
// Live mode: any change of recipe or map starts a run with the same seed a moment later, and ends the one before.
import { effect, signal } from "@preact/signals";
import { layers } from "./layers.ts";
import { mapStates } from "./maps.ts";
import { recipe, set_recipe } from "./recipe.ts";
import { layer_problem } from "./request.ts";
import { settings } from "./settings.ts";
import { cancel_job, currentRequest, generate } from "./submit.ts";

export const liveMode = signal(false);

let mine: string | null = null;
let last = "";

export function set_live(on: boolean): void {
  liveMode.value = on;
  last = "";
  if (on) set_recipe({ seedFixed: true });
  else if (mine) void cancel_job(mine);
}

// A run makes sense when something says what to draw, and no map is just being made.
function ready(): boolean {
  const active = layers.value.filter((layer) => layer.enabled && layer_problem(layer) === null);
  const waits = active.some((layer) => mapStates.value[layer.id]?.busy);
  return !waits && (recipe.value.prompt.trim() !== "" || active.length > 0);
}

export function follow_live(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return effect(() => {
    // What a map is made of matters, not only that it is asked for: a new map changes no field of the request.
    const key = JSON.stringify([currentRequest.value, layers.value.map((layer) => [layer.map, layer.enabled])]);
    clearTimeout(timer);
    if (!liveMode.value || !ready() || key === last) return;
    timer = setTimeout(async () => {
      last = key;
      const old = mine;
      const [job] = await generate(1, true);
      mine = job?.id ?? null;
      if (old) await cancel_job(old);
    }, settings.value.liveDelayMs);
  });
}
