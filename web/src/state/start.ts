// SPDX-License-Identifier: Apache-2.0
// Brings the page to life: the draft, what the server can do, and the events that keep everything up to date.
import { effect, signal } from "@preact/signals";
import { api, ApiError, set_unauthorized_handler } from "../api/client.ts";
import { connect, type Connection } from "../api/events.ts";
import { tidy_image, tidy_job } from "../api/tidy.ts";
import type { Job, ServerEvent, StudioImage, TrainRun } from "../api/types.ts";
import { announce, toast } from "../design/toast.tsx";
import { t } from "../i18n/index.ts";
import { capabilities, load_capabilities } from "./capabilities.ts";
import { start_draft } from "./draft.ts";
import { drop_image, put_image, selectedImageId, sessionImages } from "./gallery.ts";
import { is_open, put_job, queueCounts, set_preview, jobs } from "./jobs.ts";
import { follow_layers } from "./maps.ts";
import { follow_live, liveMode } from "./live.ts";
import { follow_plan } from "./plan.ts";
import { recipe, set_recipe } from "./recipe.ts";
import { connection, loginNeeded, logins } from "./session.ts";
import { settings } from "./settings.ts";
import { base_size_of } from "./sizes.ts";
import { chosenModel, currentJob, myJobs } from "./submit.ts";
import { token_of_address } from "./token.ts";

// Counts up at every event of that type; screens with lists of their own fetch anew when it changes.
export const trainEvents = signal(0);
export const modelEvents = signal(0);

// The newest event of its kind, for lists that change in place.
export const lastImage = signal<{ image: StudioImage } | { removed: string } | null>(null);
export const lastRun = signal<TrainRun | null>(null);

let live: Connection | null = null;
const told = new Map<string, number>(); // quarter of a job that was read aloud

function tell_progress(job: Job): void {
  if (!myJobs.value.includes(job.id)) return;
  const quarter = Math.floor((job.progress?.fraction ?? 0) * 4);
  if (job.state !== "running" || quarter < 1 || quarter > 3 || told.get(job.id) === quarter) return;
  told.set(job.id, quarter);
  announce(t("create.progress_spoken", { percent: quarter * 25 }));
}

function tell_end(job: Job): void {
  const mine = myJobs.value.includes(job.id);
  told.delete(job.id);
  if (!mine) return;
  if (job.state === "done") {
    announce(t("create.done_spoken", { count: job.images.length }));
    if (job.rerun) {
      const { identical, psnr } = job.rerun;
      toast({
        kind: identical ? "ok" : "warn",
        title: identical ? t("create.rerun_identical") : t("create.rerun_differs"),
        ...(identical || psnr === null ? {} : { detail: t("create.rerun_psnr", { psnr: psnr.toFixed(1) }) }),
      });
    }
    if (document.hidden && settings.value.notify && "Notification" in window && Notification.permission === "granted") {
      new Notification(t("create.done_spoken", { count: job.images.length }), { body: job.request.prompt ?? "", icon: "/icon.svg" });
    }
  } else if (job.state === "failed" || job.state === "dead") {
    toast({ kind: "error", title: t("create.job_failed"), detail: job.error?.detail ?? "" });
  }
}

function take_job(job: Job): void {
  const before = put_job(job);
  for (const image of job.images ?? []) take_image_of(image, job);
  if (is_open(job.state)) tell_progress(job);
  else if (before && is_open(before.state)) tell_end(job);
}

// A new result of this tab comes onto the stage unless somebody looks at another picture there; in live mode always.
function take_image_of(image: Job["images"][number], job: Job): void {
  const known = sessionImages.value.some((other) => other.id === image.id);
  put_image(image);
  if (known || !myJobs.value.includes(job.id)) return;
  if (selectedImageId.value === null || liveMode.value) selectedImageId.value = image.id;
}

function take(event: ServerEvent): void {
  switch (event.type) {
    case "job":
      return take_job(tidy_job(event.job));
    case "image":
      lastImage.value = { image: tidy_image(event.image) };
      put_image(lastImage.value.image);
      return;
    case "image_removed":
      drop_image(event.image);
      lastImage.value = { removed: event.image };
      return;
    case "queue":
      queueCounts.value = { queued: event.queued, running: event.running };
      return;
    case "models":
      modelEvents.value += 1;
      void load_capabilities().catch(() => {});
      return;
    case "train":
      lastRun.value = event.run ?? null;
      trainEvents.value += 1;
      return;
    default:
      return;
  }
}

// What may have been missed, or was there before the page was opened.
async function catch_up(): Promise<void> {
  const [list, page] = await Promise.all([api.jobs({ limit: 50 }), api.images({ limit: 40 })]);
  for (const job of [...list.jobs].reverse()) {
    const before = jobs.value.find((known) => known.id === job.id);
    if (!before) put_job(job);
    else take_job(job);
  }
  for (const image of [...page.images].reverse()) put_image(image);
  queueCounts.value = {
    queued: list.jobs.filter((job) => job.state === "queued").length,
    running: list.jobs.filter((job) => job.state === "running").length,
  };
}

async function load(): Promise<void> {
  try {
    await load_capabilities();
    await catch_up();
    loginNeeded.value = false;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 0)) return;
    throw error;
  }
}

// A token in the address (the server prints such a link) is used once and taken out of it.
async function login_from_address(): Promise<void> {
  const { token, rest } = token_of_address(location.href);
  if (!token) return;
  history.replaceState(null, "", rest);
  await api.login(token).catch(() => {});
}

export async function login(token: string): Promise<void> {
  await api.login(token);
  loginNeeded.value = false;
  logins.value += 1;
  await load();
  live?.retry();
}

export function reconnect(): void {
  live?.retry();
}

export async function start(): Promise<void> {
  set_unauthorized_handler(() => (loginNeeded.value = true));
  await login_from_address();
  const restored = await start_draft().catch(() => false);
  live = connect({
    event: take,
    preview: (job, step, frame) => set_preview(job, step, new Blob([frame.bytes], { type: frame.media_type })),
    state(state, again) {
      connection.value = state;
      if (state === "open" && (again || !capabilities.value)) void load().catch(() => {});
    },
  });
  await load().catch(() => {});
  if (!restored && chosenModel.value) {
    const side = base_size_of(chosenModel.value.family, chosenModel.value.id);
    set_recipe({ ...recipe.value, width: side, height: side });
  }
  effect(() => {
    const job = currentJob.value;
    const percent = job?.state === "running" ? `${Math.round((job.progress?.fraction ?? 0) * 100)} % · ` : "";
    document.title = percent + t("app.name");
  });
  follow_layers();
  follow_plan();
  follow_live();
}
