// SPDX-License-Identifier: Apache-2.0
// One model file: what it is, whether it can be used, and a check of every byte of it.
import { signal } from "@preact/signals";
import shield_check from "lucide-static/icons/shield-check.svg?raw";
import { useLocation } from "wouter-preact";
import { api } from "../../api/client.ts";
import type { ModelEntry, VerifyResult } from "../../api/types.ts";
import { Button, Chip, format_bytes, Icon, IconButton, kind_color, toast } from "../../design/index.ts";
import { t, t_or } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { error_text } from "../../state/errors.ts";
import { families_match } from "../../state/families.ts";
import { add_layer, new_layer } from "../../state/layers.ts";
import { set_recipe } from "../../state/recipe.ts";
import { chosenModel } from "../../state/submit.ts";
import { is_ready } from "./model_list.ts";

type Check = { state: "runs" } | { state: "done"; result: VerifyResult } | { state: "failed"; error: string };
const checks = signal<Record<string, Check>>({});

async function verify(model: ModelEntry): Promise<void> {
  const set = (check: Check) => (checks.value = { ...checks.value, [model.id]: check });
  set({ state: "runs" });
  try {
    set({ state: "done", result: await api.verify_model(model.id) });
  } catch (error) {
    set({ state: "failed", error: error_text(error) });
  }
}

function copy(text: string): void {
  void navigator.clipboard?.writeText(text).then(() => toast({ kind: "ok", title: t("common.copied"), seconds: 2 }));
}

function CheckResult({ check }: { check: Check | undefined }) {
  if (!check || check.state === "runs") return null;
  if (check.state === "failed") return <p class="models-problem" role="alert"><Icon name="circle-alert" size={13} /> {check.error}</p>;
  const { ok, sha256, problems } = check.result;
  return (
    <div class="models-check" role="status">
      {ok ? <Chip tone="ok" icon="circle-check">{t("models.verified")}</Chip> : <Chip tone="danger" icon="circle-alert">{t("models.not_verified")}</Chip>}
      {problems.map((problem) => <p key={problem} class="models-problem">{problem}</p>)}
      {sha256 && <button type="button" class="models-sha mono" data-tip={t("models.copy_sha")} onClick={() => copy(sha256)}>sha256 {sha256}</button>}
    </div>
  );
}

export function family_label(family: string): string {
  return t_or(`models.family_${family}`, family);
}

function Use({ model }: { model: ModelEntry }) {
  const [, go] = useLocation();
  const base = chosenModel.value;
  if (!is_ready(model)) return null;
  if (model.kind === "base") {
    if (base?.id === model.id) return <Chip tone="accent" icon="check">{t("models.in_use")}</Chip>;
    return <Button small onClick={() => { set_recipe({ model: model.id }); toast({ kind: "ok", title: t("models.chosen", { model: model.title }) }); }}>{t("models.use")}</Button>;
  }
  if (model.kind !== "controlnet" || !model.control_kind) return null;
  const fits = families_match(model.family, base?.family ?? "");
  const add = () => {
    add_layer(new_layer(model.control_kind, { controlnet: model.id }));
    go("/");
  };
  return <Button small icon="plus" disabled={!fits} tip={fits ? undefined : t("models.other_family", { family: family_label(model.family) })} onClick={add}>{t("models.add_layer")}</Button>;
}

export function ModelLine({ model }: { model: ModelEntry }) {
  const check = checks.value[model.id];
  const facts = [model.kind !== "controlnet" && model.family ? family_label(model.family) : "", model.bytes ? format_bytes(model.bytes) : "", model.file && model.file !== model.title ? model.file : ""].filter(Boolean);
  return (
    <li class="models-line">
      <div class="models-line-main">
        <p class="models-title">
          {model.control_kind && <span class="models-mark" style={{ background: kind_color(model.control_kind) }} />}
          <span class="models-title-text">{model.title}</span>
          {model.control_kind && <span class="muted">{kind_label(model.control_kind)}</span>}
        </p>
        <p class="models-facts muted num">
          {facts.join(" · ")}
          {model.sha10 && <> · <span class="mono">{model.sha10}</span></>}
        </p>
        {!is_ready(model) && <p class="models-problem"><Icon name="triangle-alert" size={13} /> {model.problem || t("app.model_not_ready")}</p>}
        <CheckResult check={check} />
      </div>
      <div class="models-line-side">
        {is_ready(model) ? <Chip tone="ok" icon="circle-check" class="models-state">{t("models.ready")}</Chip> : <Chip tone="danger" icon="triangle-alert" class="models-state">{t("models.not_ready")}</Chip>}
        <Use model={model} />
        {check?.state === "runs" ? (
          <Button small kind="quiet" busy disabled>{t("models.verifying")}</Button>
        ) : (
          <IconButton small svg={shield_check} label={t("models.verify")} onClick={() => void verify(model)} />
        )}
      </div>
    </li>
  );
}
