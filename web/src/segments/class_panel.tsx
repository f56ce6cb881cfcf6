// SPDX-License-Identifier: Apache-2.0
// The list of classes: what is in the picture first, then what was used lately, then all; found by name in two languages.
import { useMemo, useRef, useState } from "preact/hooks";
import { Icon, IconButton, Menu, type MenuEntry, names, TextField } from "../design/index.ts";
import { language, t } from "../i18n/index.ts";
import { Panel } from "../stage/chrome.tsx";
import { class_name, type Palette, search_classes, type SegClass, UNLABELLED } from "./palette.ts";

export interface ClassPanelProps {
  palette: Palette;
  current: number;
  recent: readonly number[];
  /** Pixels of each class. */
  counts: ReadonlyMap<number, number>;
  pixels: number;
  locked: ReadonlySet<number>;
  onChoose: (index: number) => void;
  onLock: (index: number) => void;
  /** What can be done with a class of the picture. */
  actions: (index: number) => MenuEntry[];
}

export function rgb_css(rgb: readonly [number, number, number]): string {
  return `rgb(${rgb.join(" ")})`;
}

/** 12.3 %, and "< 0.1 %" for a few pixels. */
export function share_words(count: number, pixels: number): string {
  const share = (100 * count) / Math.max(1, pixels);
  return share > 0 && share < 0.1 ? "< 0.1 %" : `${share.toFixed(share < 10 ? 1 : 0)} %`;
}

function Row({ entry, props, inPicture }: { entry: SegClass; props: ClassPanelProps; inPicture: boolean }) {
  const name = class_name(entry, language.value);
  const other = language.value.startsWith("zh") ? entry.name : entry.zh;
  const count = props.counts.get(entry.index) ?? 0;
  const locked = props.locked.has(entry.index);
  return (
    <li class={names("seg-row", entry.index === props.current && "seg-row-current")}>
      <button type="button" class="seg-class" aria-pressed={entry.index === props.current} data-class={entry.index} data-tip={`${entry.index} · ${name}${other ? ` · ${other}` : ""}`} onClick={() => props.onChoose(entry.index)}>
        <span class="seg-swatch" style={{ background: rgb_css(entry.rgb) }} />
        <span class="seg-class-name">{name}</span>
        {inPicture && <span class="seg-share num">{share_words(count, props.pixels)}</span>}
      </button>
      {inPicture && (
        <>
          <IconButton small icon={locked ? "lock" : "lock-open"} label={t("segments.lock", { name })} pressed={locked} onClick={() => props.onLock(entry.index)} />
          <Menu
            label={name}
            align="end"
            items={props.actions(entry.index)}
            button={({ buttonRef, ...rest }) => <IconButton small icon="ellipsis-vertical" label={t("segments.actions", { name })} buttonRef={buttonRef} {...rest} />}
          />
        </>
      )}
    </li>
  );
}

function List({ title, entries, props, inPicture = false }: { title: string; entries: SegClass[]; props: ClassPanelProps; inPicture?: boolean }) {
  if (!entries.length) return null;
  return (
    <>
      <h4 class="seg-heading">{title}</h4>
      <ul class="seg-list" aria-label={title}>
        {entries.map((entry) => <Row key={entry.index} entry={entry} props={props} inPicture={inPicture} />)}
      </ul>
    </>
  );
}

export function ClassPanel(props: ClassPanelProps) {
  const { palette, current, counts, recent, pixels } = props;
  const [text, setText] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const found = useMemo(() => search_classes(palette, text), [palette, text]);
  const present = useMemo(() => palette.classes.filter(({ index }) => counts.has(index)).sort((a, b) => counts.get(b.index)! - counts.get(a.index)!), [palette, counts]);
  const lately = recent.map((index) => palette.classes[index]).filter((entry): entry is SegClass => entry !== undefined && !counts.has(entry.index));
  const entry = palette.classes[current];
  const unlabelled = counts.get(UNLABELLED) ?? 0;
  const choose_first = () => {
    const first = found[0];
    if (!first) return;
    props.onChoose(first.index);
    setText("");
  };
  return (
    <Panel title={t("segments.classes")} class="seg-panel">
      <div class="seg-current">
        <span class="seg-swatch seg-swatch-large" style={entry && { background: rgb_css(entry.rgb) }} />
        <span>
          <strong>{class_name(entry, language.value)}</strong>
          <small>{t("segments.index", { index: current })}</small>
        </span>
      </div>
      <div class="seg-search" onKeyDown={(event) => event.key === "ArrowDown" && list.current?.querySelector<HTMLElement>(".seg-class")?.focus()}>
        <TextField type="search" label={t("segments.search")} hideLabel placeholder={t("segments.search")} value={text} spellcheck={false} autocomplete="off" onChange={setText} onEnter={choose_first} />
        <Icon name="search" size={14} />
      </div>
      <div class="seg-lists" ref={list} onKeyDown={(event) => move_focus(event, list.current)}>
        {text.trim() ? (
          found.length ? <List title={t("segments.found", { count: found.length })} entries={found} props={props} /> : <p class="stage-hint" role="status">{t("segments.none_found")}</p>
        ) : (
          <>
            <List title={t("segments.in_picture")} entries={present} props={props} inPicture />
            {unlabelled > 0 && <p class="seg-unlabelled num">{t("segments.unlabelled_share", { share: share_words(unlabelled, pixels) })}</p>}
            <List title={t("segments.recent")} entries={lately} props={props} />
            <List title={t("segments.all")} entries={[...palette.classes]} props={props} />
          </>
        )}
      </div>
    </Panel>
  );
}

/** Arrows go from class to class. */
function move_focus(event: KeyboardEvent, list: HTMLElement | null): void {
  const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (!by || !list || !(event.target instanceof HTMLElement) || !event.target.matches(".seg-class")) return;
  const all = [...list.querySelectorAll<HTMLElement>(".seg-class")];
  const next = all[all.indexOf(event.target) + by];
  event.preventDefault();
  event.stopPropagation();
  next?.focus();
}
