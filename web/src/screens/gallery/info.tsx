// SPDX-License-Identifier: Apache-2.0
// The record of a picture: how it was made, by which controls, how well it obeys them, and what its file says.
import type { ComponentChildren } from "preact";
import { useLocation } from "wouter-preact";
import type { ControlUnit, StudioImage } from "../../api/types.ts";
import { asset_url } from "../../api/client.ts";
import { Button, Chip, format_seconds, Icon, IconButton, kind_color, Menu, toast } from "../../design/index.ts";
import { language, t } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { model_by_id } from "../../state/capabilities.ts";
import { job_by_id, jobs } from "../../state/jobs.ts";
import { rerun, send_to_layer } from "../../state/recall.ts";
import { rerun_outcome, rerunJobs } from "../../state/reruns.ts";
import { vary } from "../../state/vary.ts";
import { stageTab } from "../../state/view.ts";
import { ReceiptLine } from "../create/result_view.tsx";
import { date_time } from "../parts/time.ts";
import { recall_items } from "./menus.ts";

function copy(text: string): void {
  void navigator.clipboard?.writeText(text).then(() => toast({ kind: "ok", title: t("common.copied"), seconds: 2 }));
}

function Rerun({ image }: { image: StudioImage }) {
  const outcome = rerun_outcome(image.id, jobs.value, rerunJobs.value);
  return (
    <div class="gal-rerun" role="status">
      {outcome?.state === "running" && <Chip icon="refresh-cw" class="num">{t("gallery.rerun_running", { percent: Math.round(outcome.fraction * 100) })}</Chip>}
      {outcome?.state === "identical" && <Chip tone="ok" icon="circle-check">{t("create.rerun_identical")}</Chip>}
      {outcome?.state === "differs" && (
        <Chip tone="warn" icon="triangle-alert" tip={t("create.rerun_differs")} class="num">
          {outcome.psnr === null ? t("create.rerun_differs") : t("gallery.rerun_differs", { psnr: outcome.psnr.toFixed(1) })}
        </Chip>
      )}
      {outcome?.state === "failed" && <Chip tone="danger" icon="circle-alert" tip={outcome.detail}>{t("create.job_failed")}</Chip>}
    </div>
  );
}

function Control({ unit, map, onLayer }: { unit: ControlUnit | undefined; map: { kind: string; sha: string } | undefined; onLayer: () => void }) {
  const kind = map?.kind ?? unit?.kind ?? "";
  const words = unit && [
    `${(unit.weight ?? 1).toFixed(2)}`,
    (unit.start ?? 0) > 0 || (unit.end ?? 1) < 1 ? `${Math.round((unit.start ?? 0) * 100)} – ${Math.round((unit.end ?? 1) * 100)} %` : "",
    unit.mode && unit.mode !== "balanced" ? t(`create.balance_${unit.mode}`) : "",
  ].filter(Boolean).join(" · ");
  return (
    <li class="gal-control">
      {map ? <img src={asset_url(map.sha, 128)} alt={t("create.map_of", { kind: kind_label(kind) })} loading="lazy" /> : <span class="gal-control-none"><Icon name="image" size={16} /></span>}
      <span class="gal-control-text">
        <span class="gal-control-kind"><span style={{ background: kind_color(kind) }} />{kind_label(kind)}</span>
        <span class="muted num">{words}</span>
      </span>
      {map && <IconButton small icon="layers" label={t("gallery.map_to_layer")} onClick={onLayer} />}
    </li>
  );
}

function Part({ title, children, aside }: { title: string; children: ComponentChildren; aside?: ComponentChildren }) {
  return (
    <section class="gal-part">
      <header class="gal-part-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

function facts_of(image: StudioImage): [string, string][] {
  const { request } = image;
  const job = job_by_id(image.job);
  const seconds = job?.seconds.total ?? Object.values(job?.seconds ?? {}).reduce((sum, value) => sum + value, 0);
  const text = (value: unknown) => (value === undefined || value === null || value === "" ? "" : String(value));
  return [
    [t("create.size"), `${image.width} × ${image.height}`],
    [t("app.model"), model_by_id(image.model)?.title ?? image.model],
    [t("create.steps"), `${text(request.steps)}${request.fast ? ` · ${t("create.fast")}` : ""}`],
    [t("create.cfg"), text(request.cfg)],
    [t("create.sampler"), text(request.sampler)],
    [t("create.eta"), request.eta ? text(request.eta) : ""],
    [t("create.denoise"), request.init ? text(request.denoise) : ""],
    [t("create.field_profile"), text(request.profile)],
    [t("gallery.made"), date_time(image.created, language.value)],
    [t("create.took"), seconds > 0 ? format_seconds(seconds) : ""],
  ];
}

export function Info({ image }: { image: StudioImage }) {
  const [, go] = useLocation();
  const to_create = () => go("/");
  const units = image.request.controls ?? [];
  const controls = Array.from({ length: Math.max(units.length, image.maps.length) }, (_, at) => ({ unit: units[at], map: image.maps[at] }));
  const json = JSON.stringify(image.request, null, 2);
  return (
    <aside class="gal-info" aria-label={t("gallery.record")} tabIndex={0}>
      <div class="gal-prompt">
        <p class="gal-prompt-text">{image.prompt || <span class="muted">{t("create.no_prompt")}</span>}</p>
        {image.negative && <p class="muted gal-prompt-negative">{t("create.without", { words: image.negative })}</p>}
      </div>
      {!image.trashed && (
        <div class="gal-buttons">
          <Menu
            label={t("create.recall")}
            items={recall_items(image.id, to_create)}
            button={(props) => <Button {...props} kind="primary" icon="sliders-horizontal" iconEnd="chevron-down">{t("gallery.use_settings")}</Button>}
          />
          <Button icon="shapes" onClick={() => void vary(image)} tip={t("create.vary")}>{t("gallery.vary")}</Button>
          <Button icon="refresh-cw" onClick={() => void rerun(image)} tip={`${t("create.rerun")} (R)`}>{t("gallery.rerun")}</Button>
        </div>
      )}
      <Rerun image={image} />
      <dl class="gal-facts num">
        <div>
          <dt>{t("create.seed")}</dt>
          <dd><button type="button" class="cs-result-seed" data-tip={t("create.copy_seed")} onClick={() => copy(String(image.seed))}>{image.seed}</button></dd>
        </div>
        {facts_of(image).filter(([, value]) => value).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {controls.length > 0 && (
        <Part title={t("create.layers")}>
          <ul class="gal-controls">
            {controls.map(({ unit, map }, at) => (
              <Control
                key={at}
                unit={unit}
                map={map}
                onLayer={() => {
                  send_to_layer({ sha: map!.sha }, map!.kind, true);
                  stageTab.value = "map";
                  go("/");
                }}
              />
            ))}
          </ul>
        </Part>
      )}
      {image.receipts.length > 0 && (
        <Part title={t("create.receipts")}>
          {image.receipts.map((receipt, at) => <ReceiptLine key={at} receipt={receipt} />)}
        </Part>
      )}
      {image.infotext && (
        <Part title={t("gallery.infotext")} aside={<IconButton small icon="copy" label={t("create.copy_text")} onClick={() => copy(image.infotext)} />}>
          <pre class="gal-code" tabIndex={0}>{image.infotext}</pre>
        </Part>
      )}
      <details class="gal-part gal-json">
        <summary>{t("gallery.request_json")}</summary>
        <pre class="gal-code" tabIndex={0}>{json}</pre>
        <Button small kind="quiet" icon="copy" onClick={() => copy(json)}>{t("create.copy_text")}</Button>
      </details>
      <p class="gal-ids mono muted">{image.id}<br />sha256 {image.sha.slice(0, 16)}…</p>
    </aside>
  );
}
