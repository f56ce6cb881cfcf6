// SPDX-License-Identifier: Apache-2.0
// What a job is doing, in words.
import type { Job } from "../api/types.ts";
import { t, t_or } from "../i18n/index.ts";

export function phase_text(job: Job): string {
  if (job.state === "queued") return job.position > 0 ? t("app.position", { count: job.position }) : t("app.state_queued");
  if (job.state !== "running") return t(`app.state_${job.state}`);
  const progress = job.progress;
  if (!progress) return t("app.state_running");
  const name = t_or(`app.phase_${progress.phase}`, progress.phase);
  return progress.total > 1 ? `${name} ${progress.done}/${progress.total}` : name;
}
