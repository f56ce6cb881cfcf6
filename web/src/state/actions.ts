// SPDX-License-Identifier: Apache-2.0
// What keys and buttons do with the stage and with results.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { StudioImage } from "../api/types.ts";
import { toast } from "../design/toast.tsx";
import { t } from "../i18n/index.ts";
import { error_text } from "./errors.ts";
import { drop_image, put_image, selectedImage, selectedImageId, sessionImages } from "./gallery.ts";
import { rerun } from "./recall.ts";
import { stageTab } from "./view.ts";

// The stage on the screen takes these; the counter makes two of the same kind two events.
export const stageCommand = signal<{ name: "fit" | "zoom_in" | "zoom_out"; count: number } | null>(null);

export function stage_action(id: string): boolean {
  if (id !== "fit" && id !== "zoom_in" && id !== "zoom_out") return false;
  stageCommand.value = { name: id, count: (stageCommand.peek()?.count ?? 0) + 1 };
  return true;
}

export async function star(image: StudioImage): Promise<void> {
  put_image({ ...image, starred: !image.starred });
  try {
    await api.star_image(image.id, !image.starred);
  } catch (error) {
    put_image(image);
    toast({ kind: "error", title: t("create.not_saved"), detail: error_text(error) });
  }
}

export async function trash(image: StudioImage): Promise<void> {
  const at = sessionImages.value.findIndex((other) => other.id === image.id);
  const next = sessionImages.value[at + 1] ?? sessionImages.value[at - 1];
  drop_image(image.id);
  selectedImageId.value = next?.id ?? null;
  try {
    await api.remove_image(image.id);
    toast({
      title: t("create.trashed"),
      action: {
        label: t("common.undo"),
        run: () => {
          void api.restore_image(image.id);
          put_image(image);
          selectedImageId.value = image.id;
        },
      },
    });
  } catch (error) {
    put_image(image);
    toast({ kind: "error", title: t("create.not_saved"), detail: error_text(error) });
  }
}

export function step_result(by: number): void {
  const all = sessionImages.value;
  if (!all.length) return;
  const at = all.findIndex((image) => image.id === selectedImageId.value);
  const to = at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by));
  selectedImageId.value = all[to]!.id;
  if (stageTab.value === "map") stageTab.value = "result";
}

export function result_action(id: string): boolean {
  if (id === "result_previous" || id === "result_next") {
    step_result(id === "result_previous" ? -1 : 1);
    return true;
  }
  const image = selectedImage.value;
  if (!image) return false;
  if (id === "star") void star(image);
  else if (id === "rerun") void rerun(image);
  else if (id === "trash") void trash(image);
  else return false;
  return true;
}
