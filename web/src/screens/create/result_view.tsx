// SPDX-License-Identifier: Apache-2.0
// The chosen result with what can be done with it; while a job of this tab runs, its preview.
import { signal } from "@preact/signals";
import type { Job, Receipt, StudioImage } from "../../api/types.ts";
import { asset_url } from "../../api/client.ts";
import { Button, format_seconds, Icon, IconButton, kind_color, Menu, Progress, toast, type MenuEntry } from "../../design/index.ts";
import { t, t_or } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { phase_text } from "../../shell/phases.ts";
import { star, step_result, trash } from "../../state/actions.ts";
import { controlKinds, model_by_id } from "../../state/capabilities.ts";
import { selectedImage, sessionImages } from "../../state/gallery.ts";
import { job_by_id, previews } from "../../state/jobs.ts";
import { recall_request, rerun, send_to_init, send_to_layer } from "../../state/recall.ts";
import { recipe } from "../../state/recipe.ts";
import { recallParts } from "../../state/request.ts";
import { cancel_job, currentJob } from "../../state/submit.ts";
import { vary } from "../../state/vary.ts";
import { Examples } from "./examples.tsx";
import { Viewport } from "./viewport.tsx";

const details = signal(true);

// What Compare and the actions speak of: the chosen image, else the newest.
export function shown_image(): StudioImage | null {
  return selectedImage.value ?? (currentJob.value ? null : (sessionImages.value.find((image) => !image.trashed) ?? null));
}

function save(image: StudioImage): void {
  const link = document.createElement("a");
  link.href = image.url;
  link.download = `${image.seed}_${image.index}.png`;
  link.click();
}

function recall_items(image: StudioImage): MenuEntry[] {
  return [
    { id: "all", label: t("create.recall_all"), icon: "sliders-horizontal", onSelect: () => recall_request(image.request) },
    { separator: true },
    ...recallParts.map((part): MenuEntry => ({ id: part, label: t(`create.part_${part}`), onSelect: () => recall_request(image.request, [part]) })),
  ];
}

function send_items(image: StudioImage): MenuEntry[] {
  return [
    { id: "init", label: t("create.as_init"), icon: "image", onSelect: () => send_to_init(image) },
    { heading: t("create.as_layer") },
    ...controlKinds.value
      .filter((info) => info.available)
      .map((info): MenuEntry => ({ id: info.kind, label: kind_label(info.kind), mark: kind_color(info.kind), onSelect: () => send_to_layer(image, info.kind) })),
  ];
}

// On small screens, in place of the buttons.
function more_items(image: StudioImage): MenuEntry[] {
  return [
    { id: "vary", label: t("create.vary"), icon: "shapes", onSelect: () => void vary(image) },
    { id: "rerun", label: t("create.rerun"), icon: "refresh-cw", onSelect: () => void rerun(image) },
    { id: "download", label: t("create.download"), icon: "download", onSelect: () => save(image) },
    { id: "details", label: t("create.details"), icon: "info", onSelect: () => (details.value = !details.value) },
    { separator: true },
    { id: "trash", label: t("create.trash"), icon: "trash-2", danger: true, onSelect: () => void trash(image) },
  ];
}

export function ResultActions() {
  const image = shown_image();
  if (!image) return null;
  return (
    <>
      <IconButton icon="star" label={t(image.starred ? "create.unstar" : "create.star")} shortcut="S" pressed={image.starred} onClick={() => void star(image)} class="cs-star" />
      <Menu label={t("create.send_to")} align="end" items={send_items(image)} button={(props) => <IconButton {...props} icon="send" label={t("create.send_to")} />} />
      <Menu label={t("create.recall")} align="end" items={recall_items(image)} button={(props) => <IconButton {...props} icon="sliders-horizontal" label={t("create.recall")} />} />
      <span class="cs-line" />
      <IconButton icon="shapes" label={t("create.vary")} onClick={() => void vary(image)} class="cs-wide" />
      <IconButton icon="refresh-cw" label={t("create.rerun")} shortcut="R" onClick={() => void rerun(image)} class="cs-wide" />
      <IconButton icon="download" label={t("create.download")} onClick={() => save(image)} class="cs-wide" />
      <IconButton icon="trash-2" label={t("create.trash")} shortcut="Del" onClick={() => void trash(image)} class="cs-wide" />
      <IconButton icon="info" label={t("create.details")} pressed={details.value} onClick={() => (details.value = !details.value)} class="cs-wide" />
      <Menu label={t("common.more")} align="end" items={more_items(image)} button={(props) => <IconButton {...props} icon="ellipsis" label={t("common.more")} class="cs-narrow" />} />
    </>
  );
}

// The measure of how well the picture obeys the map, against what chance alone gives.
export function ReceiptLine({ receipt }: { receipt: Receipt }) {
  const { value, baseline } = receipt;
  const scaled = typeof value === "number" && value >= 0 && value <= 1;
  return (
    <div class="cs-receipt">
      <span class="cs-receipt-mark" style={{ background: kind_color(receipt.kind) }} />
      <span class="cs-receipt-kind">{kind_label(receipt.kind)}</span>
      <span class="cs-receipt-metric muted">{t_or(`create.metric_${receipt.metric.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/_$/, "")}`, receipt.metric)}</span>
      {scaled ? (
        <span class="cs-receipt-meter" aria-hidden="true">
          <span class="cs-receipt-fill" style={{ inlineSize: `${value * 100}%`, background: kind_color(receipt.kind) }} />
          {typeof baseline === "number" && <span class="cs-receipt-chance" style={{ insetInlineStart: `${Math.min(1, Math.max(0, baseline)) * 100}%` }} />}
        </span>
      ) : (
        <span class="cs-receipt-meter cs-receipt-none" />
      )}
      <span class="cs-receipt-value num" data-tip={typeof baseline === "number" ? t("create.receipt_chance", { value: baseline.toFixed(2) }) : undefined}>{typeof value === "number" ? value.toFixed(2) : "–"}</span>
    </div>
  );
}

function Details({ image }: { image: StudioImage }) {
  const job = job_by_id(image.job);
  const request = image.request;
  const total = job ? Object.entries(job.seconds ?? {}).reduce((sum, [name, value]) => (name === "total" ? sum : sum + value), 0) : 0;
  const seconds = job?.seconds?.total ?? total;
  const copy = (text: string) => void navigator.clipboard?.writeText(text).then(() => toast({ kind: "ok", title: t("common.copied") }));
  const facts: [string, string][] = [
    [t("create.size"), `${image.width} × ${image.height}`],
    [t("create.steps"), `${request.steps ?? ""}${request.fast ? ` · ${t("create.fast")}` : ""}`],
    [t("create.cfg"), request.cfg !== undefined && request.cfg !== null ? String(request.cfg) : ""],
    [t("create.sampler"), String(request.sampler ?? "")],
    [t("app.model"), model_by_id(image.model)?.title ?? image.model],
    ...(seconds > 0 ? ([[t("create.took"), format_seconds(seconds)]] as [string, string][]) : []),
  ];
  return (
    <footer class="cs-result-details">
      <div class="result-text">
        <p class="cs-result-prompt">{image.prompt || <span class="muted">{t("create.no_prompt")}</span>}</p>
        {image.negative && <p class="cs-result-negative muted">{t("create.without", { words: image.negative })}</p>}
        <dl class="cs-result-facts num">
          <div>
            <dt>{t("create.seed")}</dt>
            <dd>
              <button type="button" class="cs-result-seed" data-tip={t("create.copy_seed")} onClick={() => copy(String(image.seed))}>{image.seed}</button>
            </dd>
          </div>
          {facts.filter(([, value]) => value).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {job?.warnings?.map((warning) => (
          <p key={warning} class="cs-result-warning"><Icon name="triangle-alert" size={13} /> {warning}</p>
        ))}
      </div>
      {image.receipts.length > 0 && (
        <div class="cs-result-receipts" role="group" aria-label={t("create.receipts")}>
          <h3 data-tip={t("create.receipts_help")} tabIndex={0}>{t("create.receipts")}</h3>
          {image.receipts.map((receipt, at) => <ReceiptLine key={at} receipt={receipt} />)}
        </div>
      )}
    </footer>
  );
}

function RunningView({ job }: { job: Job }) {
  const preview = previews.value[job.id];
  const width = job.request.width || recipe.value.width;
  const height = job.request.height || recipe.value.height;
  const fraction = job.state === "running" ? (job.progress?.fraction ?? 0) : null;
  const eta = job.progress?.eta_seconds;
  return (
    <>
      <Viewport picture={{ width, height }} label={phase_text(job)}>
        {preview ? <img src={preview.url} alt={t("create.preview")} draggable={false} class="cs-preview" /> : <div class="cs-viewport-layer cs-waiting" />}
      </Viewport>
      <div class="cs-progress">
        <div class="cs-progress-line">
          <span class="num">{phase_text(job)}{job.state === "running" && eta ? ` · ${format_seconds(eta)}` : ""}</span>
          <Button small kind="quiet" icon="square" onClick={() => void cancel_job(job.id)} tip={`${t("common.cancel")} (Ctrl+.)`}>{t("common.cancel")}</Button>
        </div>
        <Progress label={t("create.progress")} value={fraction} />
      </div>
    </>
  );
}

function Nothing() {
  const { width, height } = recipe.value;
  const scale = 132 / Math.max(width, height);
  return (
    <div class="cs-empty">
      <div class="cs-frame" style={{ inlineSize: `${width * scale}px`, blockSize: `${height * scale}px` }}>
        <Icon name="wand-sparkles" size={28} />
      </div>
      <p class="cs-empty-title">{t("create.result_none")}</p>
      <p class="cs-hint">{t("create.result_hint")}</p>
      <Examples />
    </div>
  );
}

export function ResultView() {
  const image = selectedImage.value;
  const job = currentJob.value;
  if (!image && job) return <RunningView job={job} />;
  const shown = shown_image();
  if (!shown) return <Nothing />;
  const all = sessionImages.value;
  const at = all.findIndex((other) => other.id === shown.id);
  return (
    <div class="cs-result">
      <Viewport
        picture={shown}
        label={t("create.result_named", { prompt: shown.prompt || t("create.no_prompt"), seed: shown.seed })}
        overlay={
          all.length > 1 && (
            <>
              <IconButton icon="chevron-left" class="cs-result-arrow cs-result-newer" label={t("create.newer")} shortcut="←" disabled={at <= 0} onClick={() => step_result(-1)} />
              <IconButton icon="chevron-right" class="cs-result-arrow cs-result-older" label={t("create.older")} shortcut="→" disabled={at >= all.length - 1} onClick={() => step_result(1)} />
            </>
          )
        }
      >
        <img key={shown.id} src={shown.url} alt={shown.prompt} draggable={false} style={{ backgroundImage: `url(${asset_url(shown.sha, 320)})`, backgroundSize: "cover" }} />
      </Viewport>
      {details.value && <Details image={shown} />}
    </div>
  );
}
