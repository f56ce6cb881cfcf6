// SPDX-License-Identifier: Apache-2.0
// One picture, large, with its record beside it; or compared with its maps and its neighbours.
import { signal } from "@preact/signals";
import { lazy, Suspense } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, asset_url } from "../../api/client.ts";
import type { StudioImage } from "../../api/types.ts";
import { Icon, IconButton, Menu, names, Tabs, type MenuEntry } from "../../design/index.ts";
import { language, t } from "../../i18n/index.ts";
import { lastImage } from "../../state/start.ts";
import { Viewport } from "../create/viewport.tsx";
import { FailedNote } from "../parts/note.tsx";
import { whole } from "../parts/time.ts";
import { useLoad } from "../parts/use_load.ts";
import { restore_images, save_image, star_images, trash_images } from "./actions.ts";
import type { FeedImage } from "./feed.ts";
import { Info } from "./info.tsx";
import { send_items } from "./menus.ts";

const Compare = lazy(() => import("../../compare/index.ts").then((module) => ({ default: module.Compare })));

export type ViewerTab = "picture" | "compare";
export const viewerTab = signal<ViewerTab>("picture");
const infoShown = signal(true);

export interface ViewerProps {
  id: string;
  listed: FeedImage | undefined; // as the list knows it
  others: readonly FeedImage[]; // to compare it with
  place: { at: number; of: number } | null;
  onStep(by: number): void;
  onClose(): void;
  onDelete(ids: string[]): void; // for good
}

function Spinner() {
  return <div class="cs-empty" role="status" aria-label={t("common.loading")}><Icon name="loader-circle" class="spin" size={26} /></div>;
}

// The whole record, kept up to date by events; what the list knows better (a star just set) is taken from there.
function useRecord(id: string, listed: FeedImage | undefined) {
  const load = useLoad(() => api.image(id), id);
  const [changed, setChanged] = useState<StudioImage | null>(null);
  const event = lastImage.value;
  useEffect(() => {
    if (event && "image" in event && event.image.id === id) setChanged(event.image);
  }, [event]);
  const record = changed?.id === id ? changed : load.value;
  return { ...load, record: record && listed ? { ...record, starred: listed.starred, trashed: listed.trashed } : record };
}

function Actions({ image, listed, onDelete, onClose }: { image: StudioImage; listed: boolean; onDelete(ids: string[]): void; onClose(): void }) {
  const [, go] = useLocation();
  // In the list the next one takes its place; what was opened by its address alone has no next one.
  const trash = () => {
    void trash_images([image.id]);
    if (!listed) onClose();
  };
  const toggle_info = () => (infoShown.value = !infoShown.value);
  if (image.trashed) {
    return (
      <>
        <IconButton icon="undo-2" label={t("gallery.restore")} onClick={() => void restore_images([image.id])} />
        <IconButton icon="trash-2" kind="danger" label={t("gallery.delete_forever")} onClick={() => onDelete([image.id])} />
      </>
    );
  }
  const more: MenuEntry[] = [
    { id: "save", label: t("create.download"), icon: "download", onSelect: () => save_image(image) },
    { id: "trash", label: t("create.trash"), icon: "trash-2", danger: true, onSelect: trash },
  ];
  return (
    <>
      <IconButton icon="star" label={t(image.starred ? "create.unstar" : "create.star")} shortcut="S" pressed={image.starred} onClick={() => void star_images([image.id], !image.starred)} class="cs-star" />
      <Menu label={t("create.send_to")} align="end" items={send_items(image, () => go("/"))} button={(props) => <IconButton {...props} icon="send" label={t("create.send_to")} />} />
      <IconButton icon="download" label={t("create.download")} onClick={() => save_image(image)} class="cs-wide" />
      <IconButton icon="trash-2" label={t("create.trash")} shortcut="Del" onClick={trash} class="cs-wide" />
      {viewerTab.value === "picture" && <IconButton icon="info" label={t("gallery.record")} pressed={infoShown.value} onClick={toggle_info} class="cs-wide" />}
      <Menu label={t("common.more")} align="end" items={more} button={(props) => <IconButton {...props} icon="ellipsis" label={t("common.more")} class="cs-narrow" />} />
    </>
  );
}

export function Viewer({ id, listed, others, place, onStep, onClose, onDelete }: ViewerProps) {
  const { record, error, reload } = useRecord(id, listed);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.focus({ preventScroll: true });
  }, []);
  const tab = viewerTab.value;
  const shown = record ?? listed;
  return (
    <div ref={box} class="gal-viewer" role="region" aria-label={t("gallery.viewer")} tabIndex={-1}>
      <header class="cs-head gal-viewer-head">
        <div class="gal-viewer-start">
          <IconButton icon="arrow-left" label={t("gallery.back")} shortcut="Esc" onClick={onClose} />
          <Tabs<ViewerTab>
            label={t("gallery.viewer")}
            panelId="gal-panel"
            value={tab}
            tabs={[{ value: "picture", label: t("create.picture") }, { value: "compare", label: t("create.tab_compare"), disabled: !record }]}
            onChange={(value) => (viewerTab.value = value)}
          />
          {place && <span class="muted num gal-viewer-place">{whole(place.at + 1, language.value)} / {whole(place.of, language.value)}</span>}
        </div>
        <div class="cs-actions">{record && <Actions image={record} listed={listed !== undefined} onDelete={onDelete} onClose={onClose} />}</div>
      </header>
      <div class={names("gal-viewer-body", infoShown.value && tab === "picture" && "gal-viewer-informs")}>
        <div class="gal-viewer-stage" id="gal-panel" role="tabpanel" aria-labelledby={`gal-panel-${tab}`}>
          {error && !record ? (
            <FailedNote title={t("gallery.no_record")} error={error} onRetry={() => void reload()} />
          ) : !shown ? (
            <Spinner />
          ) : tab === "compare" && record ? (
            <Suspense fallback={<Spinner />}><Compare image={record} others={others} /></Suspense>
          ) : (
            <Viewport
              picture={shown}
              label={t("create.result_named", { prompt: shown.prompt || t("create.no_prompt"), seed: shown.seed })}
              overlay={
                place && place.of > 1 && (
                  <>
                    <IconButton icon="chevron-left" class="cs-result-arrow cs-result-newer" label={t("create.newer")} shortcut="←" disabled={place.at <= 0} onClick={() => onStep(-1)} />
                    <IconButton icon="chevron-right" class="cs-result-arrow cs-result-older" label={t("create.older")} shortcut="→" disabled={place.at >= place.of - 1} onClick={() => onStep(1)} />
                  </>
                )
              }
            >
              <img key={shown.id} src={shown.url} alt={shown.prompt} draggable={false} style={{ backgroundImage: `url(${asset_url(shown.sha, 320)})`, backgroundSize: "cover" }} />
            </Viewport>
          )}
        </div>
        {infoShown.value && tab === "picture" && record && <Info image={record} />}
      </div>
    </div>
  );
}
