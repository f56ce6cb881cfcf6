// SPDX-License-Identifier: Apache-2.0
// The list of trainings, kept up to date by events.
import { signal } from "@preact/signals";
import { api } from "../../api/client.ts";
import type { JsonSchema, TrainRun } from "../../api/types.ts";
import { capabilities } from "../../state/capabilities.ts";
import { error_text } from "../../state/errors.ts";
import { lastRun } from "../../state/start.ts";
import { schema_in_openapi } from "./form.ts";

export const runs = signal<TrainRun[] | null>(null); // newest first; null: not fetched yet
export const runsError = signal("");

export async function load_runs(): Promise<void> {
  try {
    runs.value = (await api.runs()).runs;
    runsError.value = "";
  } catch (error) {
    runsError.value = error_text(error);
  }
}

export function put_run(run: TrainRun): void {
  const all = runs.value ?? [];
  runs.value = all.some((one) => one.id === run.id) ? all.map((one) => (one.id === run.id ? { ...one, ...run } : one)) : [run, ...all];
}

export function drop_run(id: string): void {
  runs.value = (runs.value ?? []).filter((run) => run.id !== id);
}

// While the screen is open. Returns what ends it.
export function follow_runs(): () => void {
  void load_runs();
  let first = true;
  return lastRun.subscribe((run) => {
    if (!first && run && runs.peek()) put_run(run);
    first = false;
  });
}

let schema: Promise<JsonSchema | null> | null = null;

// The options of a training as the server describes them: with its capabilities, else in the description of its API.
export function train_schema(): Promise<JsonSchema | null> {
  const known = capabilities.value?.train_schema;
  if (known) return Promise.resolve(known);
  schema ??= api.openapi().then(schema_in_openapi, () => (schema = null));
  return schema;
}
