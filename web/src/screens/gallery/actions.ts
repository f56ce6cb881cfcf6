// SPDX-License-Identifier: Apache-2.0
// What is done with pictures of the gallery, one or many: at once on the page, then on the server, and back where that fails.
import { api } from "../../api/client.ts";
import { toast } from "../../design/toast.tsx";
import { t } from "../../i18n/index.ts";
import { error_text } from "../../state/errors.ts";
import { drop_image, put_image, sessionImages } from "../../state/gallery.ts";
import { feed, selection } from "./state.ts";
import { for_all, noSelection } from "./grid.ts";

type Failed = { item: string; error: unknown }[];

function tell_failed(failed: Failed, all: number): void {
  if (!failed.length) return;
  toast({ kind: "error", title: t("gallery.some_failed", { count: failed.length, all }), detail: error_text(failed[0]!.error) });
}

function session_star(ids: ReadonlySet<string>, starred: boolean): void {
  for (const image of sessionImages.value) if (ids.has(image.id)) put_image({ ...image, starred });
}

// A list of starred pictures keeps those whose star is taken away until it is opened again, so that a slip can be undone.
export async function star_images(ids: readonly string[], starred: boolean): Promise<void> {
  const set = new Set(ids);
  feed.value?.patch(set, { starred });
  session_star(set, starred);
  const failed = await for_all(ids, (id) => api.star_image(id, starred));
  const back = new Set(failed.map((one) => one.item));
  if (back.size) {
    feed.value?.patch(back, { starred: !starred });
    session_star(back, !starred);
  }
  tell_failed(failed, ids.length);
}

function take_away(ids: readonly string[]): void {
  for (const id of ids) {
    feed.value?.drop(id);
    drop_image(id);
  }
  selection.value = noSelection;
}

// Puts pictures back into the lists as the server has them now.
async function bring_back(ids: readonly string[]): Promise<void> {
  await for_all(ids, async (id) => {
    const image = await api.image(id);
    feed.value?.take(image, true);
    put_image(image);
  });
}

export async function trash_images(ids: readonly string[]): Promise<void> {
  take_away(ids);
  const failed = await for_all(ids, (id) => api.remove_image(id));
  const bad = new Set(failed.map((one) => one.item));
  await bring_back([...bad]);
  tell_failed(failed, ids.length);
  const gone = ids.filter((id) => !bad.has(id));
  if (!gone.length) return;
  toast({
    title: t("gallery.trashed", { count: gone.length }),
    action: { label: t("common.undo"), run: () => void undo_trash(gone) },
  });
}

async function undo_trash(ids: readonly string[]): Promise<void> {
  const failed = await for_all(ids, (id) => api.restore_image(id));
  await bring_back(ids);
  tell_failed(failed, ids.length);
}

export async function restore_images(ids: readonly string[]): Promise<void> {
  take_away(ids);
  const failed = await for_all(ids, (id) => api.restore_image(id));
  await bring_back(failed.map((one) => one.item));
  tell_failed(failed, ids.length);
  if (failed.length < ids.length) toast({ kind: "ok", title: t("gallery.restored", { count: ids.length - failed.length }) });
}

export async function delete_forever(ids: readonly string[]): Promise<void> {
  take_away(ids);
  const failed = await for_all(ids, (id) => api.remove_image(id, true));
  await bring_back(failed.map((one) => one.item));
  tell_failed(failed, ids.length);
  if (failed.length < ids.length) toast({ title: t("gallery.deleted", { count: ids.length - failed.length }) });
}

const kMostZipped = 1000; // in one archive, as the server makes them

// More than fit into one archive come as several.
export async function save_zip(ids: readonly string[]): Promise<void> {
  try {
    for (let from = 0; from < ids.length; from += kMostZipped) {
      const part = ids.slice(from, from + kMostZipped);
      const zip = await api.zip_images(part);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(zip);
      link.download = `zeroconv-${new Date().toISOString().slice(0, 10)}${ids.length > kMostZipped ? `-part${from / kMostZipped + 1}` : ""}.zip`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    }
  } catch (error) {
    toast({ kind: "error", title: t("gallery.zip_failed"), detail: error_text(error) });
  }
}

export function save_image(image: { url: string; seed: number; index: number }): void {
  const link = document.createElement("a");
  link.href = image.url;
  link.download = `${image.seed}_${image.index}.png`;
  link.click();
}
