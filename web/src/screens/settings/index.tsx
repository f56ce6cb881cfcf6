// SPDX-License-Identifier: Apache-2.0
// Settings: looks and habits of this browser, keys, and what the server is.
import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client.ts";
import { Button, format_bytes, IconButton, NumberField, Segmented, Select, Slider, Switch, TextField, toast } from "../../design/index.ts";
import { languages, t, type Language } from "../../i18n/index.ts";
import { KeyCaps } from "../../shell/help.tsx";
import { Logo } from "../../shell/navigation.tsx";
import { capabilities } from "../../state/capabilities.ts";
import { draftIsCopy, draftSaved } from "../../state/draft.ts";
import { error_text } from "../../state/errors.ts";
import { combo_of, conflict_of, is_modifier, keyActions, key_caps, keys_of, type KeyAction } from "../../state/keys.ts";
import { set_setting, settings, type Theme } from "../../state/settings.ts";
import "./settings.css";

function Appearance() {
  const now = settings.value;
  return (
    <section class="settings-card" aria-labelledby="settings-appearance">
      <h2 id="settings-appearance">{t("settings.appearance")}</h2>
      <Segmented<Theme>
        label={t("app.theme")}
        value={now.theme}
        options={(["auto", "light", "dark"] as const).map((value) => ({ value, label: t(`app.theme_${value}`) }))}
        onChange={(value) => set_setting("theme", value)}
      />
      <Select<Language | "auto">
        label={t("app.language")}
        value={now.language}
        options={[{ value: "auto", label: t("app.language_auto") }, ...(Object.entries(languages) as [Language, string][]).map(([value, label]) => ({ value, label }))]}
        onChange={(value) => set_setting("language", value)}
      />
    </section>
  );
}

async function ask_notifications(on: boolean): Promise<void> {
  if (on && "Notification" in window && Notification.permission !== "granted" && (await Notification.requestPermission()) !== "granted") {
    toast({ kind: "warn", title: t("settings.notify_denied") });
    return;
  }
  set_setting("notify", on);
}

function Behaviour() {
  const now = settings.value;
  const saved = draftSaved.value;
  return (
    <section class="settings-card" aria-labelledby="settings-behaviour">
      <h2 id="settings-behaviour">{t("settings.behaviour")}</h2>
      <Switch label={t("settings.notify")} help={t("settings.notify_help")} checked={now.notify} onChange={(on) => void ask_notifications(on)} />
      <Switch label={t("settings.confirm_delete")} checked={now.confirmDelete} onChange={(on) => set_setting("confirmDelete", on)} />
      <Slider label={t("settings.live_delay")} help={t("settings.live_delay_help")} min={100} max={3000} step={50} suffix="ms" initial={300} value={now.liveDelayMs} onChange={(value) => set_setting("liveDelayMs", value)} />
      <p class="settings-line">
        <span>{t("settings.draft")}</span>
        <span class="muted">
          {draftIsCopy.value ? t("settings.draft_copy") : saved ? t("settings.draft_saved", { time: new Date(saved).toLocaleTimeString() }) : t("settings.draft_none")}
        </span>
      </p>
    </section>
  );
}

function KeyLine({ action }: { action: KeyAction }) {
  const [listening, setListening] = useState(false);
  const remapped = settings.value.keys;
  const own = remapped[action.id] !== undefined;
  const press = (event: KeyboardEvent) => {
    if (!listening || is_modifier(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    setListening(false);
    if (event.key === "Escape") return;
    const combo = combo_of(event);
    const taken = conflict_of(combo, action.id, remapped);
    if (taken) {
      toast({ kind: "warn", title: t("settings.key_taken", { action: t(`keys.${taken.id}`) }) });
      return;
    }
    set_setting("keys", { ...remapped, [action.id]: combo });
  };
  const reset = () => {
    const { [action.id]: _, ...rest } = remapped;
    set_setting("keys", rest);
  };
  return (
    <div class="settings-key">
      <span>{t(`keys.${action.id}`)}</span>
      {own && <IconButton small icon="rotate-ccw" label={t("settings.key_reset", { key: action.keys[0] })} onClick={reset} />}
      <button type="button" class="settings-cap" aria-label={`${t(`keys.${action.id}`)}: ${key_caps(keys_of(action, remapped)[0]!).join(" ")}`} onClick={() => setListening(true)} onBlur={() => setListening(false)} onKeyDown={press}>
        {listening ? <span class="muted">{t("settings.press_key")}</span> : <KeyCaps combo={keys_of(action, remapped)[0]!} />}
      </button>
    </div>
  );
}

function Keyboard() {
  return (
    <section class="settings-card settings-tall" aria-labelledby="settings-keyboard">
      <header class="settings-head">
        <h2 id="settings-keyboard">{t("settings.keyboard")}</h2>
        <Button small kind="quiet" icon="rotate-ccw" disabled={Object.keys(settings.value.keys).length === 0} onClick={() => set_setting("keys", {})}>
          {t("settings.keys_reset")}
        </Button>
      </header>
      <p class="muted">{t("settings.keys_help")}</p>
      <div>{keyActions.filter((action) => !action.fixed).map((action) => <KeyLine key={action.id} action={action} />)}</div>
    </section>
  );
}

// Whatever simple values the server keeps; their names are its own.
function ServerSettings() {
  const [values, setValues] = useState<Record<string, unknown> | null>(null);
  useEffect(() => {
    api.settings().then(setValues, () => setValues({}));
  }, []);
  const put = async (name: string, value: unknown) => {
    const before = values;
    setValues({ ...values, [name]: value });
    try {
      await api.put_settings({ [name]: value });
      toast({ kind: "ok", title: t("settings.server_saved"), seconds: 2 });
    } catch (error) {
      setValues(before);
      toast({ kind: "error", title: t("create.not_saved"), detail: error_text(error) });
    }
  };
  const simple = Object.entries(values ?? {}).filter(([, value]) => ["boolean", "number", "string"].includes(typeof value));
  return (
    <>
      <h3>{t("settings.server_settings")}</h3>
      {values !== null && simple.length === 0 && <p class="muted">{t("settings.server_none")}</p>}
      {simple.map(([name, value]) => {
        const label = name.replace(/[_.]/g, " ");
        if (typeof value === "boolean") return <Switch key={name} label={label} checked={value} onChange={(on) => void put(name, on)} />;
        if (typeof value === "number") return <NumberField key={name} label={label} value={value} step={Number.isInteger(value) ? 1 : 0.01} onChange={(next) => void put(name, next)} />;
        return <LateText key={name} label={label} value={String(value)} onChange={(text) => void put(name, text)} />;
      })}
    </>
  );
}

// Sent when it is left, not at each key.
function LateText({ label, value, onChange }: { label: string; value: string; onChange(value: string): void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <div onFocusOut={() => text !== value && onChange(text)}>
      <TextField label={label} value={text} onChange={setText} onEnter={() => text !== value && onChange(text)} />
    </div>
  );
}

function Server() {
  const known = capabilities.value;
  const lines: [string, string][] = known
    ? [
        [t("settings.version"), known.version],
        [t("settings.device"), known.device],
        [t("settings.threads"), String(known.threads)],
        [t("settings.memory"), format_bytes(known.memory_bytes)],
        [
          t("settings.limits"),
          [
            t("settings.limit_layers", { count: known.limits.max_layers }),
            t("settings.limit_side", { side: known.limits.max_side }),
            t("settings.limit_batch", { count: known.limits.max_batch }),
          ].join(", "),
        ],
      ]
    : [];
  return (
    <section class="settings-card" aria-labelledby="settings-server">
      <h2 id="settings-server">{t("settings.server")}</h2>
      <dl class="settings-facts num">
        {lines.map(([name, value]) => (
          <div key={name} class="settings-line">
            <dt>{name}</dt>
            <dd class="muted">{value}</dd>
          </div>
        ))}
      </dl>
      <ServerSettings />
      <h3>{t("settings.api")}</h3>
      <p class="muted">{t("settings.api_help")}</p>
      <p class="settings-links">
        <a href="/api/docs" target="_blank" rel="noreferrer">{t("settings.openapi")}</a>
        <a href="/metrics" target="_blank" rel="noreferrer">{t("settings.metrics")}</a>
      </p>
    </section>
  );
}

export default function Settings() {
  return (
    <div class="settings">
      <header class="settings-title">
        <h1>{t("app.screen_settings")}</h1>
      </header>
      <div class="settings-grid">
        <div class="settings-column">
          <Appearance />
          <Behaviour />
          <Server />
        </div>
        <div class="settings-column">
          <Keyboard />
          <p class="settings-about muted">
            <Logo size={22} /> {t("settings.privacy")}
          </p>
        </div>
      </div>
    </div>
  );
}
