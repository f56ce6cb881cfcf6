// SPDX-License-Identifier: Apache-2.0
// Short messages in a corner, and the live regions that read things aloud.
import { signal } from "@preact/signals";
import { t } from "../i18n/index.ts";
import { Button, IconButton } from "./button.tsx";
import { names } from "./class_names.ts";
import { Icon, type IconName } from "./icon.tsx";
import "./toast.css";

export interface ToastMessage {
  kind?: "info" | "ok" | "warn" | "error";
  title: string;
  detail?: string;
  action?: { label: string; run: () => void }; // as "Undo"
  seconds?: number; // 0: until it is closed
}

interface Shown extends ToastMessage {
  id: number;
}

const toasts = signal<Shown[]>([]);
const spoken = signal("");
let next_id = 1;

// Returns a function that takes the message away.
export function toast(message: ToastMessage): () => void {
  const id = next_id;
  next_id += 1;
  const close = () => {
    toasts.value = toasts.value.filter((shown) => shown.id !== id);
  };
  // The same words twice would only cover the page.
  toasts.value = [...toasts.value.filter((shown) => shown.title !== message.title || shown.detail !== message.detail), { ...message, id }].slice(-4);
  const seconds = message.seconds ?? (message.kind === "error" ? 12 : message.action ? 8 : 4);
  if (seconds > 0) setTimeout(close, seconds * 1000);
  return close;
}

// Reads a sentence to those who do not see the page, when they are done with the last one.
export function announce(text: string): void {
  spoken.value = text;
}

const icons: Record<NonNullable<ToastMessage["kind"]>, IconName> = { info: "info", ok: "circle-check", warn: "triangle-alert", error: "circle-alert" };

// Stands once in the page.
export function ToastHost() {
  return (
    <>
      <div class="toasts" role="region" aria-label={t("common.messages")}>
        {toasts.value.map((shown) => {
          const kind = shown.kind ?? "info";
          const close = () => (toasts.value = toasts.value.filter((other) => other.id !== shown.id));
          return (
            <div key={shown.id} class={names("toast", `toast-${kind}`)} role={kind === "error" ? "alert" : "status"}>
              <Icon name={icons[kind]} size={17} />
              <div class="toast-text">
                <p class="toast-title">{shown.title}</p>
                {shown.detail && <p class="toast-detail">{shown.detail}</p>}
              </div>
              {shown.action && (
                <Button small kind="quiet" class="toast-action" onClick={() => { close(); shown.action?.run(); }}>
                  {shown.action.label}
                </Button>
              )}
              <IconButton small icon="x" label={t("common.close")} onClick={close} />
            </div>
          );
        })}
      </div>
      <div class="visually-hidden" role="status" aria-live="polite" data-testid="live-region">{spoken.value}</div>
    </>
  );
}
