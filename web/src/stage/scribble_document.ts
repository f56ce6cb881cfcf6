// SPDX-License-Identifier: Apache-2.0
// A drawing as it is stored with its layer: exact PNG files and settings. No DOM.
import { type BaseMap, Drawing, type InkLayer, MAX_LAYERS } from "./drawing.ts";
import { bytes_of, cached_png } from "./documents.ts";
import { gray8_of } from "./pixels.ts";
import { decodePng, encodeGray } from "./png.ts";
import { byte_plane, type Plane } from "./raster.ts";
import { fitted } from "./resample.ts";
import type { Size } from "./view.ts";

interface StoredLayer {
  id: string;
  name: string;
  opacity: number;
  visible: boolean;
  locked: boolean;
  png: Uint8Array;
}

export interface ScribbleDocument {
  type: "drawing";
  version: 1;
  width: number;
  height: number;
  active: string;
  layers: StoredLayer[];
  base: { png: Uint8Array; erased: Uint8Array; visible: boolean; locked: boolean } | null;
  /** Maps that the editor made or took in, see KnownMaps. */
  known: string[];
}

const png_of = (plane: Plane<Uint8Array>) => cached_png(plane, (data) => encodeGray(data, plane.width, plane.height));

export async function store_drawing(drawing: Drawing, known: string[]): Promise<ScribbleDocument> {
  const layers: StoredLayer[] = [];
  for (const { plane, ...settings } of drawing.layers) layers.push({ ...settings, png: await png_of(plane) });
  const { base } = drawing;
  return {
    type: "drawing",
    version: 1,
    width: drawing.width,
    height: drawing.height,
    active: drawing.active.id,
    layers,
    base: base && { png: await png_of(base.plane), erased: await png_of(base.erased), visible: base.visible, locked: base.locked },
    known,
  };
}

export function is_scribble_document(value: unknown): value is ScribbleDocument {
  const document = value as Partial<ScribbleDocument> | null | undefined;
  return document?.type === "drawing" && document.version === 1 && Array.isArray(document.layers);
}

async function read_plane(value: unknown, size: Size): Promise<Plane<Uint8Array>> {
  const bytes = bytes_of(value);
  if (!bytes) return byte_plane(size.width, size.height);
  return fitted(gray8_of(await decodePng(bytes)), size, 0);
}

/** A stored drawing, fitted whole into the size if that has changed. Throws for damaged pictures. */
export async function load_drawing(document: ScribbleDocument, size: Size): Promise<Drawing> {
  const layers: InkLayer[] = [];
  for (const [i, stored] of document.layers.slice(0, MAX_LAYERS).entries())
    layers.push({
      id: String(stored.id || `ink-${i}`),
      name: String(stored.name ?? ""),
      opacity: Math.min(1, Math.max(0, Number(stored.opacity ?? 1))),
      visible: stored.visible !== false,
      locked: stored.locked === true,
      plane: await read_plane(stored.png, size),
    });
  let base: BaseMap | null = null;
  if (document.base)
    base = {
      plane: await read_plane(document.base.png, size),
      erased: await read_plane(document.base.erased, size),
      visible: document.base.visible !== false,
      locked: document.base.locked === true,
    };
  const drawing = new Drawing(size.width, size.height, layers, base);
  if (layers.some((layer) => layer.id === document.active)) drawing.select(document.active);
  return drawing;
}
