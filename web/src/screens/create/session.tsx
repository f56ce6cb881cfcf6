// SPDX-License-Identifier: Apache-2.0
// The newest results and what is under way. Every picture can be dragged onto a layer or the start picture.
import { useLocation } from "wouter-preact";
import { Button, Icon, IconButton, kind_color, names, Progress } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { phase_text } from "../../shell/phases.ts";
import { drag_image } from "../../state/drag.ts";
import { selectedImageId, sessionImages } from "../../state/gallery.ts";
import { openJobs, previews } from "../../state/jobs.ts";
import { cancel_job } from "../../state/submit.ts";
import { pane, stageTab } from "../../state/view.ts";
import type { Job, StudioImage } from "../../api/types.ts";
import "./session.css";

function JobTile({ job }: { job: Job }) {
  const preview = previews.value[job.id];
  const { width, height } = job.request;
  return (
    <div class="session-tile session-tile-job" style={{ aspectRatio: width && height ? `${width} / ${height}` : "1" }}>
      <button
        type="button"
        class="session-tile-button"
        aria-label={`${phase_text(job)}: ${job.request.prompt ?? ""}`}
        onClick={() => {
          selectedImageId.value = null;
          stageTab.value = "result";
          pane.value = "stage";
        }}
      >
        {preview ? <img src={preview.url} alt="" /> : <Icon name={job.state === "running" ? "loader-circle" : "list-todo"} class={job.state === "running" ? "spin" : ""} size={20} />}
      </button>
      <div class="session-tile-state">
        <span class="num">{phase_text(job)}</span>
        {job.state === "running" && <Progress label={phase_text(job)} value={job.progress?.fraction ?? null} />}
      </div>
      <IconButton small icon="x" class="session-tile-cancel" label={t("common.cancel")} onClick={() => void cancel_job(job.id)} />
    </div>
  );
}

function ImageTile({ image }: { image: StudioImage }) {
  const on = selectedImageId.value === image.id;
  return (
    <button
      type="button"
      class={names("session-tile", "session-tile-button", on && "session-tile-on")}
      style={{ aspectRatio: `${image.width} / ${image.height}` }}
      aria-label={t("create.result_named", { prompt: image.prompt || t("create.no_prompt"), seed: image.seed })}
      aria-current={on ? "true" : undefined}
      draggable
      onDragStart={(event) => event.dataTransfer && drag_image(event.dataTransfer, image)}
      onClick={() => {
        selectedImageId.value = image.id;
        if (stageTab.value === "map") stageTab.value = "result";
        pane.value = "stage";
      }}
    >
      <img src={image.thumb} alt="" loading="lazy" />
      {image.starred && <Icon name="star" size={13} class="session-tile-star" />}
      <span class="session-tile-kinds" aria-hidden="true">
        {image.kinds.map((kind) => (
          <span key={kind} style={{ background: kind_color(kind) }} />
        ))}
      </span>
    </button>
  );
}

export function Session() {
  const [, go] = useLocation();
  const open = openJobs.value;
  const images = sessionImages.value.filter((image) => !image.trashed);
  return (
    <aside class="session" aria-labelledby="session-title">
      <header class="session-head">
        <h2 id="session-title">{t("create.session")}</h2>
        <Button small kind="quiet" onClick={() => go("/gallery")} tip={t("create.to_gallery")} aria-label={t("create.to_gallery")}><Icon name="images" size={15} /></Button>
      </header>
      {open.length === 0 && images.length === 0 ? (
        <p class="session-empty">{t("create.session_empty")}</p>
      ) : (
        <div class="session-scroll">
          <div class="session-grid">
            {open.map((job) => <JobTile key={job.id} job={job} />)}
            {images.slice(0, 60).map((image) => <ImageTile key={image.id} image={image} />)}
          </div>
        </div>
      )}
    </aside>
  );
}
