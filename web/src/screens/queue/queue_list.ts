// SPDX-License-Identifier: Apache-2.0
// The order of jobs, what their history shows, and faults as advice. No page in here.
import type { Job, JobState, WorkerInfo } from "../../api/types.ts";

// Running ones first, then as they will be taken.
export function in_turn(jobs: readonly Job[]): Job[] {
  const rank = (job: Job) => (job.state === "running" ? -1 : job.position < 0 ? Number.MAX_SAFE_INTEGER : job.position);
  return jobs.filter((job) => job.state === "running" || job.state === "queued").sort((a, b) => rank(a) - rank(b) || a.created - b.created);
}

export type HistoryPart = "all" | "done" | "failed" | "cancelled";
export const historyParts: readonly HistoryPart[] = ["all", "done", "failed", "cancelled"];

// States to ask the server for; null: all of them. A job that was given up has failed, too.
export function states_of(part: HistoryPart): (JobState | null)[] {
  return part === "all" ? [null] : part === "failed" ? ["failed", "dead"] : [part];
}

function belongs(job: Job, part: HistoryPart): boolean {
  if (job.state === "queued" || job.state === "running") return false;
  return part === "all" || states_of(part).includes(job.state);
}

// What was fetched and what events told since, each job once in its newest form; newest first.
export function history_of(fetched: readonly Job[], live: readonly Job[], part: HistoryPart): Job[] {
  const by_id = new Map<string, Job>();
  for (const job of [...fetched, ...live]) by_id.set(job.id, job);
  const oldest = fetched.reduce((least, job) => Math.min(least, job.created), Infinity);
  const seen = new Set(fetched.map((job) => job.id));
  // A live one that is older than all that was fetched has its place on a later page.
  return [...by_id.values()].filter((job) => belongs(job, part) && (seen.has(job.id) || fetched.length === 0 || job.created >= oldest)).sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
}

// Codes for which there is advice: queue.hint_<code>.
const hinted = new Set(["out_of_memory", "not_found", "worker_lost", "timeout", "unsupported", "bad_file"]);
export function hint_of(code: string): string | null {
  return hinted.has(code) ? code : null;
}

// The priority with which a job goes before all that wait now.
export function priority_before(jobs: readonly Job[]): number {
  return Math.max(0, ...jobs.filter((job) => job.state === "queued").map((job) => job.priority ?? 0)) + 1;
}

// Silent for longer than its lease: it has most likely ended.
export function is_silent(worker: Pick<WorkerInfo, "last_seen">, now: number): boolean {
  return now - worker.last_seen > 40_000;
}

// How long it took, in seconds; null for one that never ran.
export function seconds_of(job: Job): number | null {
  if (!job.started || !job.finished || job.finished < job.started) return null;
  return (job.finished - job.started) / 1000;
}
