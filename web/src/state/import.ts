// SPDX-License-Identifier: Apache-2.0
// Files that come in: pictures and OpenPose JSON become assets; a picture may carry the parameters of the tool that made it.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { AssetInfo, ReadResult } from "../api/types.ts";
import { toast } from "../design/toast.tsx";
import { t } from "../i18n/index.ts";
import { error_text } from "./errors.ts";

export interface Incoming {
  asset: AssetInfo;
  name: string;
  pose: boolean; // people as JSON rather than a picture
  read: ReadResult | null; // parameters, where there are some
}

// What was dropped on the page as a whole and waits for a decision.
export const incoming = signal<Incoming[]>([]);

// The file as an asset; null (and a message) where the server does not take it.
export async function upload(file: File | Blob, name = file instanceof File ? file.name : ""): Promise<AssetInfo | null> {
  try {
    return await api.put_asset(file, file.type || (name.endsWith(".json") ? "application/json" : "application/octet-stream"));
  } catch (error) {
    toast({ kind: "error", title: t("create.not_read", { name: name || t("create.picture") }), detail: error_text(error) });
    return null;
  }
}

export function is_pose_file(file: { name: string; type: string }): boolean {
  return file.type === "application/json" || file.name.toLowerCase().endsWith(".json");
}

export async function take_files(files: File[]): Promise<void> {
  for (const file of files.slice(0, 8)) {
    const asset = await upload(file);
    if (!asset) continue;
    const pose = is_pose_file(file);
    const read = pose ? null : await api.read_image(asset.sha).catch(() => null);
    incoming.value = [...incoming.value, { asset, name: file.name, pose, read: read && read.source !== "none" ? read : null }];
  }
}

export function done_with(asset: string): void {
  incoming.value = incoming.value.filter((one) => one.asset.sha !== asset);
}
