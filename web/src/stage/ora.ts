// SPDX-License-Identifier: Apache-2.0
// Drawings as OpenRaster files (.ora), which Krita, GIMP and MyPaint read and write. No DOM.
import type { Drawing, InkLayer } from "./drawing.ts";
import { ink_of, is_dark_on_light, rgba_of } from "./pixels.ts";
import { decodePng, encodeRgba } from "./png.ts";
import { byte_plane, type Plane } from "./raster.ts";
import { scaled } from "./resample.ts";
import { read_zip, write_zip, ZipError, type ZipEntry } from "./zip.ts";

const MAX_LAYERS_READ = 256;

/** Ink as black with opacity, as it is shown. */
function black_ink(plane: Plane<Uint8Array>): Uint8Array {
  const data = new Uint8Array(plane.data.length * 4);
  for (let i = 0; i < plane.data.length; ++i) data[4 * i + 3] = plane.data[i]!;
  return data;
}

/** Ink on white paper. */
function on_paper(plane: Plane<Uint8Array>): Uint8Array {
  const data = new Uint8Array(plane.data.length * 4);
  for (let i = 0; i < plane.data.length; ++i) {
    data.fill(255 - plane.data[i]!, 4 * i, 4 * i + 3);
    data[4 * i + 3] = 255;
  }
  return data;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function stack_line(name: string, file: string, layer: Pick<InkLayer, "opacity" | "visible" | "locked">): string {
  const state = `opacity="${layer.opacity}" visibility="${layer.visible ? "visible" : "hidden"}"`;
  return `  <layer name="${escaped(name)}" src="${file}" ${state}${layer.locked ? ' edit-locked="true"' : ""} x="0" y="0" composite-op="svg:src-over"/>`;
}

/** The layers as an OpenRaster archive, with white paper below so that other programs show black on white. */
export async function write_ora(drawing: Drawing, names: { paper: string; layer: (n: number) => string; base: string }): Promise<Uint8Array> {
  const { width, height } = drawing;
  const png = (data: Uint8Array) => encodeRgba(data, width, height);
  const files: ZipEntry[] = [{ name: "mimetype", bytes: new TextEncoder().encode("image/openraster") }];
  const lines: string[] = [];
  for (const [i, layer] of [...drawing.layers].reverse().entries()) {
    const file = `data/layer${i}.png`;
    files.push({ name: file, bytes: await png(black_ink(layer.plane)) });
    lines.push(stack_line(layer.name || names.layer(drawing.layers.length - i), file, layer));
  }
  if (drawing.base) {
    const { plane, erased, visible, locked } = drawing.base;
    const rest = { width, height, data: plane.data.map((value, i) => Math.min(value, 255 - erased.data[i]!)) };
    files.push({ name: "data/base.png", bytes: await png(black_ink(rest)) });
    lines.push(stack_line(names.base, "data/base.png", { opacity: 1, visible, locked }));
  }
  files.push({ name: "data/paper.png", bytes: await png(on_paper(byte_plane(width, height))) });
  lines.push(stack_line(names.paper, "data/paper.png", { opacity: 1, visible: true, locked: true }));
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<image version="0.0.3" w="${width}" h="${height}">\n <stack>\n${lines.join("\n")}\n </stack>\n</image>\n`;
  files.push({ name: "stack.xml", bytes: new TextEncoder().encode(xml) });
  files.push({ name: "mergedimage.png", bytes: await png(on_paper(drawing.composed)) });
  const small = Math.min(1, 256 / Math.max(width, height));
  const thumb = scaled(drawing.composed, Math.max(1, Math.round(width * small)), Math.max(1, Math.round(height * small)));
  files.push({ name: "Thumbnails/thumbnail.png", bytes: await encodeRgba(on_paper(thumb), thumb.width, thumb.height) });
  return write_zip(files);
}

export interface OraLayer {
  name: string;
  opacity: number;
  visible: boolean;
  locked: boolean;
  plane: Plane<Uint8Array>;
}

export interface OraDrawing {
  width: number;
  height: number;
  /** From bottom to top; layers without any ink (paper) are left out. */
  layers: OraLayer[];
}

function unescaped(text: string): string {
  const known: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  return text.replace(/&(#x?)?([0-9a-zA-Z]+);/g, (all, number: string | undefined, name: string) => {
    if (!number) return known[name] ?? all;
    const code = parseInt(name, number === "#x" ? 16 : 10);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

function attributes(tag: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const match of tag.matchAll(/([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) out.set(match[1]!, unescaped(match[2] ?? match[3] ?? ""));
  return out;
}

/** The layers of stack.xml from top to bottom; opacity, offset and visibility of groups go down to their layers. */
function read_stack(xml: string): { size: Map<string, string>; layers: (Omit<OraLayer, "plane"> & { file: string; x: number; y: number })[] } {
  const image = /<image\b[^>]*>/.exec(xml);
  if (!image) throw new ZipError("stack.xml of the OpenRaster file has no image");
  const layers: (Omit<OraLayer, "plane"> & { file: string; x: number; y: number })[] = [];
  const groups = [{ opacity: 1, visible: true, x: 0, y: 0 }];
  for (const match of xml.matchAll(/<(\/?)(stack|layer)\b([^>]*?)(\/?)>/g)) {
    if (match[1]) {
      if (match[2] === "stack" && groups.length > 1) groups.pop();
      continue;
    }
    const values = attributes(match[3]!);
    const number = (name: string, fallback: number) => (Number.isFinite(Number(values.get(name) ?? NaN)) ? Number(values.get(name)) : fallback);
    const group = groups.at(-1)!;
    const state = {
      opacity: group.opacity * Math.min(1, Math.max(0, number("opacity", 1))),
      visible: group.visible && values.get("visibility") !== "hidden",
      x: group.x + Math.round(number("x", 0)),
      y: group.y + Math.round(number("y", 0)),
    };
    if (match[2] === "stack" && !match[4]) groups.push(state);
    if (match[2] === "layer" && values.get("src"))
      layers.push({ ...state, name: values.get("name") ?? "", locked: values.get("edit-locked") === "true", file: values.get("src")! });
    if (layers.length > MAX_LAYERS_READ) throw new ZipError(`the OpenRaster file has more than ${MAX_LAYERS_READ} layers`);
  }
  return { size: attributes(image[0]), layers };
}

/** Reads the layers of an OpenRaster file as ink: what is dark and opaque. */
export async function read_ora(bytes: Uint8Array): Promise<OraDrawing> {
  const files = await read_zip(bytes);
  const xml = files.get("stack.xml");
  if (!xml) throw new ZipError("the archive has no stack.xml, so it is not an OpenRaster file");
  const { size, layers } = read_stack(new TextDecoder().decode(xml));
  const [width, height] = [Math.round(Number(size.get("w"))), Math.round(Number(size.get("h")))];
  if (!(width > 0 && height > 0 && width <= 16384 && height <= 16384)) throw new ZipError("the OpenRaster file does not say how large it is");
  const out: OraLayer[] = [];
  for (const { file, x, y, ...layer } of layers.reverse()) {
    const png = files.get(file);
    if (!png) throw new ZipError(`the OpenRaster file lacks ${file}`);
    const picture = rgba_of(await decodePng(png));
    const opaque = !picture.data.some((value, i) => i % 4 === 3 && value < 255);
    // A sheet without holes shows on which ground it was drawn; otherwise what is dark is ink.
    const plane = placed(ink_of(picture, opaque ? is_dark_on_light(picture) : true), x, y, width, height);
    if (plane.data.some((value) => value > 0)) out.push({ ...layer, plane });
  }
  return { width, height, layers: out };
}

function placed(plane: Plane<Uint8Array>, x: number, y: number, width: number, height: number): Plane<Uint8Array> {
  const out = byte_plane(width, height);
  const [from, to] = [Math.max(0, -x), Math.min(plane.width, width - x)];
  if (to <= from) return out;
  for (let row = Math.max(0, -y); row < Math.min(plane.height, height - y); ++row)
    out.data.set(plane.data.subarray(row * plane.width + from, row * plane.width + to), (row + y) * width + x + from);
  return out;
}
