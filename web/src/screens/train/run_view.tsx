// SPDX-License-Identifier: Apache-2.0
// One training: how far it is, whether its control obeys, pictures on the way, and what is made of it.
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api } from "../../api/client.ts";
import type { TrainRun, TrainRunDetails } from "../../api/types.ts";
import { Button, Chip, Dialog, format_seconds, Icon, IconButton, kind_color, Menu, Progress, Switch, toast } from "../../design/index.ts";
import { language, t, t_or } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { load_capabilities, model_by_id } from "../../state/capabilities.ts";
import { error_text } from "../../state/errors.ts";
import { add_layer, new_layer } from "../../state/layers.ts";
import { set_recipe } from "../../state/recipe.ts";
import { trainEvents } from "../../state/start.ts";
import { stageTab } from "../../state/view.ts";
import { FailedNote, Note, Skeleton } from "../parts/note.tsx";
import { time_ago, whole } from "../parts/time.ts";
import { useCalm, useLoad, useNow } from "../parts/use_load.ts";
import { Chart } from "./chart.tsx";
import { charts_of, short_number } from "./charts.ts";
import { Grids } from "./grids.tsx";
import { option_label } from "./option_fields.tsx";
import { drop_run, put_run, runs } from "./state.ts";

const kLookMs = 2500; // between two looks at the curves of a running one

const tones = { running: "accent", finished: "ok", stopped: "warn", failed: "danger" } as const;
const icons = { running: "activity", finished: "circle-check", stopped: "pause", failed: "circle-alert" } as const;

export function StateChip({ state }: { state: TrainRun["state"] }) {
  return <Chip tone={tones[state]} icon={icons[state]}>{t(`train.state_${state}`)}</Chip>;
}

// The control becomes a model of the catalogue; its base is chosen with it, since it works with no other.
async function use_as_layer(run: TrainRunDetails, go: (path: string) => void): Promise<void> {
  try {
    const { model } = await api.use_run(run.id);
    await load_capabilities();
    const base = typeof run.options?.model === "string" ? model_by_id(run.options.model) : undefined;
    if (base) set_recipe({ model: base.id });
    add_layer(new_layer(model.control_kind || run.control || "canny", { controlnet: model.id }));
    stageTab.value = "map";
    toast({ kind: "ok", title: t("train.now_layer", { name: run.name }) });
    go("/");
  } catch (error) {
    toast({ kind: "error", title: t("train.not_used"), detail: error_text(error) });
  }
}

function Actions({ run, onDelete }: { run: TrainRunDetails; onDelete(): void }) {
  const [, go] = useLocation();
  const [busy, setBusy] = useState("");
  // It ends by itself a step later, and says so.
  const [stopping, setStopping] = useState(false);
  useEffect(() => setStopping(false), [run.state]);
  const act = async (name: string, work: () => Promise<unknown>) => {
    setBusy(name);
    try {
      const changed = await work();
      if (changed) put_run(changed as TrainRun);
    } catch (error) {
      toast({ kind: "error", title: t("train.not_done"), detail: error_text(error) });
    } finally {
      setBusy("");
    }
  };
  const running = run.state === "running";
  const report = run.files === undefined || run.files.includes("report.html");
  return (
    <div class="train-actions">
      {run.step > 0 && (
        <Button kind={run.state === "finished" || run.convergence.step !== null ? "primary" : "plain"} icon="layers" busy={busy === "use"} disabled={busy !== ""} tip={t("train.use_help")} onClick={() => void act("use", () => use_as_layer(run, go))}>
          {t("train.use")}
        </Button>
      )}
      {running && <Button icon="square" busy={stopping} disabled={busy !== "" || stopping} tip={t("train.stop_help")} onClick={() => { setStopping(true); void act("stop", () => api.stop_run(run.id).catch((error: unknown) => { setStopping(false); throw error; })); }}>{t(stopping ? "queue.stopping" : "train.stop")}</Button>}
      {!running && run.step < run.steps && run.can_resume !== false && <Button icon="play" busy={busy === "resume"} disabled={busy !== ""} onClick={() => void act("resume", () => api.resume_run(run.id))}>{t("train.resume")}</Button>}
      {run.state === "finished" && run.can_resume && (
        <Menu
          label={t("train.longer")}
          items={[1.5, 2, 4].map((times) => ({ id: String(times), label: t("train.until_step", { step: whole(run.steps * times, language.value) }), onSelect: () => void act("resume", () => api.resume_run(run.id, Math.round(run.steps * times))) }))}
          button={(props) => <Button {...props} icon="play" iconEnd="chevron-down" busy={busy === "resume"} disabled={busy !== ""}>{t("train.longer")}</Button>}
        />
      )}
      {report && run.step > 0 && (
        <a class="button button-plain" href={api.run_file_url(run.id, "report.html")} target="_blank" rel="noreferrer"><Icon name="external-link" size={16} />{t("train.report")}</a>
      )}
      <IconButton icon="trash-2" label={t("train.delete")} disabled={running || busy !== ""} onClick={onDelete} />
    </div>
  );
}

function Head({ run, onDelete }: { run: TrainRunDetails; onDelete(): void }) {
  const now = useNow(30_000);
  const facts: [string, string][] = [
    [t("train.step"), `${whole(run.step, language.value)} / ${whole(run.steps, language.value)}`],
    [t("train.left"), run.state === "running" && run.eta_seconds !== null ? format_seconds(run.eta_seconds) : ""],
    [t("train.loss"), run.loss === null ? "" : short_number(run.loss)],
    [t("train.started"), time_ago(run.created, now, language.value)],
  ];
  return (
    <header class="train-head">
      <div class="train-head-line">
        <h2 class="page-title train-name">{run.name}</h2>
        <StateChip state={run.state} />
        {run.control && <Chip mark={kind_color(run.control)}>{kind_label(run.control)}</Chip>}
      </div>
      <dl class="train-facts num">
        {facts.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
      <Progress label={t("train.progress")} value={run.steps > 0 ? run.step / run.steps : 0} />
      {run.message && (
        <p class={run.state === "failed" ? "train-message train-message-failed" : "train-message"} role={run.state === "failed" ? "alert" : "status"}>
          <Icon name={run.state === "failed" ? "circle-alert" : "info"} size={15} /> {run.message}
        </p>
      )}
      <Actions run={run} onDelete={onDelete} />
    </header>
  );
}

function Verdict({ run }: { run: TrainRunDetails }) {
  const { step } = run.convergence;
  if (step !== null) return <p class="train-verdict train-verdict-ok"><Icon name="circle-check" size={16} /> {t("train.obeys_since", { step: whole(step, language.value) })}</p>;
  if (!run.curves.validation?.length) return null;
  return <p class="train-verdict"><Icon name="info" size={16} /> {t("train.obeys_not_yet")}</p>;
}

function Curves({ run, at }: { run: TrainRunDetails; at: number | null }) {
  const [log, setLog] = useState(true);
  const charts = charts_of(run);
  if (!charts.loss.length && !charts.obeys.length) return <section class="page-card"><Note small icon="activity" title={t("train.no_curves")} text={run.state === "running" ? t("train.no_curves_yet") : undefined} /></section>;
  const shared = { steps: run.steps, convergence: run.convergence.step, at };
  return (
    <section class="page-card" aria-labelledby="train-curves">
      <header class="page-card-head">
        <h2 id="train-curves">{t("train.curves")}</h2>
        <span class="page-space" />
        {charts.loss.length > 0 && <Switch label={t("train.log")} checked={log} onChange={setLog} />}
      </header>
      <div class="train-charts">
        <Verdict run={run} />
        {charts.obeys.length > 0 && <Chart {...shared} title={t("train.obeys", { metric: run.metric || t("train.metric_unknown") })} series={charts.obeys} />}
        {charts.loss.length > 0 && <Chart {...shared} title={t("train.loss")} series={charts.loss} log={log} />}
      </div>
    </section>
  );
}

function value_text(value: unknown): string {
  return typeof value === "boolean" ? t(value ? "common.yes" : "common.no") : typeof value === "number" ? short_number(value) : String(value);
}

function Options({ run }: { run: TrainRunDetails }) {
  const options = Object.entries(run.options ?? {}).filter(([, value]) => value !== "" && value !== null && typeof value !== "object");
  const dataset = run.dataset;
  if (!options.length && !dataset) return null;
  const pairs = Array.isArray(dataset?.pairs) ? dataset.pairs.length : null;
  const words = [dataset?.type ? t_or(`train.data_${String(dataset.type)}`, String(dataset.type)) : "", typeof dataset?.count === "number" ? t("train.pictures", { count: dataset.count }) : "", pairs ? t("train.pairs", { count: pairs }) : ""].filter(Boolean);
  return (
    <section class="page-card" aria-labelledby="train-options">
      <header class="page-card-head"><h2 id="train-options">{t("train.learned_how")}</h2></header>
      <dl class="train-options num">
        {words.length > 0 && <div><dt>{t("train.data")}</dt><dd>{words.join(" · ")}</dd></div>}
        {options.map(([name, value]) => (
          <div key={name}>
            <dt>{option_label(name)}</dt>
            <dd>{name === "model" ? (model_by_id(String(value))?.title ?? String(value)) : value_text(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

// What the trainer said, newest first.
function Events({ run }: { run: TrainRunDetails }) {
  const events = [...(run.events ?? [])].reverse();
  if (!events.length) return null;
  return (
    <section class="page-card" aria-labelledby="train-events">
      <header class="page-card-head"><h2 id="train-events">{t("train.messages")}</h2></header>
      <ul class="train-events" tabIndex={0}>
        {events.map((event, at) => (
          <li key={at}><span class="muted num">{whole(event.step, language.value)}</span><span>{event.text}</span></li>
        ))}
      </ul>
    </section>
  );
}

export function RunView({ id }: { id: string }) {
  const [, go] = useLocation();
  const listed = runs.value?.find((run) => run.id === id);
  const tick = useCalm(listed?.state === "running" ? trainEvents.value : 0, kLookMs);
  const { value, error, reload } = useLoad(() => api.run(id), id, tick);
  const [grid, setGrid] = useState<number | null>(null);
  const [asks, setAsks] = useState(false);
  useEffect(() => setGrid(null), [id]);
  // The last step brings the last curves.
  useEffect(() => {
    if (value && listed && listed.state !== value.state) void reload();
  }, [listed?.state]);
  if (error && !value) return <FailedNote title={t("train.failed")} error={error} onRetry={() => void reload()} />;
  if (!value) return <div class="train-wait"><Skeleton lines={3} height={140} /></div>;
  const run: TrainRunDetails = { ...value, ...(listed ?? {}) };
  const chosen = run.grids[Math.min(grid ?? run.grids.length - 1, run.grids.length - 1)];
  const remove = async () => {
    setAsks(false);
    try {
      await api.remove_run(id);
      drop_run(id);
      go("/train", { replace: true });
    } catch (fault) {
      toast({ kind: "error", title: t("train.not_deleted"), detail: error_text(fault) });
    }
  };
  return (
    <div class="train-run">
      <Head run={run} onDelete={() => setAsks(true)} />
      <div class="train-columns">
        <Curves run={run} at={grid === null ? null : (chosen?.step ?? null)} />
        <div class="train-column">
          <Grids grids={run.grids} chosen={grid} running={run.state === "running"} onChoose={setGrid} />
          <Events run={run} />
          <Options run={run} />
        </div>
      </div>
      {asks && (
        <Dialog
          open
          title={t("train.delete_title", { name: run.name })}
          onClose={() => setAsks(false)}
          footer={
            <>
              <Button onClick={() => setAsks(false)}>{t("common.cancel")}</Button>
              <Button kind="danger" icon="trash-2" onClick={() => void remove()}>{t("common.delete")}</Button>
            </>
          }
        >
          <p>{t("train.delete_text")}</p>
        </Dialog>
      )}
    </div>
  );
}
