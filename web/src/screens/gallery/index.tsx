// SPDX-License-Identifier: Apache-2.0
// The gallery: every picture that was made, found again, looked at, taken further.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { Button, Dialog } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { error_text } from "../../state/errors.ts";
import { rerun } from "../../state/recall.ts";
import { settings } from "../../state/settings.ts";
import { compareAgainst } from "../../compare/state.ts";
import { FailedNote, Note } from "../parts/note.tsx";
import { delete_forever, star_images, trash_images } from "./actions.ts";
import { emptyFilter, is_narrowed } from "./filter.ts";
import { PictureGrid, type GridHandle } from "./grid.tsx";
import { GalleryHead } from "./head.tsx";
import { feed, filter, focused, follow_gallery, selection, set_filter } from "./state.ts";
import { useGalleryKeys } from "./use_keys.ts";
import { Viewer, viewerTab } from "./viewer.tsx";
import "./gallery.css";

// "/gallery/abc" -> "abc".
function opened_in(path: string): string | null {
  const id = path.split("/")[2];
  return id ? decodeURIComponent(id) : null;
}

function Empty({ onCreate }: { onCreate(): void }) {
  const now = filter.value;
  if (is_narrowed(now)) {
    return (
      <Note icon="search" title={t("gallery.none_found")} text={t("gallery.none_found_hint")}>
        <Button onClick={() => set_filter({ ...emptyFilter, shelf: now.shelf })}>{t("gallery.clear")}</Button>
      </Note>
    );
  }
  if (now.shelf === "trash") return <Note icon="trash-2" title={t("gallery.trash_empty")} text={t("gallery.trash_empty_hint")} />;
  if (now.shelf === "starred") return <Note icon="star" title={t("gallery.no_stars")} text={t("gallery.no_stars_hint")} />;
  return (
    <Note icon="images" title={t("gallery.empty")} text={t("gallery.empty_hint")}>
      <Button kind="primary" icon="wand-sparkles" onClick={onCreate}>{t("gallery.make_one")}</Button>
    </Note>
  );
}

function LoadingGrid() {
  return (
    <div class="gal-loading" role="status" aria-label={t("common.loading")}>
      {Array.from({ length: 24 }, (_, at) => <div key={at} class="gal-tile-empty" />)}
    </div>
  );
}

export default function Gallery() {
  const [path, go] = useLocation();
  const handle = useRef<GridHandle>(null);
  const came_here = useRef(false); // the viewer was opened from the grid, so that going back leads there
  const [doomed, setDoomed] = useState<string[] | null>(null); // to be deleted for good once that is confirmed
  useEffect(() => follow_gallery(), []);

  const list = feed.value;
  const images = list?.images.value ?? [];
  // The browser goes back in its own time; the keys act on the grid at once.
  const [leaving, setLeaving] = useState(false);
  useEffect(() => setLeaving(false), [path]);
  const id = leaving ? null : opened_in(path);
  const at = id === null ? -1 : images.findIndex((image) => image.id === id);
  const count = Math.max(images.length, list?.total.value ?? 0);

  const open = (index: number) => {
    const image = images[index];
    if (!image) return;
    focused.value = index;
    viewerTab.value = "picture";
    came_here.current = true;
    go(`/gallery/${encodeURIComponent(image.id)}`);
  };
  const close = () => {
    if (came_here.current) {
      setLeaving(true);
      history.back();
    } else {
      go("/gallery", { replace: true });
    }
    came_here.current = false;
  };
  // Back in the grid, by whatever way: the keys work where they did, unless somebody is already elsewhere.
  const viewed = useRef(false);
  useLayoutEffect(() => {
    if (id === null && viewed.current) {
      handle.current?.show(focused.value);
      if (!document.activeElement || document.activeElement === document.body) handle.current?.focus();
    }
    viewed.current = id !== null;
  }, [id]);
  const step = (by: number) => {
    const next = images[at + by];
    if (!next) return;
    focused.value = at + by;
    list?.want(at + by + 30);
    go(`/gallery/${encodeURIComponent(next.id)}`, { replace: true });
  };
  // The next one takes the place of a picture that leaves the list while it is looked at.
  const was_listed = useRef(false);
  useEffect(() => {
    if (id === null || at >= 0) was_listed.current = at >= 0;
    else if (was_listed.current) {
      was_listed.current = false;
      const next = images[Math.min(focused.value, images.length - 1)];
      if (next) go(`/gallery/${encodeURIComponent(next.id)}`, { replace: true });
      else close();
    }
  }, [id, at, images.length]);

  const erase = (ids: string[]) => {
    if (settings.value.confirmDelete) setDoomed(ids);
    else void delete_forever(ids);
  };
  const targets = () => {
    if (id !== null) return images[at] ? [images[at]!] : [];
    if (selection.value.ids.size) return images.filter((image) => selection.value.ids.has(image.id));
    const current = images[focused.value];
    return current ? [current] : [];
  };
  useGalleryKeys({
    viewing: id !== null,
    handle,
    images,
    open,
    close,
    step,
    star: () => {
      const all = targets();
      if (all.length) void star_images(all.map((image) => image.id), !all.every((image) => image.starred));
    },
    rerun: () => {
      const [only, ...more] = targets();
      if (only && !more.length && !only.trashed) void rerun(only);
    },
    trash: () => {
      const ids = targets().map((image) => image.id);
      if (!ids.length) return;
      if (filter.value.shelf === "trash") erase(ids);
      else void trash_images(ids);
    },
    compare: () => {
      if (id !== null) viewerTab.value = viewerTab.value === "compare" ? "picture" : "compare";
      else if (selection.value.ids.size === 2) compare_two(targets().map((image) => image.id));
    },
  });
  const compare_two = ([first, second]: string[]) => {
    const index = images.findIndex((image) => image.id === first);
    if (index < 0 || !second) return;
    compareAgainst.value = second;
    open(index);
    viewerTab.value = "compare";
  };
  const empty_trash = async () => {
    const all = await list?.all();
    if (all?.length) setDoomed(all.map((image) => image.id));
  };

  if (!list) return null;
  const failed = list.error.value !== null && images.length === 0;
  const nothing = !failed && list.total.value === 0 && images.length === 0;
  const chosen_other = images.find((image) => image.id === compareAgainst.value);
  const near = at < 0 ? images.slice(0, 60) : images.slice(Math.max(0, at - 30), at + 31);
  return (
    <div class="gal">
      <h1 class="visually-hidden">{t("app.screen_gallery")}</h1>
      <div class="gal-list" inert={id !== null}>
        <GalleryHead list={list} onDelete={erase} onCompare={compare_two} onEmptyTrash={() => void empty_trash()} />
        {failed ? (
          <FailedNote title={t("gallery.failed")} error={error_text(list.error.value)} onRetry={() => list.retry()} />
        ) : nothing ? (
          <Empty onCreate={() => go("/")} />
        ) : list.total.value === null ? (
          <LoadingGrid />
        ) : (
          <PictureGrid list={list} handle={handle} covered={id !== null} onOpen={open} onDelete={erase} onCreate={() => go("/")} />
        )}
      </div>
      {id !== null && (
        <Viewer
          id={id}
          listed={images[at]}
          others={chosen_other && !near.includes(chosen_other) ? [chosen_other, ...near] : near}
          place={at < 0 ? null : { at, of: count }}
          onStep={step}
          onClose={close}
          onDelete={erase}
        />
      )}
      {doomed && (
        <Dialog
          open
          title={t("gallery.delete_title", { count: doomed.length })}
          onClose={() => setDoomed(null)}
          footer={
            <>
              <Button onClick={() => setDoomed(null)}>{t("common.cancel")}</Button>
              <Button kind="danger" icon="trash-2" onClick={() => { void delete_forever(doomed); setDoomed(null); }}>{t("gallery.delete_forever")}</Button>
            </>
          }
        >
          <p>{t("gallery.delete_text")}</p>
        </Dialog>
      )}
    </div>
  );
}
