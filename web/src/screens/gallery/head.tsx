// SPDX-License-Identifier: Apache-2.0
// The head of the gallery: shelves, search and filters; while pictures are chosen, what can be done with them.
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Icon, IconButton, names, Select, Tabs } from "../../design/index.ts";
import { language, t } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { baseModels, controlKinds } from "../../state/capabilities.ts";
import { whole } from "../parts/time.ts";
import { restore_images, save_zip, star_images, trash_images } from "./actions.ts";
import type { Feed } from "./feed.ts";
import { emptyFilter, is_narrowed, type Shelf, type When } from "./filter.ts";
import { noSelection } from "./grid.ts";
import { filter, selection, set_filter, set_tile, tileSize } from "./state.ts";

const kSearchMs = 250;

// Asked for when the writing rests.
function Search() {
  const [text, setText] = useState(filter.value.text);
  const timer = useRef(0);
  useEffect(() => setText(filter.value.text), [filter.value.text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const search = (value: string) => {
    setText(value);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => value !== filter.value.text && set_filter({ text: value }), kSearchMs);
  };
  return (
    <label class="gal-search">
      <Icon name="search" size={15} />
      <span class="visually-hidden">{t("gallery.search")}</span>
      <input class="input" type="search" value={text} placeholder={t("gallery.search")} data-field="gallery-search" onInput={(event) => search(event.currentTarget.value)} onKeyDown={(event) => event.key === "Escape" && text && (event.preventDefault(), search(""))} />
    </label>
  );
}

function Filters() {
  const now = filter.value;
  const whens: When[] = ["any", "today", "week", "month", "range"];
  return (
    <>
      <Select label={t("gallery.kind")} hideLabel value={now.kind} options={[{ value: "", label: t("gallery.any_kind") }, ...controlKinds.value.map((info) => ({ value: info.kind, label: kind_label(info.kind) }))]} onChange={(kind) => set_filter({ kind })} />
      <Select label={t("app.model")} hideLabel value={now.model} options={[{ value: "", label: t("gallery.any_model") }, ...baseModels.value.map((model) => ({ value: model.id, label: model.title }))]} onChange={(model) => set_filter({ model })} />
      <Select<When> label={t("gallery.when")} hideLabel value={now.when} options={whens.map((value) => ({ value, label: t(`gallery.when_${value}`) }))} onChange={(when) => set_filter({ when })} />
      {now.when === "range" && (
        <div class="gal-range" role="group" aria-label={t("gallery.when_range")}>
          <input class="input num" type="date" aria-label={t("gallery.from")} value={now.from} max={now.to || undefined} onChange={(event) => set_filter({ from: event.currentTarget.value })} />
          <span aria-hidden="true">–</span>
          <input class="input num" type="date" aria-label={t("gallery.to")} value={now.to} min={now.from || undefined} onChange={(event) => set_filter({ to: event.currentTarget.value })} />
        </div>
      )}
      {is_narrowed(now) && <Button small kind="quiet" icon="x" onClick={() => set_filter({ ...emptyFilter, shelf: now.shelf })}>{t("gallery.clear")}</Button>}
    </>
  );
}

function SelectionBar({ list, onDelete, onCompare }: { list: Feed; onDelete(ids: string[]): void; onCompare(ids: string[]): void }) {
  const [zipping, setZipping] = useState(false);
  const images = list.images.value;
  // In the order of the list, newest first.
  const ids = images.filter((image) => selection.value.ids.has(image.id)).map((image) => image.id);
  const chosen = images.filter((image) => selection.value.ids.has(image.id));
  const trash = filter.value.shelf === "trash";
  const all_starred = chosen.every((image) => image.starred);
  const zip = async () => {
    setZipping(true);
    await save_zip(ids);
    setZipping(false);
  };
  const select_all = async () => {
    const all = await list.all();
    selection.value = { ids: new Set(all.map((image) => image.id)), anchor: null };
  };
  return (
    <div class="gal-chosen" role="toolbar" aria-label={t("gallery.chosen_actions")}>
      <IconButton icon="x" label={t("gallery.unselect")} shortcut="Esc" onClick={() => (selection.value = noSelection)} />
      <span class="gal-chosen-count num" role="status">{t("gallery.chosen", { count: ids.length, shown: whole(ids.length, language.value) })}</span>
      <Button small kind="quiet" class="gal-chosen-all" busy={list.loading.value && ids.length > 0 && list.images.value.length > 500} onClick={() => void select_all()}>{t("gallery.select_all", { count: list.total.value ?? images.length, shown: whole(list.total.value ?? images.length, language.value) })}</Button>
      <span class="gal-space" />
      {trash ? (
        <>
          <Button icon="undo-2" onClick={() => void restore_images(ids)}>{t("gallery.restore")}</Button>
          <Button kind="danger" icon="trash-2" onClick={() => onDelete(ids)}>{t("gallery.delete_forever")}</Button>
        </>
      ) : (
        <>
          <IconButton icon="columns-2" label={t("gallery.compare_two")} disabled={ids.length !== 2} onClick={() => onCompare(ids)} />
          <IconButton icon="star" label={t(all_starred ? "create.unstar" : "create.star")} shortcut="S" pressed={all_starred} class="cs-star" onClick={() => void star_images(ids, !all_starred)} />
          <Button icon="download" busy={zipping} disabled={zipping} onClick={() => void zip()} class="gal-chosen-zip">{t("gallery.zip")}</Button>
          <IconButton icon="trash-2" label={t("create.trash")} shortcut="Del" onClick={() => void trash_images(ids)} />
        </>
      )}
    </div>
  );
}

export function GalleryHead({ list, onDelete, onCompare, onEmptyTrash }: { list: Feed; onDelete(ids: string[]): void; onCompare(ids: string[]): void; onEmptyTrash(): void }) {
  const [open, setOpen] = useState(false); // the filters, on a phone
  const now = filter.value;
  const total = list.total.value;
  const chosen = selection.value.ids.size > 0;
  return (
    <header class="gal-head">
      <div class="gal-line" hidden={chosen}>
        <Tabs<Shelf>
          label={t("gallery.shelves")}
          value={now.shelf}
          tabs={[{ value: "all", label: t("gallery.shelf_all") }, { value: "starred", label: t("gallery.shelf_starred"), icon: "star" }, { value: "trash", label: t("gallery.shelf_trash"), icon: "trash-2" }]}
          onChange={(shelf) => set_filter({ shelf })}
        />
        <Search />
        <IconButton icon="sliders-horizontal" label={t("gallery.filters")} pressed={open || is_narrowed({ ...now, text: "" })} class="gal-filters-button" onClick={() => setOpen(!open)} />
        <div class={names("gal-filters", open && "gal-filters-open")}><Filters /></div>
        <span class="gal-space" />
        {now.shelf === "trash" && total !== null && total > 0 && <Button small kind="danger" onClick={onEmptyTrash}>{t("gallery.empty_trash")}</Button>}
        <span class="gal-total muted num" role="status">{total === null ? "" : t("gallery.count", { count: total, shown: whole(total, language.value) })}</span>
        <label class="gal-size" data-tip={t("gallery.size")}>
          <Icon name="images" size={15} />
          <span class="visually-hidden">{t("gallery.size")}</span>
          <input class="range" type="range" min={110} max={340} step={10} value={tileSize.value} style={{ "--part": `${((tileSize.value - 110) / 230) * 100}%` }} onInput={(event) => set_tile(Number(event.currentTarget.value))} />
        </label>
      </div>
      {chosen && <SelectionBar list={list} onDelete={onDelete} onCompare={onCompare} />}
    </header>
  );
}
