// SPDX-License-Identifier: Apache-2.0
// Files that people bring along and take away.
import { decodePng } from "./png.ts";
import { type Rgba, rgba_of } from "./pixels.ts";
import { contain } from "./resample.ts";
import type { Size } from "./view.ts";

const MAX_SIDE = 8192;

/** Asks for a file; null when none was chosen. */
export function pick_file(accept: string): Promise<File | null> {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = accept;
    input.addEventListener("change", () => resolve(input.files?.[0] ?? null));
    input.addEventListener("cancel", () => resolve(null));
    input.click();
  });
}

export function save_file(bytes: Uint8Array, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export async function file_bytes(file: File): Promise<Uint8Array> {
  return new Uint8Array(await file.arrayBuffer());
}

export function has_suffix(file: File, ...suffixes: string[]): boolean {
  return suffixes.some((suffix) => file.name.toLowerCase().endsWith(suffix));
}

function pixels_of(source: CanvasImageSource, width: number, height: number, at = { x: 0, y: 0, width, height }): Rgba {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  context.drawImage(source, at.x, at.y, at.width, at.height);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

/** An SVG file drawn by the browser, as large as the drawing allows. Scripts in it do not run, since it is shown as a picture. */
async function read_svg(file: File, size: Size): Promise<Rgba> {
  const url = URL.createObjectURL(new Blob([await file.arrayBuffer()], { type: "image/svg+xml" }));
  try {
    const picture = new Image();
    picture.src = url;
    await picture.decode();
    const natural = { width: picture.naturalWidth || size.width, height: picture.naturalHeight || size.height };
    return pixels_of(picture, size.width, size.height, contain(natural, size));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Any picture as RGBA. PNG files are read exactly; other kinds by the browser, since they are not exact anyway. */
export async function read_picture(file: File, size: Size): Promise<Rgba> {
  if (file.type === "image/svg+xml" || has_suffix(file, ".svg")) return read_svg(file, size);
  if (file.type === "image/png" || has_suffix(file, ".png")) return rgba_of(await decodePng(await file_bytes(file)));
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  return pixels_of(bitmap, width, height);
}

export function is_svg(file: File): boolean {
  return file.type === "image/svg+xml" || has_suffix(file, ".svg");
}

/** The photograph at the size of the drawing, for previews only; null when it cannot be read. */
export async function photo_pixels(url: string, size: Size): Promise<Rgba | null> {
  try {
    const picture = new Image();
    picture.src = url;
    await picture.decode();
    return pixels_of(picture, size.width, size.height);
  } catch {
    return null;
  }
}
