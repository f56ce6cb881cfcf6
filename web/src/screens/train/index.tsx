// SPDX-License-Identifier: Apache-2.0
// Train: the trainings on the left, one of them or a new one beside; below 800 px one of both at a time.
import { useEffect } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import type { TrainRun } from "../../api/types.ts";
import { Button, format_seconds, Icon, IconButton, names, Progress } from "../../design/index.ts";
import { language, t } from "../../i18n/index.ts";
import { FailedNote, Note, Skeleton } from "../parts/note.tsx";
import { time_ago, whole } from "../parts/time.ts";
import { useNow } from "../parts/use_load.ts";
import { NewRun } from "./new_run.tsx";
import { RunView, StateChip } from "./run_view.tsx";
import { follow_runs, load_runs, runs, runsError } from "./state.ts";
import "./train.css";

function RunLink({ run, current, now }: { run: TrainRun; current: boolean; now: number }) {
  const running = run.state === "running";
  const words = running
    ? [`${whole(run.step, language.value)} / ${whole(run.steps, language.value)}`, run.eta_seconds === null ? "" : t("queue.left", { time: format_seconds(run.eta_seconds) })]
    : [`${whole(run.step, language.value)} / ${whole(run.steps, language.value)}`, time_ago(run.created, now, language.value)];
  return (
    <li>
      <Link href={`/train/${encodeURIComponent(run.id)}`} class={names("train-link", current && "train-link-current")} aria-current={current ? "page" : undefined}>
        <span class="train-link-line"><span class="train-link-name">{run.name}</span><StateChip state={run.state} /></span>
        <span class="muted num">{words.filter(Boolean).join(" · ")}</span>
        {running && <Progress label={t("train.progress")} value={run.steps > 0 ? run.step / run.steps : 0} />}
      </Link>
    </li>
  );
}

function List({ id, now }: { id: string | null; now: number }) {
  const [, go] = useLocation();
  const all = runs.value;
  return (
    <nav class="train-list" aria-label={t("train.runs")}>
      <header class="train-list-head">
        <h2>{t("train.runs")}</h2>
        <Button kind={id === "new" ? "quiet" : "primary"} icon="plus" onClick={() => go("/train/new")}>{t("train.new")}</Button>
      </header>
      {runsError.value && all === null ? (
        <FailedNote small title={t("train.failed")} error={runsError.value} onRetry={() => void load_runs()} />
      ) : all === null ? (
        <Skeleton lines={3} height={64} />
      ) : all.length === 0 ? (
        <p class="muted train-list-none">{t("train.none")}</p>
      ) : (
        <ul>{all.map((run) => <RunLink key={run.id} run={run} current={run.id === id} now={now} />)}</ul>
      )}
    </nav>
  );
}

function Intro() {
  const [, go] = useLocation();
  return (
    <Note icon="graduation-cap" title={t("train.intro")} text={t("train.intro_text")}>
      <Button kind="primary" icon="plus" onClick={() => go("/train/new")}>{t("train.new_title")}</Button>
    </Note>
  );
}

export default function Train() {
  const [path, go] = useLocation();
  const now = useNow(30_000);
  useEffect(() => follow_runs(), []);
  const named = path.split("/")[2];
  const chosen = named ? decodeURIComponent(named) : null;
  // A wide window shows one at once: what runs, else the newest.
  const shown = chosen ?? runs.value?.find((run) => run.state === "running")?.id ?? runs.value?.[0]?.id ?? null;
  return (
    <div class={names("train", chosen !== null && "train-opened")}>
      <h1 class="visually-hidden">{t("app.screen_train")}</h1>
      <List id={chosen ?? shown} now={now} />
      <div class="train-main">
        <div class="train-back"><IconButton icon="arrow-left" label={t("train.back")} onClick={() => go("/train")} /><Icon name="graduation-cap" size={16} />{t("app.screen_train")}</div>
        {shown === "new" ? <NewRun /> : shown ? <RunView key={shown} id={shown} /> : runs.value === null && !runsError.value ? <div class="train-wait"><Skeleton lines={3} height={140} /></div> : <Intro />}
      </div>
    </div>
  );
}
