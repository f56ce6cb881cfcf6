// SPDX-License-Identifier: Apache-2.0
// Sends the recipe away as a job, cancels, and follows what this tab asked for.
import { computed, signal } from "@preact/signals";
import { api, ApiError } from "../api/client.ts";
import type { GenerateRequest, Job } from "../api/types.ts";
import { toast } from "../design/toast.tsx";
import { t } from "../i18n/index.ts";
import { baseModels, model_by_id, unitFields, usable } from "./capabilities.ts";
import { error_text } from "./errors.ts";
import { selectedImageId } from "./gallery.ts";
import { is_open, jobs, openJobs, put_job } from "./jobs.ts";
import { layers } from "./layers.ts";
import { random_seed, recipe, set_recipe } from "./recipe.ts";
import { compose_request } from "./request.ts";
import { styles_for } from "./styles.ts";
import { all_saved } from "./unsaved.ts";
import { editing, stageTab } from "./view.ts";

// Faults of the last try by field of the request ("steps", "controls[0].weight").
export const fieldErrors = signal<Record<string, string>>({});

// Jobs that this tab asked for, newest last; their results come onto the stage by themselves.
export const myJobs = signal<string[]>([]);

export const sending = signal(0);

export const chosenModel = computed(() => {
  const wanted = recipe.value.model;
  return (wanted ? model_by_id(wanted) : undefined) ?? baseModels.value.find(usable) ?? baseModels.value[0];
});

// The request as it would be sent now.
export const currentRequest = computed<GenerateRequest>(() => {
  const model = chosenModel.value;
  return compose_request(recipe.value, layers.value, { styles: styles_for(model), seed: recipe.value.seed, model: model?.id ?? recipe.value.model, unitFields: unitFields.value });
});

// The newest unfinished job of this tab.
export const currentJob = computed<Job | null>(() => {
  const mine = new Set(myJobs.value);
  const open = openJobs.value.filter((job) => mine.has(job.id));
  return open.find((job) => job.state === "running") ?? open[open.length - 1] ?? null;
});

function key(): string {
  return crypto.randomUUID?.() ?? `${Date.now()}-${random_seed()}`;
}

// `times` jobs one after another, each with the next seed. Returns the jobs that were taken.
// `quiet`: the stage stays as it is, and so does what is still being drawn: its map brings the next run (live mode).
export async function generate(times = 1, quiet = false): Promise<Job[]> {
  if (!recipe.value.seedFixed) set_recipe({ seed: random_seed() });
  // The stage shows what comes, but takes nobody away from drawing.
  if (editing.value === null && !quiet) {
    selectedImageId.value = null;
    stageTab.value = "result";
  }
  const taken: Job[] = [];
  sending.value += 1;
  try {
    if (!quiet) await all_saved();
    const request = currentRequest.value;
    const seed = recipe.value.seed;
    fieldErrors.value = {};
    for (let i = 0; i < times; i += 1) {
      const job = await api.submit({ ...request, seed: seed + i * (request.batch ?? 1) }, { key: key() });
      put_job(job);
      myJobs.value = [...myJobs.value, job.id].slice(-500);
      taken.push(job);
    }
  } catch (error) {
    report(error);
  } finally {
    sending.value -= 1;
  }
  return taken;
}

function report(error: unknown): void {
  if (error instanceof ApiError && error.field && error.status >= 400 && error.status < 500) fieldErrors.value = { [error.field]: error.detail };
  toast({ kind: "error", title: t("create.not_started"), detail: error_text(error) });
}

export async function cancel_job(id: string): Promise<void> {
  try {
    put_job(await api.cancel_job(id));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return;
    toast({ kind: "error", title: t("create.not_cancelled"), detail: error_text(error) });
  }
}

// The running job of this tab; without one, the newest that waits.
export async function cancel_current(): Promise<void> {
  const job = currentJob.value;
  if (job) await cancel_job(job.id);
}

export async function cancel_all_mine(): Promise<void> {
  const mine = new Set(myJobs.value);
  await Promise.all(jobs.value.filter((job) => mine.has(job.id) && is_open(job.state)).map((job) => cancel_job(job.id)));
}

export function clear_field_error(field: string): void {
  if (!(field in fieldErrors.value)) return;
  const { [field]: _, ...rest } = fieldErrors.value;
  fieldErrors.value = rest;
}
