// SPDX-License-Identifier: Apache-2.0
// The foot of the recipe: will it fit, and the buttons that start and stop.
import { Button, Chip, format_bytes, format_seconds, Icon, IconButton, Menu, Progress } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { phase_text } from "../../shell/phases.ts";
import { capabilities } from "../../state/capabilities.ts";
import { liveMode, set_live } from "../../state/live.ts";
import { mapStates } from "../../state/maps.ts";
import { layers } from "../../state/layers.ts";
import { limit_of, peak_of, plan, planError } from "../../state/plan.ts";
import { recipe, set_recipe } from "../../state/recipe.ts";
import { has_field } from "../../state/schema_fields.ts";
import { connection } from "../../state/session.ts";
import { cancel_all_mine, cancel_current, chosenModel, currentJob, generate, myJobs, sending } from "../../state/submit.ts";
import { openJobs } from "../../state/jobs.ts";
import "./generate_bar.css";

function Plan() {
  const known = plan.value;
  if (planError.value) {
    return (
      <p class="generate-plan generate-plan-wrong" role="status">
        <Icon name="circle-alert" size={14} /> <span>{planError.value}</span>
      </p>
    );
  }
  if (!known) return <div class="generate-plan-box generate-plan"><LowMemory /></div>;
  const peak = peak_of(known.memory);
  const limit = limit_of(known.memory, capabilities.value?.memory_bytes ?? 0);
  const part = limit > 0 ? Math.min(1, peak / limit) : 0;
  const seconds = known.seconds_estimate;
  const phases = Object.entries(known.memory)
    .filter(([name, value]) => typeof value === "number" && value > 0 && ["text", "denoise", "decode", "program"].includes(name))
    .map(([name, value]) => `${t(`create.plan_${name}`)} ${format_bytes(value as number)}`);
  return (
    <div class="generate-plan-box">
      <div class="generate-plan" data-tip={[t("create.plan_help"), ...phases].join(" · ")}>
        <div class="generate-plan-meter" aria-hidden="true">
          <div class={known.fits ? "generate-plan-fill" : "generate-plan-fill generate-plan-over"} style={{ inlineSize: `${part * 100}%` }} />
        </div>
        <span class="generate-plan-words num">
          {limit > 0 ? t("create.plan_memory", { peak: format_bytes(peak), limit: format_bytes(limit) }) : format_bytes(peak)}
          {seconds !== null && seconds !== undefined && seconds > 0 ? ` · ${t("create.plan_time", { time: format_seconds(seconds) })}` : ""}
        </span>
        <LowMemory />
      </div>
      {!known.fits && (
        <p class="generate-plan generate-plan-wrong" role="status">
          <Icon name="triangle-alert" size={14} /> <span>{t("create.plan_no_fit")}</span>
        </p>
      )}
      {known.warnings.map((warning) => (
        <p key={warning} class="generate-plan generate-plan-warn"><Icon name="info" size={14} /> <span>{warning}</span></p>
      ))}
    </div>
  );
}

// Beside the plan, since it is the way out when the plan says no.
function LowMemory() {
  if (!has_field(capabilities.value?.request_schema, "low_memory")) return null;
  const on = recipe.value.extra.low_memory === true;
  return (
    <Chip
      icon="leaf"
      pressed={on}
      tip={t("create.low_memory_help")}
      onClick={() => {
        const { low_memory: _, ...rest } = recipe.value.extra;
        set_recipe({ extra: on ? rest : { ...rest, low_memory: true } });
      }}
    >
      {t("create.low_memory")}
    </Chip>
  );
}

function Running() {
  const job = currentJob.value;
  if (!job) return null;
  const mine = new Set(myJobs.value);
  const more = openJobs.value.filter((other) => mine.has(other.id)).length - 1;
  const eta = job.progress?.eta_seconds;
  const words = [phase_text(job), job.state === "running" && eta ? format_seconds(eta) : "", more > 0 ? t("create.more_jobs", { count: more }) : ""].filter(Boolean).join(" · ");
  return (
    <div class="generate-bar-running">
      <Progress label={t("create.progress")} value={job.state === "running" ? (job.progress?.fraction ?? 0) : null} />
      <span class="generate-bar-words num">{words}</span>
    </div>
  );
}

const times = [2, 4, 8];

export function GenerateBar() {
  const job = currentJob.value;
  const offline = connection.value === "lost";
  const waiting = layers.value.some((layer) => layer.enabled && mapStates.value[layer.id]?.busy);
  const no_model = capabilities.value !== null && !chosenModel.value;
  const disabled = offline || no_model || sending.value > 0;
  return (
    <div class="generate-bar">
      {job ? <Running /> : <Plan />}
      <div class="generate-bar-row">
        <div class="generate-bar-split">
          <Button kind="primary" class="generate-bar-generate" icon="sparkles" busy={sending.value > 0 || waiting} disabled={disabled} onClick={() => void generate()} tip={`${t("create.generate")} (Ctrl+Enter)`} aria-keyshortcuts="Control+Enter" data-testid="generate">
            {t(job ? "create.generate_more" : "create.generate")}
          </Button>
          <Menu
            label={t("create.generate_options")}
            align="end"
            items={[
              ...times.map((count) => ({ id: `x${count}`, label: t("create.generate_times", { count }), icon: "list-ordered" as const, onSelect: () => void generate(count) })),
              { separator: true },
              { id: "live", label: t("create.live"), detail: t("create.live_help"), icon: "zap" as const, checked: liveMode.value, onSelect: () => set_live(!liveMode.value) },
            ]}
            button={(props) => <Button {...props} kind="primary" class="generate-bar-arrow" icon="chevron-down" disabled={disabled} aria-label={t("create.generate_options")} />}
          />
        </div>
        {liveMode.value && <IconButton icon="zap" class="generate-bar-live" pressed label={t("create.live_stop")} onClick={() => set_live(false)} />}
        {job && (
          <Menu
            label={t("common.cancel")}
            align="end"
            items={[
              { id: "one", label: t("create.cancel_current"), icon: "square", note: "Ctrl+.", onSelect: () => void cancel_current() },
              { id: "all", label: t("create.cancel_all"), icon: "ban", onSelect: () => void cancel_all_mine() },
            ]}
            button={(props) =>
              openJobs.value.length > 1 ? (
                <IconButton {...props} kind="danger" class="generate-bar-cancel" icon="square" label={t("common.cancel")} />
              ) : (
                <IconButton kind="danger" class="generate-bar-cancel" icon="square" label={t("common.cancel")} shortcut="Ctrl+." onClick={() => void cancel_current()} />
              )
            }
          />
        )}
      </div>
    </div>
  );
}
