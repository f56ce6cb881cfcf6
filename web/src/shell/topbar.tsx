// SPDX-License-Identifier: Apache-2.0
// The line at the top: model, queue, device and memory, connection, theme, language, keys.
import { useLocation } from "wouter-preact";
import { Button, format_bytes, format_seconds, Icon, IconButton, Menu, type MenuEntry } from "../design/index.ts";
import { languages, t, type Language } from "../i18n/index.ts";
import { baseModels, capabilities, is_gpu, usable } from "../state/capabilities.ts";
import { openJobs, queueCounts, runningJob } from "../state/jobs.ts";
import { set_recipe } from "../state/recipe.ts";
import { connection } from "../state/session.ts";
import { set_setting, settings, systemDark, type Theme } from "../state/settings.ts";
import { reconnect } from "../state/start.ts";
import { cancel_job, chosenModel } from "../state/submit.ts";
import { helpOpen } from "../state/view.ts";
import { phase_text } from "./phases.ts";
import { NavigationMenu } from "./navigation.tsx";
import "./topbar.css";

function ModelPicker() {
  const chosen = chosenModel.value;
  const models = baseModels.value;
  const items: MenuEntry[] = models.map((model) => ({
    id: model.id,
    label: model.title,
    detail: !usable(model) ? model.problem || t("app.model_not_ready") : [model.family, model.bytes ? format_bytes(model.bytes) : ""].filter(Boolean).join(" · "),
    checked: model.id === chosen?.id,
    disabled: !usable(model),
    onSelect: () => set_recipe({ model: model.id }),
  }));
  return (
    <Menu
      label={t("app.model")}
      items={items.length ? items : [{ heading: t("app.no_models") }]}
      button={(props) => (
        <Button {...props} kind="quiet" class="topbar-model" iconEnd="chevrons-up-down" tip={t("app.model")} aria-label={`${t("app.model")}: ${chosen?.title ?? t("app.no_models")}`}>
          <Icon name="box" size={16} />
          <span class="topbar-model-name">{chosen?.title ?? (capabilities.value ? t("app.no_models") : t("common.loading"))}</span>
        </Button>
      )}
    />
  );
}

// A ring that fills; small enough for a line of text.
function Ring({ value }: { value: number }) {
  const around = 2 * Math.PI * 6.5;
  return (
    <svg class="ring" width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
      <circle cx="9" cy="9" r="6.5" fill="none" stroke="var(--surface-3)" stroke-width="3" />
      <circle cx="9" cy="9" r="6.5" fill="none" stroke="var(--accent)" stroke-width="3" stroke-linecap="round" stroke-dasharray={`${around * value} ${around}`} transform="rotate(-90 9 9)" />
    </svg>
  );
}

function QueueChip() {
  const [, go] = useLocation();
  const running = runningJob.value;
  const waiting = Math.max(queueCounts.value.queued, openJobs.value.filter((job) => job.state === "queued").length);
  const fraction = running?.progress?.fraction ?? 0;
  const eta = running?.progress?.eta_seconds;
  const words = running
    ? [`${Math.round(fraction * 100)} %`, eta ? format_seconds(eta) : "", waiting ? t("app.waiting", { count: waiting }) : ""].filter(Boolean).join(" · ")
    : waiting
      ? t("app.waiting", { count: waiting })
      : t("app.idle");
  const items: MenuEntry[] = [];
  if (running) {
    items.push({ heading: phase_text(running) });
    items.push({ id: "cancel", label: t("app.cancel_running"), icon: "square", danger: true, detail: running.request.prompt?.slice(0, 70) ?? "", onSelect: () => void cancel_job(running.id) });
  }
  const queued = openJobs.value.filter((job) => job.state === "queued");
  if (queued.length) {
    items.push({ heading: t("app.waiting", { count: queued.length }) });
    for (const job of queued.slice(-6).reverse()) {
      items.push({ id: job.id, label: job.request.prompt?.slice(0, 60) || job.id, icon: "x", note: job.position >= 0 ? `#${job.position + 1}` : "", onSelect: () => void cancel_job(job.id) });
    }
  }
  if (!items.length) items.push({ heading: t("app.idle_long") });
  items.push({ separator: true }, { id: "open", label: t("app.open_queue"), icon: "list-todo", onSelect: () => go("/queue") });
  return (
    <Menu
      label={t("app.queue")}
      align="end"
      items={items}
      button={(props) => (
        <Button {...props} kind="quiet" class="topbar-queue" tip={t("app.queue")} aria-label={`${t("app.queue")}: ${words}`}>
          {running ? <Ring value={fraction} /> : <Icon name="list-todo" size={16} />}
          <span class="topbar-queue-words num">{words}</span>
        </Button>
      )}
    />
  );
}

function Device() {
  const known = capabilities.value;
  if (!known) return null;
  const gpu = is_gpu(known.device);
  const device = gpu ? known.device.replace(/^cuda(:\d+)?\s*/, "") || known.device.toUpperCase() : "CPU";
  return (
    <div class="topbar-device" data-tip={t("app.device_tip", { device: known.device, count: known.threads, memory: format_bytes(known.memory_bytes), version: known.version })} tabIndex={0} role="note" aria-label={t("app.device_tip", { device: known.device, count: known.threads, memory: format_bytes(known.memory_bytes), version: known.version })}>
      <Icon name={gpu ? "zap" : "cpu"} size={15} />
      <span class="topbar-device-name">{device}</span>
      <span class="topbar-device-memory num">{format_bytes(known.memory_bytes)}</span>
    </div>
  );
}

function ConnectionMark() {
  const state = connection.value;
  if (state === "open") {
    return (
      <span class="topbar-connection" data-tip={t("app.connected")} role="img" aria-label={t("app.connected")}>
        <span class="topbar-dot topbar-dot-ok" />
      </span>
    );
  }
  return (
    <Button small kind="quiet" class="topbar-lost" icon={state === "lost" ? "wifi-off" : undefined} busy={state === "connecting"} onClick={reconnect} tip={t("app.reconnect")}>
      <span class="topbar-lost-words">{t(state === "lost" ? "app.lost" : "app.connecting")}</span>
    </Button>
  );
}

const themes: { value: Theme; icon: "monitor" | "moon" | "sun" }[] = [
  { value: "auto", icon: "monitor" },
  { value: "light", icon: "sun" },
  { value: "dark", icon: "moon" },
];

function ThemeMenu() {
  const now = settings.value.theme;
  const dark = now === "dark" || (now === "auto" && systemDark.value);
  return (
    <Menu
      label={t("app.theme")}
      align="end"
      items={themes.map(({ value, icon }) => ({ id: value, label: t(`app.theme_${value}`), icon, checked: value === now, onSelect: () => set_setting("theme", value) }))}
      button={(props) => <IconButton {...props} icon={dark ? "moon" : "sun"} label={t("app.theme")} class="topbar-wide" />}
    />
  );
}

function LanguageMenu() {
  const now = settings.value.language;
  const all: [Language | "auto", string][] = [["auto", t("app.language_auto")], ...(Object.entries(languages) as [Language, string][])];
  return (
    <Menu
      label={t("app.language")}
      align="end"
      items={all.map(([value, label]) => ({ id: value, label, checked: value === now, onSelect: () => set_setting("language", value) }))}
      button={(props) => <IconButton {...props} icon="languages" label={t("app.language")} class="topbar-wide" />}
    />
  );
}

export function TopBar() {
  return (
    <header class="topbar">
      <NavigationMenu />
      <ModelPicker />
      <div class="topbar-space" />
      <QueueChip />
      <Device />
      <ConnectionMark />
      <div class="topbar-line" />
      <ThemeMenu />
      <LanguageMenu />
      <IconButton icon="keyboard" label={t("app.keys")} shortcut="?" class="topbar-wide" onClick={() => (helpOpen.value = true)} />
    </header>
  );
}
