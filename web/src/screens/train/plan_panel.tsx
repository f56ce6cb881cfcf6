// SPDX-License-Identifier: Apache-2.0
// What a training would need, before it is started: memory by what it is for, and what else was looked at.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, ApiError, is_abort } from "../../api/client.ts";
import type { NewTrainRun, TrainPlan } from "../../api/types.ts";
import { Chip, format_bytes, Icon, names } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { capabilities } from "../../state/capabilities.ts";
import { error_text } from "../../state/errors.ts";
import { field_of_fault, memory_rows, without_flags } from "./form.ts";

const kWaitMs = 700;

export type PlanState = { state: "none" } | { state: "asking"; last: TrainPlan | null } | { state: "ready"; plan: TrainPlan } | { state: "failed"; error: string; field: string };

// Asked for when the form rests; `request` null: something is missing yet.
export function usePlan(request: NewTrainRun | null): PlanState {
  const [state, setState] = useState<PlanState>({ state: "none" });
  const last = useRef<TrainPlan | null>(null);
  const key = request ? JSON.stringify(request) : null;
  useEffect(() => {
    if (!request) {
      setState({ state: "none" });
      return;
    }
    setState({ state: "asking", last: last.current });
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const plan = await api.plan_run(request, stop.signal);
        last.current = plan;
        setState({ state: "ready", plan });
      } catch (error) {
        if (is_abort(error)) return;
        last.current = null;
        setState({ state: "failed", error: error_text(error), field: error instanceof ApiError ? field_of_fault(error.field) : "" });
      }
    }, kWaitMs);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  return state;
}

const hues = ["var(--train-loss)", "var(--train-obeys)", "var(--train-third)", "var(--train-fourth)", "var(--kind-depth)", "var(--kind-scribble)", "var(--border-strong)"];

function Memory({ plan, stale }: { plan: TrainPlan; stale: boolean }) {
  const peak = plan.memory.peak ?? 0;
  const available = plan.available ?? capabilities.value?.memory_bytes ?? 0;
  const rows = memory_rows(plan.memory.rows ?? []);
  const whole = Math.max(peak, available, 1);
  const counted = rows.filter((row) => row.counts).sort((a, b) => b.bytes - a.bytes);
  const others = rows.filter((row) => !row.counts);
  if (!peak) return null;
  return (
    <div class={names("train-memory", stale && "train-stale")}>
      <p class="train-memory-sum num"><strong>{format_bytes(peak)}</strong> {available > 0 && <span class="muted">{t("train.of_memory", { memory: format_bytes(available) })}</span>}</p>
      <div class="train-memory-bar" role="img" aria-label={t("train.memory_help", { peak: format_bytes(peak), memory: format_bytes(available) })}>
        {counted.map((row, at) => <span key={row.name} style={{ inlineSize: `${(row.bytes / whole) * 100}%`, background: hues[Math.min(at, hues.length - 1)] }} />)}
        {peak > available && available > 0 && <span class="train-memory-limit" style={{ insetInlineStart: `${(available / whole) * 100}%` }} />}
      </div>
      <ul class="train-memory-rows num">
        {counted.map((row, at) => (
          <li key={row.name}><span class="train-memory-mark" style={{ background: hues[Math.min(at, hues.length - 1)] }} />{row.name}<span>{format_bytes(row.bytes)}</span></li>
        ))}
        {others.map((row) => (
          <li key={row.name} class="muted" data-tip={t("train.not_at_peak")}><span class="train-memory-mark" />{row.name}<span>{format_bytes(row.bytes)}</span></li>
        ))}
      </ul>
    </div>
  );
}

export function PlanPanel({ state }: { state: PlanState }) {
  const plan = state.state === "ready" ? state.plan : state.state === "asking" ? state.last : null;
  const asks = state.state === "asking";
  return (
    <section class="page-card train-plan" aria-labelledby="train-plan" aria-busy={asks}>
      <header class="page-card-head">
        <h2 id="train-plan">{t("train.plan")}</h2>
        <span class="page-space" />
        {asks ? <Icon name="loader-circle" class="spin" size={16} /> : plan && (plan.fits === false ? <Chip tone="danger" icon="circle-alert">{t("train.no_fit")}</Chip> : <Chip tone="ok" icon="circle-check">{t("train.fits")}</Chip>)}
      </header>
      <div class="train-plan-body" role="status">
        {state.state === "none" && <p class="muted">{t("train.plan_waits")}</p>}
        {asks && !plan && <p class="muted">{t("train.plan_asks")}</p>}
        {state.state === "failed" && <p class="train-problem"><Icon name="circle-alert" size={14} /> {without_flags(state.error)}</p>}
        {plan && <Memory plan={plan} stale={asks} />}
        {plan?.gradient_checkpointing && <p class="muted">{t("train.recomputes")}</p>}
        {(plan?.warnings ?? []).map((warning) => <p key={warning} class="train-warning"><Icon name="triangle-alert" size={13} /> {without_flags(warning)}</p>)}
        {(plan?.checks ?? []).some((check) => !check.warning) && (
          <details class="train-checks">
            <summary>{t("train.looked_at")}</summary>
            <ul>{(plan?.checks ?? []).filter((check) => !check.warning).map((check) => <li key={check.text}>{without_flags(check.text)}</li>)}</ul>
          </details>
        )}
      </div>
    </section>
  );
}
