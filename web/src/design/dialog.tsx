// SPDX-License-Identifier: Apache-2.0
// A modal dialog on the browser's own <dialog>: focus stays inside, Escape closes, the page behind is inert.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { IconButton } from "./button.tsx";
import { names } from "./class_names.ts";
import { t } from "../i18n/index.ts";
import "./dialog.css";

export interface DialogProps {
  title: string;
  open: boolean;
  wide?: boolean;
  class?: string;
  footer?: ComponentChildren; // buttons, the main one last
  children: ComponentChildren;
  onClose(): void;
}

export function Dialog({ title, open, wide, class: extra, footer, children, onClose }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    if (!element) return;
    if (open && !element.open) {
      element.showModal();
      // Else the close button has it, which is the last thing that one wants to see marked.
      if (!element.querySelector("[autofocus]")) (element.querySelector<HTMLElement>("input:not([hidden], [type=checkbox], [type=radio])") ?? body.current)?.focus();
    }
    if (!open && element.open) element.close();
  }, [open]);
  if (!open) return null;
  return (
    <dialog
      ref={dialog}
      class={names("dialog", wide && "dialog-wide", extra)}
      aria-labelledby={titleId}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div class="dialog-box">
        <header class="dialog-head">
          <h2 id={titleId}>{title}</h2>
          <IconButton icon="x" label={t("common.close")} onClick={onClose} />
        </header>
        <div ref={body} class="dialog-body" tabIndex={0}>{children}</div>
        {footer && <footer class="dialog-foot">{footer}</footer>}
      </div>
    </dialog>
  );
}
