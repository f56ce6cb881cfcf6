// SPDX-License-Identifier: Apache-2.0
// Models: what the server has found, whether it can be used, and where files go.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { api } from "../../api/client.ts";
import type { ModelEntry, ModelKind } from "../../api/types.ts";
import { Button, Icon, Tabs, toast } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { controlKinds, load_capabilities } from "../../state/capabilities.ts";
import { error_text } from "../../state/errors.ts";
import { modelEvents } from "../../state/start.ts";
import { FailedNote, Note, Skeleton } from "../parts/note.tsx";
import { useCalm, useLoad } from "../parts/use_load.ts";
import { Annotators } from "./annotators.tsx";
import { family_label, ModelLine } from "./model_line.tsx";
import { by_family, counts_of, modelParts, models_of } from "./model_list.ts";
import "./models.css";

const part = signal<ModelKind>("base");

function Where() {
  return (
    <section class="page-card models-where" aria-labelledby="models-where">
      <header class="page-card-head"><h2 id="models-where">{t("models.where")}</h2></header>
      <div class="models-where-text">
        <p>{t("models.where_folder")}</p>
        <code class="mono models-command">zeroconv serve --models FOLDER</code>
        <dl>
          <div><dt>{t("models.part_base")}</dt><dd>{t("models.where_base")}</dd></div>
          <div><dt>{t("models.part_controlnet")}</dt><dd>{t("models.where_controlnet")}</dd></div>
          <div><dt>{t("models.part_annotator")}</dt><dd>{t("models.where_annotator")}</dd></div>
        </dl>
        <p class="muted">{t("models.where_then")}</p>
      </div>
    </section>
  );
}

function Part({ models, search }: { models: ModelEntry[]; search: string }) {
  const now = part.value;
  const shown = models_of(models, now, search);
  if (shown.length === 0 && search) return <section class="page-card"><Note small icon="search" title={t("models.none_found")} /></section>;
  if (shown.length === 0) return <section class="page-card"><Note small icon="box" title={t(`models.none_${now}`)} text={t("models.none_hint")} /></section>;
  // Families matter for ControlNets, which work with one kind of base only.
  const groups = now === "controlnet" ? by_family(shown) : [{ family: "", models: shown }];
  return (
    <>
      {groups.map((group) => (
        <section key={group.family} class="page-card" aria-label={group.family ? family_label(group.family) : t(`models.part_${now}`)}>
          {group.family && (
            <header class="page-card-head">
              <h2>{t("models.for_family", { family: family_label(group.family) })}</h2>
              <span class="page-count num">{group.models.length}</span>
            </header>
          )}
          <ul class="models-list">{group.models.map((model) => <ModelLine key={model.id} model={model} />)}</ul>
        </section>
      ))}
    </>
  );
}

export default function Models() {
  const tick = useCalm(modelEvents.value, 500);
  const { value, error, reload } = useLoad(api.models, "models", tick);
  const [search, setSearch] = useState("");
  const [looking, setLooking] = useState(false);
  const models = value?.models ?? [];
  const counts = counts_of(models);
  const refresh = async () => {
    setLooking(true);
    try {
      await api.refresh_models();
      await Promise.all([reload(), load_capabilities()]);
      toast({ kind: "ok", title: t("models.refreshed"), seconds: 2 });
    } catch (fault) {
      toast({ kind: "error", title: t("models.not_refreshed"), detail: error_text(fault) });
    } finally {
      setLooking(false);
    }
  };
  const annotators = controlKinds.value.reduce((sum, info) => sum + info.annotators.length, 0);
  const parts = modelParts.filter((one) => one !== "lora" || counts.lora.all > 0);
  return (
    <div class="page models">
      <header class="page-head">
        <h1 class="page-title">{t("app.screen_models")}</h1>
        <span class="page-space" />
        <Button icon="refresh-cw" busy={looking} disabled={looking} onClick={() => void refresh()} tip={t("models.refresh_help")}>{t("models.refresh")}</Button>
      </header>
      <div class="models-bar">
        <Tabs<ModelKind>
          label={t("models.parts")}
          panelId="models-panel"
          value={part.value}
          tabs={parts.map((one) => ({ value: one, label: t(`models.part_${one}`), badge: !value ? null : one === "annotator" ? annotators : counts[one].all }))}
          onChange={(next) => (part.value = next)}
        />
        <label class="models-search">
          <Icon name="search" size={15} />
          <span class="visually-hidden">{t("models.search")}</span>
          <input class="input" type="search" value={search} placeholder={t("models.search")} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
      </div>
      <div class="models-columns">
        <div class="models-main" id="models-panel" role="tabpanel" aria-labelledby={`models-panel-${part.value}`}>
          {error && !value ? (
            <section class="page-card"><FailedNote title={t("models.failed")} error={error} onRetry={() => void reload()} /></section>
          ) : !value ? (
            <section class="page-card models-wait"><Skeleton lines={5} /></section>
          ) : part.value === "annotator" ? (
            <>
              <Annotators search={search} />
              {counts.annotator.all > 0 && <Part models={models} search={search} />}
            </>
          ) : (
            <Part models={models} search={search} />
          )}
        </div>
        <div class="models-side"><Where /></div>
      </div>
    </div>
  );
}
