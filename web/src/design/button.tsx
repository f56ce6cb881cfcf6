// SPDX-License-Identifier: Apache-2.0
// Buttons: with words, or an icon with its words in the label.
import type { ComponentChildren, JSX, Ref } from "preact";
import { names } from "./class_names.ts";
import { Icon, type IconName } from "./icon.tsx";
import "./button.css";

type Native = Omit<JSX.IntrinsicElements["button"], "class" | "className" | "size" | "icon" | "ref">;

export interface ButtonProps extends Native {
  kind?: "primary" | "plain" | "quiet" | "danger";
  small?: boolean;
  icon?: IconName;
  iconEnd?: IconName;
  tip?: string; // shown on hover and focus, with the key in brackets where there is one
  busy?: boolean;
  class?: string;
  children?: ComponentChildren;
  buttonRef?: Ref<HTMLButtonElement>;
}

export function Button({ kind = "plain", small, icon, iconEnd, tip, busy, class: extra, children, buttonRef, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      ref={buttonRef}
      data-tip={tip}
      aria-busy={busy || undefined}
      class={names("button", `button-${kind}`, small && "button-small", extra)}
    >
      {busy ? <Icon name="loader-circle" class="spin" size={small ? 14 : 16} /> : icon && <Icon name={icon} size={small ? 14 : 16} />}
      {children}
      {iconEnd && <Icon name={iconEnd} size={14} />}
    </button>
  );
}

export interface IconButtonProps extends Native {
  icon?: IconName;
  svg?: string;
  label: string; // read aloud and shown as the tooltip
  shortcut?: string;
  pressed?: boolean; // of a button that switches something
  small?: boolean;
  iconSize?: number;
  kind?: "plain" | "quiet" | "danger";
  class?: string;
  buttonRef?: Ref<HTMLButtonElement>;
}

export function IconButton({ icon, svg, label, shortcut, pressed, small, iconSize, kind = "quiet", class: extra, buttonRef, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      ref={buttonRef}
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      data-tip={shortcut ? `${label} (${shortcut})` : label}
      class={names("button", "button-icon", `button-${kind}`, small && "button-small", extra)}
    >
      <Icon name={icon} svg={svg} size={iconSize ?? (small ? 14 : 17)} />
    </button>
  );
}
