// SPDX-License-Identifier: Apache-2.0
// Dragging images inside the page: what goes along, and how it is read.
import type { StudioImage } from "../api/types.ts";

export const kImageType = "application/x-zeroconv-image";

export type DraggedImage = Pick<StudioImage, "id" | "sha" | "width" | "height">;

export function drag_image(data: DataTransfer, image: DraggedImage): void {
  data.setData(kImageType, JSON.stringify({ id: image.id, sha: image.sha, width: image.width, height: image.height }));
  data.effectAllowed = "copy";
}

export function dropped_image(data: DataTransfer): DraggedImage | null {
  try {
    const image = JSON.parse(data.getData(kImageType)) as Partial<DraggedImage>;
    return typeof image.sha === "string" && typeof image.id === "string" ? (image as DraggedImage) : null;
  } catch {
    return null;
  }
}

// While it hovers its content cannot be read yet, only its kind.
export function drags_image(data: DataTransfer): boolean {
  return data.types.includes(kImageType);
}
