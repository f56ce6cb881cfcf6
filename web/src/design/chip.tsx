// SPDX-License-Identifier: Apache-2.0
// Small marks with a word: a state, a kind of map, something that can be switched on or taken away.
import type { ComponentChildren } from "preact";
import { names } from "./class_names.ts";
import { Icon, type IconName } from "./icon.tsx";
import "./chip.css";

export interface ChipProps {
  children: ComponentChildren;
  tone?: "neutral" | "accent" | "ok" | "warn" | "danger";
  icon?: IconName;
  mark?: string; // colour of a dot in front
  tip?: string;
  pressed?: boolean; // makes it a switch
  removeLabel?: string;
  class?: string;
  onClick?: () => void;
  onRemove?: () => void;
}

export function Chip({ children, tone = "neutral", icon, mark, tip, pressed, removeLabel, class: extra, onClick, onRemove }: ChipProps) {
  const body = (
    <>
      {mark && <span class="chip-mark" style={{ background: mark }} />}
      {icon && <Icon name={icon} size={13} />}
      <span class="chip-text">{children}</span>
    </>
  );
  const classes = names("chip", `chip-${tone}`, onClick && "chip-button", extra);
  if (onClick) {
    return (
      <button type="button" class={classes} aria-pressed={pressed} data-tip={tip} onClick={onClick}>
        {body}
      </button>
    );
  }
  return (
    <span class={classes} data-tip={tip}>
      {body}
      {onRemove && (
        <button type="button" class="chip-remove" aria-label={removeLabel} onClick={onRemove}>
          <Icon name="x" size={11} />
        </button>
      )}
    </span>
  );
}

// Colour of a kind of map.
export function kind_color(kind: string): string {
  return `var(--kind-${kind.replace(/[^a-z_]/g, "")}, var(--kind-other))`;
}
