// SPDX-License-Identifier: Apache-2.0
// Tabs with the keys that assistive technology expects: arrows move, Home and End jump.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { names } from "./class_names.ts";
import { Icon, type IconName } from "./icon.tsx";
import "./tabs.css";

export interface Tab<Value extends string> {
  value: Value;
  label: string;
  icon?: IconName;
  badge?: ComponentChildren;
  disabled?: boolean;
}

export interface TabsProps<Value extends string> {
  label: string; // of the whole list, read aloud
  tabs: Tab<Value>[];
  value: Value;
  panelId?: string; // of the element that shows what the tab stands for
  class?: string;
  onChange(value: Value): void;
}

export function Tabs<Value extends string>({ label, tabs, value, panelId, class: extra, onChange }: TabsProps<Value>) {
  const list = useRef<HTMLDivElement>(null);
  const go = (event: KeyboardEvent) => {
    const open = tabs.filter((tab) => !tab.disabled);
    const at = open.findIndex((tab) => tab.value === value);
    const to = event.key === "ArrowRight" ? at + 1 : event.key === "ArrowLeft" ? at - 1 : event.key === "Home" ? 0 : event.key === "End" ? open.length - 1 : null;
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    const next = open[(to + open.length) % open.length];
    if (!next) return;
    onChange(next.value);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.value}"]`)?.focus();
  };
  return (
    <div ref={list} class={names("tabs", extra)} role="tablist" aria-label={label} onKeyDown={go}>
      {tabs.map((tab) => (
        <button
          key={tab.value}
          type="button"
          role="tab"
          class="tab"
          data-tab={tab.value}
          id={panelId ? `${panelId}-${tab.value}` : undefined}
          aria-selected={tab.value === value}
          aria-controls={panelId}
          tabIndex={tab.value === value ? 0 : -1}
          disabled={tab.disabled}
          onClick={() => onChange(tab.value)}
        >
          {tab.icon && <Icon name={tab.icon} size={15} />}
          <span>{tab.label}</span>
          {tab.badge !== undefined && tab.badge !== null && <span class="tab-badge">{tab.badge}</span>}
        </button>
      ))}
    </div>
  );
}
