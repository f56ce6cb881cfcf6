// SPDX-License-Identifier: Apache-2.0
// The start of a training: what it learns from, how long, on which base; what that needs stands beside it.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, ApiError } from "../../api/client.ts";
import type { JsonSchema } from "../../api/types.ts";
import { Button, Icon, NumberField, Segmented, Select, TextField, toast, type IconName } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { baseModels, capabilities, controlKinds, controlnets, model_by_id, usable } from "../../state/capabilities.ts";
import { error_text } from "../../state/errors.ts";
import { families_match } from "../../state/families.ts";
import { is_toy_model } from "../../state/styles.ts";
import { chosenModel } from "../../state/submit.ts";
import { default_of, field_of_fault, initial_form, missing_in, preset_options, presets, run_of_form, without_flags, type DatasetType, type Preset, type RunForm } from "./form.ts";
import { OptionFields } from "./option_fields.tsx";
import { PairUploader } from "./pair_uploader.tsx";
import { PlanPanel, usePlan } from "./plan_panel.tsx";
import { put_run, train_schema } from "./state.ts";
import { clear_pairs, is_sent, train_pairs, uploadPairs } from "./uploads.ts";

// Kept while other screens are open.
const form = signal<RunForm | null>(null);

function set(change: Partial<RunForm>): void {
  if (form.value) form.value = { ...form.value, ...change };
}

function set_option(name: string, value: unknown): void {
  const now = form.value;
  if (!now) return;
  const { [name]: _, ...rest } = now.options;
  set({ options: value === undefined ? rest : { ...rest, [name]: value }, preset: ["steps", "batch"].includes(name) ? null : now.preset });
}

function small_model(id: string): boolean {
  return is_toy_model(model_by_id(id)) || id === "builtin";
}

const types: { value: DatasetType; icon: IconName }[] = [
  { value: "circles", icon: "circle" },
  { value: "toyworld", icon: "shapes" },
  { value: "upload", icon: "upload" },
];

function DatasetChoice({ value, onChange }: { value: DatasetType; onChange(value: DatasetType): void }) {
  return (
    <fieldset class="train-choices">
      <legend class="field-label">{t("train.learns_from")}</legend>
      {types.map((type) => (
        <label key={type.value} class="train-choice">
          <input type="radio" name="train-dataset" class="visually-hidden" checked={value === type.value} onChange={() => onChange(type.value)} />
          <span class="train-choice-box">
            <Icon name={type.icon} size={18} />
            <span class="train-choice-name">{t(`train.data_${type.value}`)}</span>
            <span class="muted">{t(`train.data_${type.value}_help`)}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function Data({ now, missing }: { now: RunForm; missing: string | undefined }) {
  const kinds = controlKinds.value.filter((info) => info.available || info.annotators.length > 0);
  const kind_options = kinds.map((info) => ({ value: info.kind, label: kind_label(info.kind) }));
  const drawn = now.type !== "upload";
  return (
    <section class="page-card" aria-labelledby="train-data">
      <header class="page-card-head"><h2 id="train-data">{t("train.data")}</h2></header>
      <div class="train-fields">
        <DatasetChoice value={now.type} onChange={(type) => set({ type, ...(type === "circles" ? { count: 300 } : type === "toyworld" ? { count: 5000 } : {}) })} />
        <div class="train-row">
          {now.type !== "circles" && <Select label={t("train.kind")} help={t(drawn ? "train.kind_help" : "train.kind_upload_help")} value={now.control} options={kind_options} onChange={(control) => set({ control })} />}
          {drawn && <NumberField label={t("train.count")} help={t("train.count_help")} min={1} max={1_000_000} value={now.count} onChange={(count) => set({ count })} />}
          {drawn && <NumberField label={t("train.data_seed")} min={0} value={now.dataSeed} onChange={(dataSeed) => set({ dataSeed })} />}
        </div>
        {!drawn && <PairUploader error={missing} />}
      </div>
    </section>
  );
}

function Length({ now, schema, fault }: { now: RunForm; schema: JsonSchema | null; fault: { field: string; error: string } | null }) {
  const number = (name: string, otherwise: number) => (typeof now.options[name] === "number" ? (now.options[name] as number) : default_of(schema, name, otherwise));
  const wrong = (name: string) => (fault?.field === name ? fault.error : undefined);
  const bases = baseModels.value.map((model) => ({ value: model.id, label: usable(model) && model.family !== "sdxl" ? model.title : `${model.title} – ${t("train.not_trainable")}`, disabled: !usable(model) || model.family === "sdxl" }));
  const starts = controlnets.value.filter((net) => usable(net) && families_match(net.family, model_by_id(now.model)?.family ?? ""));
  const sides = [0, 256, 384, 512, 640, 768];
  const choose_model = (model: string) => {
    // A ControlNet of another family cannot be gone on with.
    const { init: _, ...options } = now.options;
    set({ model, options: { ...options, ...(now.preset ? preset_options(now.preset, small_model(model)) : {}) } });
  };
  return (
    <section class="page-card" aria-labelledby="train-length">
      <header class="page-card-head"><h2 id="train-length">{t("train.how")}</h2></header>
      <div class="train-fields">
        <Select label={t("train.base")} help={t("train.base_help")} error={wrong("model")} value={now.model} options={bases} onChange={choose_model} />
        <Select
          label={t("train.init")}
          help={t("train.init_help")}
          error={wrong("init")}
          value={String(now.options.init ?? "")}
          options={[{ value: "", label: t("train.init_new") }, ...starts.map((net) => ({ value: net.id, label: net.title }))]}
          onChange={(init) => set_option("init", init || undefined)}
        />
        <Segmented<Preset | "own">
          label={t("train.preset")}
          value={now.preset ?? "own"}
          options={[...presets.map((value) => ({ value, label: t(`train.preset_${value}`), help: t(`train.preset_${value}_help`) })), ...(now.preset ? [] : [{ value: "own" as const, label: t("train.preset_own") }])]}
          onChange={(preset) => preset !== "own" && set({ preset, options: { ...now.options, ...preset_options(preset, small_model(now.model)) } })}
        />
        <div class="train-row">
          <NumberField label={t("train.field_steps")} error={wrong("steps")} min={1} max={100_000_000} value={number("steps", 4000)} onChange={(value) => set_option("steps", value)} />
          <NumberField label={t("train.field_batch")} help={t("train.help_batch")} error={wrong("batch")} min={1} max={4096} value={number("batch", 4)} onChange={(value) => set_option("batch", value)} />
          <Select label={t("train.field_size")} error={wrong("size")} value={String(number("size", 0))} options={sides.map((side) => ({ value: String(side), label: side === 0 ? t("train.size_of_model") : `${side} × ${side}` }))} onChange={(value) => set_option("size", Number(value) || undefined)} />
        </div>
        <div class="train-groups">
          <OptionFields schema={schema} values={now.options} fault={fault} onChange={set_option} />
        </div>
      </div>
    </section>
  );
}

export function NewRun() {
  const [, go] = useLocation();
  const [schema, setSchema] = useState<JsonSchema | null>(null);
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<{ field: string; error: string } | null>(null);
  const ready = capabilities.value !== null;
  useEffect(() => {
    if (!ready) return;
    void train_schema().then(setSchema);
    if (form.value === null) {
      const base = chosenModel.value;
      const id = base && base.family !== "sdxl" ? base.id : (baseModels.value.find((model) => usable(model) && model.family !== "sdxl")?.id ?? "");
      form.value = initial_form(id, small_model(id));
    }
  }, [ready]);
  const now = form.value;
  const pairs = uploadPairs.value;
  const sending = pairs.some((pair) => !is_sent(pair));
  const missing = now ? missing_in(now, pairs.length, sending) : {};
  const body = now && ready ? run_of_form(now, schema, train_pairs(pairs)) : null;
  // The plan needs no name, and the texts of pairs change nothing about it.
  const { name: _, ...for_plan } = missing;
  const plan = usePlan(body && Object.keys(for_plan).length === 0 ? { ...body, name: body.name || "plan" } : null);
  if (!now) return null;
  const fault = refused ?? (plan.state === "failed" && plan.field ? { field: plan.field, error: without_flags(plan.error) } : null);
  const word = (field: "name" | "pairs") => (tried && missing[field] ? t(`train.${missing[field]}`) : undefined);
  const start = async () => {
    setTried(true);
    if (!body || Object.keys(missing).length) return;
    setBusy(true);
    setRefused(null);
    try {
      const run = await api.new_run(body);
      put_run(run);
      form.value = { ...now, name: "" };
      clear_pairs();
      go(`/train/${encodeURIComponent(run.id)}`);
    } catch (error) {
      if (error instanceof ApiError && error.field) setRefused({ field: field_of_fault(error.field), error: error.detail });
      toast({ kind: "error", title: t("train.not_started"), detail: without_flags(error_text(error)) });
    } finally {
      setBusy(false);
    }
  };
  const no_fit = plan.state === "ready" && plan.plan.fits === false;
  return (
    <form class="train-new" onSubmit={(event) => { event.preventDefault(); void start(); }}>
      <header class="train-new-head">
        <h2 class="page-title">{t("train.new_title")}</h2>
        <p class="muted">{t("train.new_text")}</p>
      </header>
      <div class="train-new-columns">
        <div class="train-column">
          <section class="page-card train-name-card">
            <TextField label={t("train.name")} placeholder={t("train.name_placeholder")} error={word("name") ?? (fault?.field === "name" ? fault.error : undefined)} value={now.name} onChange={(name) => { setRefused(null); set({ name }); }} />
          </section>
          <Data now={now} missing={word("pairs")} />
          <Length now={now} schema={schema} fault={fault} />
        </div>
        <div class="train-side">
          <PlanPanel state={plan} />
          <Button type="submit" kind={no_fit ? "plain" : "primary"} class="train-start" icon="graduation-cap" busy={busy} disabled={busy}>{t(no_fit ? "train.start_anyway" : "train.start")}</Button>
        </div>
      </div>
    </form>
  );
}
