// SPDX-License-Identifier: Apache-2.0
// Menus of a picture. What needs its whole record fetches that first.
import { api } from "../../api/client.ts";
import type { StudioImage } from "../../api/types.ts";
import { kind_color, toast, type MenuEntry } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { controlKinds } from "../../state/capabilities.ts";
import { error_text } from "../../state/errors.ts";
import { recall_request, rerun, send_to_init, send_to_layer } from "../../state/recall.ts";
import { recallParts, type RecallPart } from "../../state/request.ts";
import { vary } from "../../state/vary.ts";
import { stageTab } from "../../state/view.ts";
import { restore_images, save_image, star_images, trash_images } from "./actions.ts";
import type { FeedImage } from "./feed.ts";

export type ToCreate = () => void; // goes to Create, where what was taken over is seen

async function with_record(id: string, use: (image: StudioImage) => void): Promise<void> {
  try {
    use(await api.image(id));
  } catch (error) {
    toast({ kind: "error", title: t("gallery.no_record"), detail: error_text(error) });
  }
}

export function recall_items(id: string, go: ToCreate): MenuEntry[] {
  const recall = (parts?: readonly RecallPart[]) =>
    void with_record(id, (image) => {
      recall_request(image.request, parts);
      go();
    });
  return [
    { id: "all", label: t("create.recall_all"), icon: "sliders-horizontal", onSelect: () => recall() },
    { separator: true },
    ...recallParts.map((part): MenuEntry => ({ id: part, label: t(`create.part_${part}`), onSelect: () => recall([part]) })),
  ];
}

export function send_items(image: Pick<FeedImage, "sha" | "width" | "height">, go: ToCreate): MenuEntry[] {
  const as_layer = (kind: string) => {
    send_to_layer(image, kind);
    stageTab.value = "map";
    go();
  };
  return [
    { id: "init", label: t("create.as_init"), icon: "image", onSelect: () => { send_to_init(image); go(); } },
    { heading: t("create.as_layer") },
    ...controlKinds.value
      .filter((info) => info.available)
      .map((info): MenuEntry => ({ id: info.kind, label: kind_label(info.kind), mark: kind_color(info.kind), onSelect: () => as_layer(info.kind) })),
  ];
}

// Everything, for the menu at the pointer.
export function tile_items(image: FeedImage, open: () => void, go: ToCreate, ask_delete: () => void): MenuEntry[] {
  if (image.trashed) {
    return [
      { id: "open", label: t("gallery.open"), icon: "maximize", note: "↵", onSelect: open },
      { id: "restore", label: t("gallery.restore"), icon: "undo-2", onSelect: () => void restore_images([image.id]) },
      { separator: true },
      { id: "forever", label: t("gallery.delete_forever"), icon: "trash-2", danger: true, onSelect: ask_delete },
    ];
  }
  return [
    { id: "open", label: t("gallery.open"), icon: "maximize", note: "↵", onSelect: open },
    { id: "star", label: t(image.starred ? "create.unstar" : "create.star"), icon: "star", note: "S", onSelect: () => void star_images([image.id], !image.starred) },
    { separator: true },
    { id: "recall", label: t("gallery.use_settings"), icon: "sliders-horizontal", onSelect: () => void with_record(image.id, (record) => { recall_request(record.request); go(); }) },
    { id: "init", label: t("gallery.to_init"), icon: "image", onSelect: () => { send_to_init(image); go(); } },
    { id: "vary", label: t("create.vary"), icon: "shapes", onSelect: () => void with_record(image.id, (record) => void vary(record)) },
    { id: "rerun", label: t("create.rerun"), icon: "refresh-cw", note: "R", onSelect: () => void rerun(image) },
    { id: "save", label: t("create.download"), icon: "download", onSelect: () => save_image(image) },
    { separator: true },
    { id: "trash", label: t("create.trash"), icon: "trash-2", note: "Del", danger: true, onSelect: () => void trash_images([image.id]) },
  ];
}
