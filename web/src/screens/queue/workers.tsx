// SPDX-License-Identifier: Apache-2.0
// Who does the work: each worker, on what it computes, and what it has in hand.
import { api } from "../../api/client.ts";
import type { WorkerInfo } from "../../api/types.ts";
import { Chip, Icon } from "../../design/index.ts";
import { language, t } from "../../i18n/index.ts";
import { is_gpu } from "../../state/capabilities.ts";
import { job_by_id, openJobs } from "../../state/jobs.ts";
import { FailedNote, Note, Skeleton } from "../parts/note.tsx";
import { time_ago } from "../parts/time.ts";
import { useLoad, useNow } from "../parts/use_load.ts";
import { is_silent } from "./queue_list.ts";

const kLookMs = 5000;

function Worker({ worker, now }: { worker: WorkerInfo; now: number }) {
  const job = worker.job ? job_by_id(worker.job) : undefined;
  const silent = is_silent(worker, now);
  const gpu = is_gpu(worker.device);
  return (
    <li class="queue-worker">
      <span class="queue-worker-mark"><Icon name={gpu ? "zap" : "cpu"} size={17} /></span>
      <div class="queue-worker-body">
        <p class="queue-worker-name">{worker.name}</p>
        <p class="muted">{worker.device || t("queue.device_unknown")}</p>
        {silent && <p class="queue-worker-silent">{t("queue.last_seen", { time: time_ago(worker.last_seen, now, language.value) })}</p>}
        {worker.job && <p class="queue-worker-job">{job?.request.prompt || worker.job}</p>}
      </div>
      {silent ? (
        <Chip tone="warn" tip={t("queue.silent_help")}>{t("queue.silent")}</Chip>
      ) : worker.job ? (
        <Chip tone="accent" icon="activity">{t("queue.busy")}</Chip>
      ) : (
        <Chip tone="ok">{t("queue.idle")}</Chip>
      )}
    </li>
  );
}

export function Workers() {
  const now = useNow(kLookMs);
  const { value, error, reload } = useLoad(api.workers, "workers", now + openJobs.value.length);
  const workers = value?.workers ?? [];
  return (
    <section class="page-card" aria-labelledby="queue-workers">
      <header class="page-card-head">
        <h2 id="queue-workers">{t("queue.workers")}</h2>
        {workers.length > 0 && <span class="page-count num">{workers.length}</span>}
      </header>
      {error && !value ? (
        <FailedNote small title={t("queue.workers_failed")} error={error} onRetry={() => void reload()} />
      ) : !value ? (
        <Skeleton lines={1} />
      ) : workers.length === 0 ? (
        <Note small icon="cpu" title={t("queue.no_workers")} text={t("queue.no_workers_hint")}>
          <code class="mono queue-command">zeroconv worker</code>
        </Note>
      ) : (
        <ul class="queue-workers">{workers.map((worker) => <Worker key={worker.name} worker={worker} now={now} />)}</ul>
      )}
    </section>
  );
}
