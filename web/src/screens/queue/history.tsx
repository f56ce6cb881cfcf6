// SPDX-License-Identifier: Apache-2.0
// Jobs that are over, page by page.
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../../api/client.ts";
import type { Job } from "../../api/types.ts";
import { Button, Segmented } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { error_text } from "../../state/errors.ts";
import { jobs } from "../../state/jobs.ts";
import { FailedNote, Note, Skeleton } from "../parts/note.tsx";
import { JobLine } from "./job_line.tsx";
import { history_of, historyParts, states_of, type HistoryPart } from "./queue_list.ts";

const kPage = 30;

interface Fetched {
  part: HistoryPart;
  jobs: Job[];
  before: (string | null)[]; // for each state that is asked for: where its next page begins; null: it has ended
  started: boolean;
}

const nothing = (part: HistoryPart): Fetched => ({ part, jobs: [], before: states_of(part).map(() => ""), started: false });

async function next_pages(fetched: Fetched): Promise<Fetched> {
  const states = states_of(fetched.part);
  const pages = await Promise.all(
    states.map(async (state, at) => {
      const before = fetched.before[at]!;
      if (before === null) return [];
      return (await api.jobs({ limit: kPage, ...(state ? { state } : {}), ...(before ? { before } : {}) })).jobs;
    }),
  );
  return { part: fetched.part, started: true, jobs: [...fetched.jobs, ...pages.flat()], before: pages.map((page) => (page.length < kPage ? null : page.at(-1)!.id)) };
}

export function History({ now }: { now: number }) {
  const [part, setPart] = useState<HistoryPart>("all");
  const [fetched, setFetched] = useState<Fetched>(nothing("all"));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const wanted = useRef(part);
  wanted.current = part;
  const more = async (from: Fetched) => {
    setBusy(true);
    setError("");
    try {
      const next = await next_pages(from);
      if (wanted.current === next.part) setFetched(next);
    } catch (fault) {
      if (wanted.current === from.part) setError(error_text(fault));
    } finally {
      if (wanted.current === from.part) setBusy(false);
    }
  };
  useEffect(() => {
    setFetched(nothing(part));
    void more(nothing(part));
  }, [part]);
  const shown = fetched.part === part && fetched.started ? history_of(fetched.jobs, jobs.value, part) : null;
  const ended = fetched.before.every((before) => before === null);
  return (
    <section class="page-card" aria-labelledby="queue-history">
      <header class="page-card-head">
        <h2 id="queue-history">{t("queue.history")}</h2>
        <span class="page-space" />
        <Segmented<HistoryPart> label={t("queue.history_part")} hideLabel value={part} options={historyParts.map((value) => ({ value, label: t(`queue.part_${value}`) }))} onChange={setPart} />
      </header>
      {error && !shown ? (
        <FailedNote small title={t("queue.history_failed")} error={error} onRetry={() => void more(fetched)} />
      ) : shown === null ? (
        <Skeleton lines={4} height={72} />
      ) : shown.length === 0 ? (
        <Note small icon="list-todo" title={t(part === "all" ? "queue.history_none" : "queue.history_none_of_it")} />
      ) : (
        <ul class="queue-list">{shown.map((job) => <JobLine key={job.id} job={job} now={now} />)}</ul>
      )}
      {shown !== null && !ended && (
        <div class="queue-more">
          <Button busy={busy} onClick={() => void more(fetched)}>{t("queue.older")}</Button>
          {error && <p class="queue-error" role="alert">{error}</p>}
        </div>
      )}
    </section>
  );
}
