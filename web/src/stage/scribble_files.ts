// SPDX-License-Identifier: Apache-2.0
// Drawings out of files and into them.
import { t } from "../i18n/index.ts";
import { control_map, type Drawing } from "./drawing.ts";
import { file_bytes, has_suffix, is_svg, read_picture, save_file } from "./files.ts";
import { read_ora, write_ora } from "./ora.ts";
import { ink_of } from "./pixels.ts";
import { encodeGray } from "./png.ts";
import { fitted } from "./resample.ts";

/** Below this an edge that the browser smoothed counts as ground. */
const EDGE = 96;

/** Puts what a file holds onto new layers; returns how many. Throws with the reason. */
export async function import_into(drawing: Drawing, file: File): Promise<number> {
  const size = { width: drawing.width, height: drawing.height };
  if (has_suffix(file, ".ora")) {
    const ora = await read_ora(await file_bytes(file));
    if (!ora.layers.length) throw new Error(t("stage.import_empty"));
    let count = 0;
    for (const { plane, ...settings } of ora.layers) {
      const layer = { ...drawing.blank_layer(settings.name, fitted(plane, size, 0)), ...settings, plane: fitted(plane, size, 0) };
      if (drawing.add(t("stage.import"), layer)) ++count;
    }
    if (!count) throw new Error(t("stage.too_many_layers"));
    return count;
  }
  const ink = ink_of(await read_picture(file, size));
  // Lines of an SVG have no grey of their own; it comes from the browser's smoothing.
  if (is_svg(file)) for (let i = 0; i < ink.data.length; ++i) ink.data[i] = ink.data[i]! >= EDGE ? 255 : 0;
  if (!ink.data.some((value) => value > 0)) throw new Error(t("stage.import_empty"));
  const name = file.name.replace(/\.[^.]*$/, "").slice(0, 60);
  if (!drawing.add(t("stage.import"), drawing.blank_layer(name, fitted(ink, size, 0)))) throw new Error(t("stage.too_many_layers"));
  return 1;
}

export async function export_png(drawing: Drawing, name: string): Promise<void> {
  save_file(await encodeGray(control_map(drawing).data, drawing.width, drawing.height), `${name}.png`, "image/png");
}

export async function export_ora(drawing: Drawing, name: string): Promise<void> {
  const bytes = await write_ora(drawing, { paper: t("stage.paper"), layer: (n) => t("stage.layer_n", { n }), base: t("stage.base_map") });
  save_file(bytes, `${name}.ora`, "image/openraster");
}
