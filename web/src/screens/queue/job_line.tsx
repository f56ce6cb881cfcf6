// SPDX-License-Identifier: Apache-2.0
// One job: what it makes, how far it is, what went wrong, and what can be done with it.
import { useLocation } from "wouter-preact";
import { api } from "../../api/client.ts";
import type { Job } from "../../api/types.ts";
import { Button, Chip, format_seconds, Icon, IconButton, kind_color, names, Progress, toast, type IconName } from "../../design/index.ts";
import { language, t, t_or } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { phase_text } from "../../shell/phases.ts";
import { kind_of, model_by_id } from "../../state/capabilities.ts";
import { error_text } from "../../state/errors.ts";
import { is_open, jobs, previews, put_job } from "../../state/jobs.ts";
import { recall_request } from "../../state/recall.ts";
import { cancel_job, myJobs } from "../../state/submit.ts";
import { date_time, time_ago } from "../parts/time.ts";
import { hint_of, priority_before, seconds_of } from "./queue_list.ts";

// Until it is done, all that a re-run knows is the picture.
function is_rerun(job: Job): boolean {
  return job.kind === "rerun" && typeof job.request.image === "string";
}

async function submit_again(job: Job, priority: number): Promise<Job | null> {
  try {
    const again = is_rerun(job) ? await api.rerun_image(String(job.request.image)) : await api.submit(job.request, { priority });
    put_job(again);
    myJobs.value = [...myJobs.value, again.id];
    return again;
  } catch (error) {
    toast({ kind: "error", title: t("create.not_started"), detail: error_text(error) });
    return null;
  }
}

// The server keeps the order of priorities, and a job's own cannot be changed: the same job is put in before the others, then taken out
// at its old place. If it has begun meanwhile, the second one is not needed.
async function move_to_front(job: Job): Promise<void> {
  const again = await submit_again(job, priority_before(jobs.value));
  if (!again) return;
  const old = await api.cancel_job(job.id).catch(() => null);
  if (old) put_job(old);
  if (old && old.state !== "cancelled") await cancel_job(again.id);
}

const marks: Record<string, IconName> = { queued: "list-todo", running: "loader-circle", done: "image", failed: "circle-alert", dead: "circle-alert", cancelled: "ban" };

function Thumb({ job }: { job: Job }) {
  const [, go] = useLocation();
  const preview = previews.value[job.id]?.url;
  const image = job.images[0];
  if (image) {
    return (
      <button type="button" class="queue-thumb" aria-label={t("queue.open_picture")} data-tip={t("queue.open_picture")} onClick={() => go(`/gallery/${encodeURIComponent(image.id)}`)}>
        <img src={image.thumb} alt="" loading="lazy" />
        {job.images.length > 1 && <span class="queue-thumb-count num">{job.images.length}</span>}
      </button>
    );
  }
  return (
    <span class={names("queue-thumb", (job.state === "failed" || job.state === "dead") && "queue-thumb-failed")}>
      {preview ? <img src={preview} alt={t("create.preview")} /> : <Icon name={marks[job.state] ?? "image"} size={20} class={job.state === "running" ? "spin" : ""} />}
    </span>
  );
}

function Facts({ job }: { job: Job }) {
  const { request } = job;
  const words = [
    request.width && request.height ? `${request.width} × ${request.height}` : "",
    (request.batch ?? 1) > 1 ? t("queue.pictures", { count: request.batch }) : "",
    request.steps ? t("queue.steps", { count: request.steps }) : "",
    request.model ? (model_by_id(request.model)?.title ?? request.model) : "",
  ].filter(Boolean);
  const kinds = (request.controls ?? []).map((unit) => kind_of(unit.kind).kind);
  return (
    <p class="queue-facts">
      <span class="muted num">{words.join(" · ")}</span>
      {kinds.map((kind, at) => <Chip key={at} mark={kind_color(kind)}>{kind_label(kind)}</Chip>)}
      {job.rerun && job.state === "done" && (
        <Chip tone={job.rerun.identical ? "ok" : "warn"} icon={job.rerun.identical ? "circle-check" : "triangle-alert"} class="num">
          {job.rerun.identical ? t("create.rerun_identical") : job.rerun.psnr === null ? t("create.rerun_differs") : t("gallery.rerun_differs", { psnr: job.rerun.psnr.toFixed(1) })}
        </Chip>
      )}
      {job.kind === "rerun" && is_open(job.state) && <Chip icon="refresh-cw">{t("gallery.rerun")}</Chip>}
      {job.attempt > 1 && <Chip tone="warn" icon="refresh-cw">{t("queue.attempt", { count: job.attempt })}</Chip>}
    </p>
  );
}

function Trouble({ job }: { job: Job }) {
  if (!job.error) return null;
  const hint = hint_of(job.error.code);
  return (
    <div class="queue-error">
      <Icon name="circle-alert" size={14} />
      <p>
        {job.error.field ? `${job.error.field}: ` : ""}{job.error.detail}
        {hint && <span class="queue-hint"> {t_or(`queue.hint_${hint}`, "")}</span>}
      </p>
    </div>
  );
}

function Running({ job }: { job: Job }) {
  const eta = job.progress?.eta_seconds;
  const words = [phase_text(job), eta ? t("queue.left", { time: format_seconds(eta) }) : "", job.worker].filter(Boolean);
  return (
    <div class="queue-progress">
      <Progress label={t("create.progress")} value={job.progress?.fraction ?? null} />
      <p class="muted num">{words.join(" · ")}</p>
    </div>
  );
}

function State({ job, now }: { job: Job; now: number }) {
  const seconds = seconds_of(job);
  const when = job.finished ?? job.created;
  return (
    <p class="queue-state num">
      <span class={names((job.state === "failed" || job.state === "dead") && "queue-state-failed")}>{t(`app.state_${job.state}`)}</span>
      <span class="muted" data-tip={date_time(when, language.value)}>{time_ago(when, now, language.value)}</span>
      {seconds !== null && job.state === "done" && <span class="muted">{format_seconds(seconds)}</span>}
    </p>
  );
}

// `place`: how many stand before it. Events tell of a job that changes, not of those behind it, so the list counts for itself.
export function JobLine({ job, now, next, place = 0 }: { job: Job; now: number; next?: boolean; place?: number }) {
  const [, go] = useLocation();
  const open = is_open(job.state);
  const stopping = job.cancel_requested === true && job.state === "running";
  return (
    <li class={names("queue-job", `queue-job-${job.state}`)}>
      <Thumb job={job} />
      <div class="queue-job-body">
        <p class="queue-prompt">{job.request.prompt || <span class="muted">{t(job.kind === "rerun" ? "create.rerun" : "create.no_prompt")}</span>}</p>
        <Facts job={job} />
        {job.state === "running" && <Running job={job} />}
        <Trouble job={job} />
        {job.warnings.map((warning) => <p key={warning} class="queue-warning"><Icon name="triangle-alert" size={13} /> {warning}</p>)}
      </div>
      <div class="queue-job-side">
        {job.state === "queued" && <p class="queue-state muted num">{phase_text({ ...job, position: place })}</p>}
        {!open && <State job={job} now={now} />}
        <div class="queue-job-actions">
          {job.state === "queued" && !next && job.kind === "generate" && <IconButton small icon="arrow-up" label={t("queue.to_front")} onClick={() => void move_to_front(job)} />}
          {open && <Button small icon="x" disabled={stopping} onClick={() => void cancel_job(job.id)}>{t(stopping ? "queue.stopping" : "common.cancel")}</Button>}
          {!open && job.state !== "done" && <Button small icon="refresh-cw" onClick={() => void submit_again(job, 0)}>{t("common.retry")}</Button>}
          {!open && !is_rerun(job) && <IconButton small icon="sliders-horizontal" label={t("create.recall")} onClick={() => { recall_request(job.request); go("/"); }} />}
        </div>
      </div>
    </li>
  );
}
