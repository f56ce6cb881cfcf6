// SPDX-License-Identifier: Apache-2.0
// What stands in place of a list: nothing yet, loading, or why it could not be fetched.
import type { ComponentChildren } from "preact";
import { Button, Icon, names, type IconName } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import "./page.css";

export function Note({ icon, title, text, children, small, alert }: { icon: IconName; title: string; text?: string; children?: ComponentChildren; small?: boolean; alert?: boolean }) {
  return (
    <div class={names("page-note", small && "page-note-small")} role={alert ? "alert" : undefined}>
      <span class="page-note-mark"><Icon name={icon} size={small ? 18 : 24} /></span>
      <p class="page-note-title">{title}</p>
      {text && <p class="page-note-text">{text}</p>}
      {children}
    </div>
  );
}

export function FailedNote({ title, error, onRetry, small }: { title: string; error: string; onRetry(): void; small?: boolean }) {
  return (
    <Note icon="circle-alert" title={title} text={error} small={small} alert>
      <Button icon="refresh-cw" onClick={onRetry}>{t("common.retry")}</Button>
    </Note>
  );
}

// Grey bars where the lines of a list will be.
export function Skeleton({ lines = 4, height = 56 }: { lines?: number; height?: number }) {
  return (
    <div class="page-skeleton" role="status" aria-label={t("common.loading")}>
      {Array.from({ length: lines }, (_, at) => (
        <div key={at} class="page-skeleton-line" style={{ blockSize: `${height}px` }} />
      ))}
    </div>
  );
}
