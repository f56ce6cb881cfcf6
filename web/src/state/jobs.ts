// SPDX-License-Identifier: Apache-2.0
// Jobs as the server tells of them.
import { computed, signal } from "@preact/signals";
import type { Job, JobState } from "../api/types.ts";

const kKept = 200;

export const jobs = signal<Job[]>([]); // newest first
export const queueCounts = signal<{ queued: number; running: number }>({ queued: 0, running: 0 });

// Pictures of unfinished jobs: an object URL for each, given back when the job ends.
export const previews = signal<Record<string, { url: string; step: number }>>({});

export function is_open(state: JobState): boolean {
  return state === "queued" || state === "running";
}

export const openJobs = computed(() => jobs.value.filter((job) => is_open(job.state)));
export const runningJob = computed(() => openJobs.value.find((job) => job.state === "running") ?? null);

export function job_by_id(id: string): Job | undefined {
  return jobs.value.find((job) => job.id === id);
}

// Returns the job as it was known before.
export function put_job(job: Job): Job | undefined {
  const before = job_by_id(job.id);
  // An answer to a question may arrive after an event that is newer than it.
  if (before && !is_open(before.state) && is_open(job.state) && job.attempt <= before.attempt) return before;
  jobs.value = before
    ? jobs.value.map((known) => (known.id === job.id ? job : known))
    : [job, ...jobs.value].sort((a, b) => b.created - a.created).slice(0, kKept);
  if (!is_open(job.state)) forget_preview(job.id);
  return before;
}

export function set_preview(job: string, step: number, picture: Blob): void {
  const old = previews.value[job];
  previews.value = { ...previews.value, [job]: { url: URL.createObjectURL(picture), step } };
  // The old picture may still be on the screen for a frame.
  if (old) setTimeout(() => URL.revokeObjectURL(old.url), 500);
}

function forget_preview(job: string): void {
  const { [job]: old, ...rest } = previews.value;
  if (!old) return;
  previews.value = rest;
  setTimeout(() => URL.revokeObjectURL(old.url), 2000);
}
