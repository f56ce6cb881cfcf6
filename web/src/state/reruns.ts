// SPDX-License-Identifier: Apache-2.0
// What became of exact re-runs: identical, or how far off. No page in here.
import { signal } from "@preact/signals";
import type { Job } from "../api/types.ts";

// The job that ran a picture again last, by the picture's id; only of this visit.
export const rerunJobs = signal<Record<string, string>>({});

export type RerunOutcome =
  | { state: "running"; fraction: number }
  | { state: "identical" }
  | { state: "differs"; psnr: number | null }
  | { state: "failed"; detail: string };

// Of the newest re-run of a picture that is known; null: it was not run again. `jobs` are newest first.
export function rerun_outcome(image: string, jobs: readonly Job[], started: Readonly<Record<string, string>>): RerunOutcome | null {
  const job = jobs.find((one) => one.id === started[image]) ?? jobs.find((one) => one.rerun?.of === image);
  if (!job) return null;
  if (job.state === "queued" || job.state === "running") return { state: "running", fraction: job.progress?.fraction ?? 0 };
  if (job.state !== "done") return job.state === "cancelled" ? null : { state: "failed", detail: job.error?.detail ?? "" };
  if (!job.rerun) return null;
  return job.rerun.identical ? { state: "identical" } : { state: "differs", psnr: job.rerun.psnr };
}
