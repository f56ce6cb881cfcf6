// SPDX-License-Identifier: Apache-2.0
// Images of this session: the newest results, for the strip beside the stage and for "send to".
import { computed, signal } from "@preact/signals";
import type { StudioImage } from "../api/types.ts";

const kKept = 200;

export const sessionImages = signal<StudioImage[]>([]); // newest first
export const selectedImageId = signal<string | null>(null);
export const selectedImage = computed(() => sessionImages.value.find((image) => image.id === selectedImageId.value) ?? null);

// A new image goes to the front; a known one is replaced where it stands.
export function put_image(image: StudioImage): void {
  const at = sessionImages.value.findIndex((known) => known.id === image.id);
  if (at >= 0) {
    sessionImages.value = sessionImages.value.map((known, index) => (index === at ? image : known));
  } else {
    sessionImages.value = [image, ...sessionImages.value].sort((a, b) => b.created - a.created || b.index - a.index).slice(0, kKept);
  }
}

export function drop_image(id: string): void {
  sessionImages.value = sessionImages.value.filter((image) => image.id !== id);
  if (selectedImageId.value === id) selectedImageId.value = null;
}
