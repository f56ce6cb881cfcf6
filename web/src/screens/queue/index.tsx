// SPDX-License-Identifier: Apache-2.0
// Queue and workers: what runs, what waits and in which order, what became of the rest, and who does it.
import { useLocation } from "wouter-preact";
import { Button } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { capabilities } from "../../state/capabilities.ts";
import { openJobs } from "../../state/jobs.ts";
import { connection } from "../../state/session.ts";
import { cancel_job } from "../../state/submit.ts";
import { Note, Skeleton } from "../parts/note.tsx";
import { useNow } from "../parts/use_load.ts";
import { History } from "./history.tsx";
import { JobLine } from "./job_line.tsx";
import { in_turn } from "./queue_list.ts";
import { Workers } from "./workers.tsx";
import "./queue.css";

const kTickMs = 10_000;

function Now({ now }: { now: number }) {
  const [, go] = useLocation();
  const open = in_turn(openJobs.value);
  const waiting = open.filter((job) => job.state === "queued");
  const loading = capabilities.value === null && connection.value !== "lost";
  return (
    <section class="page-card" aria-labelledby="queue-now">
      <header class="page-card-head">
        <h2 id="queue-now">{t("queue.now")}</h2>
        {open.length > 0 && <span class="page-count num">{open.length}</span>}
        <span class="page-space" />
        {waiting.length > 1 && <Button small kind="danger" icon="x" onClick={() => void Promise.all(waiting.map((job) => cancel_job(job.id)))}>{t("queue.cancel_waiting", { count: waiting.length })}</Button>}
      </header>
      {loading ? (
        <Skeleton lines={1} height={72} />
      ) : open.length === 0 ? (
        <Note small icon="list-todo" title={t("app.idle_long")} text={t("queue.empty_hint")}>
          <Button icon="wand-sparkles" onClick={() => go("/")}>{t("queue.to_create")}</Button>
        </Note>
      ) : (
        <ol class="queue-list">{open.map((job, at) => <JobLine key={job.id} job={job} now={now} next={job.id === waiting[0]?.id} place={at} />)}</ol>
      )}
    </section>
  );
}

export default function Queue() {
  const now = useNow(kTickMs);
  return (
    <div class="page queue">
      <header class="page-head">
        <h1 class="page-title">{t("app.screen_queue")}</h1>
      </header>
      <div class="queue-columns">
        <div class="queue-main">
          <Now now={now} />
          <History now={now} />
        </div>
        <div class="queue-side"><Workers /></div>
      </div>
    </div>
  );
}
