// SPDX-License-Identifier: Apache-2.0
// People out of files and into files. Photographs go to the server, which finds the people; JSON and our own PNG do not.
import { api } from "../api/client.ts";
import type { OpenPoseJson, Sha } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import type { ControlLayer } from "../state/layers.ts";
import { from_openpose, from_openpose_text, PoseFileError, to_openpose } from "./openpose.ts";
import { is_png, pose_text_of, with_pose } from "./png_pose.ts";
import type { PoseDocument } from "./skeleton.ts";
import { to_svg } from "./svg_export.ts";

// What the editor asks of the server; a frame may bring its own.
export interface PoseServices {
  // The people in a photograph: a file, or an asset.
  detect(photo: Blob | Sha, canvas: { width: number; height: number }): Promise<OpenPoseJson>;
  // The finished map as PNG.
  render(pose: OpenPoseJson): Promise<Uint8Array>;
}

export function server_services({ kind, annotator = "openpose", parameters, resize }: ControlLayer): PoseServices {
  return {
    async detect(photo, canvas) {
      const asset = typeof photo === "string" ? photo : (await api.put_asset(photo)).sha;
      const result = await api.annotate({ asset, kind, annotator, parameters, ...canvas, resize, slot: "pose-import" });
      return result.pose ? api.asset_pose(result.pose) : { people: [], canvas_width: canvas.width, canvas_height: canvas.height };
    },
    async render(pose) {
      const { asset } = await api.render_pose(pose, pose.canvas_width, pose.canvas_height);
      return api.asset_bytes(asset);
    },
  };
}

// Words for what went wrong, whoever noticed it.
export function words_of(error: unknown): string {
  if (error instanceof PoseFileError) return t(error.key, error.values);
  const detail = (error as { detail?: unknown }).detail;
  if (typeof detail === "string" && detail) return detail;
  return error instanceof Error && error.message ? error.message : String(error);
}

const MOST_BYTES = 64 * 1024 * 1024;

// Throws PoseFileError, or what the server says.
export async function people_of_file(
  file: Blob & { name?: string }, canvas: { width: number; height: number }, services: PoseServices,
): Promise<PoseDocument> {
  if (file.size > MOST_BYTES) throw new PoseFileError("pose.error_large", { most: MOST_BYTES / 1024 / 1024 });
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (is_png(bytes)) {
    const text = pose_text_of(bytes);
    if (text !== null) return from_openpose_text(text, canvas);
  }
  const json = file.type === "application/json" || /\.json$/i.test(file.name ?? "");
  if (json) return from_openpose_text(new TextDecoder().decode(bytes), canvas);
  if (!file.type.startsWith("image/")) throw new PoseFileError("pose.error_kind", { name: file.name ?? "" });
  return from_openpose(await services.detect(file, canvas), canvas);
}

export type ExportKind = "json" | "png" | "svg";

export async function exported(document: PoseDocument, kind: ExportKind, services: PoseServices): Promise<Blob> {
  const pose = to_openpose(document);
  if (kind === "svg") return new Blob([to_svg(document)], { type: "image/svg+xml" });
  const json = JSON.stringify(pose);
  if (kind === "json") return new Blob([json], { type: "application/json" });
  return new Blob([with_pose(await services.render(pose), json)], { type: "image/png" });
}

export function save_file(blob: Blob, name: string): void {
  const link = globalThis.document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
