// SPDX-License-Identifier: Apache-2.0
// What stands around the drawing in every editor: bar, strip of tools, panels.
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { Icon, IconButton, type IconName, Menu, type MenuEntry, names, NumberInput } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { svgs } from "./icons.ts";
import "./stage.css";
import "./panels.css";

export interface ToolButton<Name extends string> {
  name: Name;
  label: string;
  key?: string;
  icon?: IconName;
  svg?: string;
  /** Draws a line above the button: a new group begins. */
  apart?: boolean;
}

/** One tool of many: arrows move between them, as between radio buttons. */
export function ToolStrip<Name extends string>({ tools, value, onChange }: { tools: ToolButton<Name>[]; value: Name; onChange: (name: Name) => void }) {
  const strip = useRef<HTMLDivElement>(null);
  const go = (event: KeyboardEvent) => {
    const by = event.key === "ArrowDown" || event.key === "ArrowRight" ? 1 : event.key === "ArrowUp" || event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const at = tools.findIndex((tool) => tool.name === value);
    const next = tools[(at + by + tools.length) % tools.length]!;
    onChange(next.name);
    strip.current?.querySelector<HTMLElement>(`[data-tool="${next.name}"]`)?.focus();
  };
  return (
    <div ref={strip} class="stage-tools" role="radiogroup" aria-label={t("stage.tools")} onKeyDown={go}>
      {tools.map((tool) => (
        <button
          key={tool.name}
          type="button"
          role="radio"
          class={names("stage-tool", tool.apart && "stage-tool-apart")}
          data-tool={tool.name}
          aria-checked={tool.name === value}
          aria-label={tool.label}
          aria-keyshortcuts={tool.key}
          data-tip={tool.key ? `${tool.label} (${tool.key})` : tool.label}
          tabIndex={tool.name === value ? 0 : -1}
          onClick={() => onChange(tool.name)}
        >
          <Icon name={tool.icon} svg={tool.svg} size={18} />
        </button>
      ))}
    </div>
  );
}

export interface UndoState {
  canUndo: boolean;
  canRedo: boolean;
  undoLabel: string;
  redoLabel: string;
}

export function UndoButtons({ state, onUndo, onRedo }: { state: UndoState; onUndo: () => void; onRedo: () => void }) {
  const label = (word: string, step: string) => (step ? `${word}: ${step}` : word);
  return (
    <div class="stage-undo">
      <IconButton icon="undo-2" label={label(t("stage.undo"), state.undoLabel)} shortcut="Ctrl+Z" disabled={!state.canUndo} onClick={onUndo} />
      <IconButton icon="redo-2" label={label(t("stage.redo"), state.redoLabel)} shortcut="Ctrl+Shift+Z" disabled={!state.canRedo} onClick={onRedo} />
    </div>
  );
}

export interface BarSliderProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  suffix?: string;
  tip?: string;
  /** Small values get more of the way: for sizes. */
  curved?: boolean;
  onChange: (value: number) => void;
}

/** A slider in one line, for the bar above the drawing. */
export function BarSlider({ label, value, min, max, step = 1, suffix, tip, curved, onChange }: BarSliderProps) {
  const id = useId();
  // The slider runs from 0 to 1; its square is the share of the range.
  const share = (value - min) / (max - min);
  const at = curved ? Math.sqrt(share) : share;
  const value_at = (position: number) => {
    const raw = min + (curved ? position * position : position) * (max - min);
    return Math.min(max, Math.max(min, Math.round(raw / step) * step));
  };
  return (
    <div class="stage-bar-slider" data-tip={tip}>
      <label for={id}>{label}</label>
      <input
        id={id}
        class="range"
        type="range"
        min={0}
        max={1}
        step={0.005}
        value={at}
        aria-valuetext={`${value}${suffix ?? ""}`}
        style={{ "--part": `${at * 100}%` }}
        onInput={(event) => onChange(value_at(Number(event.currentTarget.value)))}
        onKeyDown={(event) => {
          // A step of the slider may be less than one of the value.
          const by = event.key === "ArrowRight" || event.key === "ArrowUp" ? step : event.key === "ArrowLeft" || event.key === "ArrowDown" ? -step : 0;
          if (!by) return;
          event.preventDefault();
          onChange(Math.min(max, Math.max(min, value + by)));
        }}
      />
      <NumberInput label={label} value={value} min={min} max={max} step={step} suffix={suffix} onChange={onChange} />
    </div>
  );
}

export function Panel({ title, aside, children, class: extra }: { title: string; aside?: ComponentChildren; children: ComponentChildren; class?: string }) {
  const id = useId();
  return (
    <section class={names("stage-panel", extra)} aria-labelledby={id}>
      <header class="stage-panel-head">
        <h3 id={id}>{title}</h3>
        {aside}
      </header>
      {children}
    </section>
  );
}

export interface EditorFrameProps {
  name: string;
  bar: ComponentChildren;
  tools: ComponentChildren;
  menu?: MenuEntry[];
  side: ComponentChildren;
  children: ComponentChildren;
  /** A file that was dropped or pasted onto the editor. */
  onFile?: (file: File) => void;
}

/** The layout of an editor: on a narrow stage the panels come up from below when they are asked for. */
export function EditorFrame({ name, bar, tools, menu, side, children, onFile }: EditorFrameProps) {
  const [open, setOpen] = useState(false);
  const sideId = useId();
  const take = (files: FileList | undefined, event: Event) => {
    const file = files?.[0];
    if (!file || !onFile) return;
    event.preventDefault();
    onFile(file);
  };
  return (
    <div
      class={names("stage-editor", open && "stage-editor-open")}
      data-editor={name}
      onDragOver={(event) => onFile && event.dataTransfer?.types.includes("Files") && event.preventDefault()}
      onDrop={(event) => take(event.dataTransfer?.files, event)}
      onPaste={(event) => take(event.clipboardData?.files, event)}
    >
      <div class="stage-bar">
        {bar}
        <div class="stage-bar-end">
          <IconButton class="stage-panel-toggle" svg={svgs.panel} label={t("stage.panels")} aria-expanded={open} aria-controls={sideId} onClick={() => setOpen(!open)} />
          {menu && (
            <Menu
              label={t("stage.more")}
              align="end"
              items={menu}
              button={({ buttonRef, ...props }) => <IconButton icon="ellipsis" label={t("stage.more")} buttonRef={buttonRef} {...props} />}
            />
          )}
        </div>
      </div>
      <div class="stage-body">
        {tools}
        {children}
        <aside id={sideId} class="stage-side" aria-label={t("stage.panels")}>{side}</aside>
      </div>
    </div>
  );
}
