// SPDX-License-Identifier: Apache-2.0
// Exact PNG files out of arrays and back: condition maps never pass through a canvas, which may change their pixels.
// Canvases premultiply alpha, and browsers that resist fingerprinting add noise to what is read back from them.

/** A PNG that cannot be read; the text is for people. */
export class PngError extends Error {}

/** What decodePng returns: the samples as the file holds them, rows from top to bottom without padding. */
export interface Png {
  width: number;
  height: number;
  kind: "gray" | "gray-alpha" | "rgb" | "rgba" | "indexed";
  /** 16 where the file has 16 bits; fewer than 8 bits are widened to 8 (indices stay as they are). */
  bits: 8 | 16;
  /** width * height * channels samples. */
  data: Uint8Array | Uint16Array;
  /** RGB triples of an indexed file. */
  palette?: Uint8Array;
  /** Opacity of each palette entry, where the file has it. */
  paletteAlpha?: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const MAX_PIXELS = 64 * 1024 * 1024;

let crcTable: Uint32Array | null = null;

/** The checksum of PNG and zip, of one range of bytes. */
export function crc32(bytes: Uint8Array, from = 0, to = bytes.length): number {
  if (!crcTable) {
    crcTable = new Uint32Array(256);
    for (let n = 0; n < 256; ++n) {
      let c = n;
      for (let k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
      crcTable[n] = c >>> 0;
    }
  }
  let crc = 0xffffffff;
  for (let i = from; i < to; ++i) crc = crcTable[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Runs bytes through one of the browser's streams. At most `limit` bytes come out; more is an error. */
export async function through_stream(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = stream.writable.getWriter();
  // The reader below reports a failure; this side must not report it a second time.
  writer.write(bytes as Uint8Array<ArrayBuffer>).catch(() => {});
  writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > limit) {
      reader.cancel().catch(() => {});
      throw new PngError("the packed data is longer than the size of the picture says");
    }
    parts.push(value);
  }
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// --- writing ---

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(body.length + 12);
  const view = new DataView(out.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; ++i) out[4 + i] = type.charCodeAt(i);
  out.set(body, 8);
  view.setUint32(body.length + 8, crc32(out, 4, body.length + 8));
  return out;
}

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function check_size(length: number, width: number, height: number, channels: number): void {
  if (!(width > 0 && height > 0) || width * height > MAX_PIXELS)
    throw new PngError(`a picture of ${width} x ${height} pixels cannot be written`);
  if (length !== width * height * channels)
    throw new PngError(`${length} samples given, ${width} x ${height} x ${channels} wanted`);
}

/** The predictor that PNG calls Paeth. */
function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const a = Math.abs(estimate - left);
  const b = Math.abs(estimate - up);
  const c = Math.abs(estimate - corner);
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** The filters none (0), sub (1) and up (2); returns how much is left to pack. */
function filter_row(row: Uint8Array, above: Uint8Array, type: number, step: number, out: Uint8Array): number {
  let cost = 0;
  for (let i = 0; i < row.length; ++i) {
    const left = i >= step ? row[i - step]! : 0;
    const guess = type === 0 ? 0 : type === 1 ? left : above[i]!;
    const rest = (row[i]! - guess) & 255;
    out[i] = rest;
    cost += rest < 128 ? rest : 256 - rest;
  }
  return cost;
}

/** Lets the page draw and react while a large picture is packed. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

const BUSY_MS = 14;

/** Filters rows; `adaptive` picks for each row the filter with the smallest sum of differences. */
async function filtered(bytes: Uint8Array, rowBytes: number, step: number, adaptive: boolean): Promise<Uint8Array> {
  const height = bytes.length / rowBytes;
  const out = new Uint8Array(height * (rowBytes + 1));
  const none = new Uint8Array(rowBytes);
  const trial = new Uint8Array(rowBytes);
  let since = performance.now();
  for (let y = 0; y < height; ++y) {
    const row = bytes.subarray(y * rowBytes, (y + 1) * rowBytes);
    const target = out.subarray(y * (rowBytes + 1), (y + 1) * (rowBytes + 1));
    if (!adaptive) {
      target.set(row, 1);
      continue;
    }
    const above = y ? bytes.subarray((y - 1) * rowBytes, y * rowBytes) : none;
    let best = Infinity;
    for (const type of [0, 1, 2]) {
      const cost = filter_row(row, above, type, step, trial);
      if (cost >= best) continue;
      best = cost;
      target[0] = type;
      target.set(trial, 1);
    }
    if (y % 16 === 0 && performance.now() - since > BUSY_MS) {
      await breathe();
      since = performance.now();
    }
  }
  return out;
}

async function write(
  header: { width: number; height: number; bits: number; colour: number },
  rows: Uint8Array,
  extra: Uint8Array[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  const ihdr = new Uint8Array(13);
  const view = new DataView(ihdr.buffer);
  view.setUint32(0, header.width);
  view.setUint32(4, header.height);
  ihdr[8] = header.bits;
  ihdr[9] = header.colour;
  const packed = await through_stream(rows, new CompressionStream("deflate"), Infinity);
  return concat([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", ihdr),
    ...extra,
    chunk("IDAT", packed),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function big_endian(samples: Uint16Array): Uint8Array {
  const out = new Uint8Array(samples.length * 2);
  for (let i = 0; i < samples.length; ++i) {
    out[2 * i] = samples[i]! >> 8;
    out[2 * i + 1] = samples[i]! & 255;
  }
  return out;
}

/** The samples must not change before the promise is kept. One sample for each pixel, of 8 bits (Uint8Array) or 16 (Uint16Array). */
export async function encodeGray(
  data: Uint8Array | Uint16Array,
  width: number,
  height: number,
  bits: 8 | 16 = 8,
): Promise<Uint8Array<ArrayBuffer>> {
  check_size(data.length, width, height, 1);
  if ((bits === 16) !== data instanceof Uint16Array)
    throw new PngError(`${bits} bits wanted, but the samples are ${data.constructor.name}`);
  const bytes = data instanceof Uint16Array ? big_endian(data) : data;
  const step = bits / 8;
  return write({ width, height, bits, colour: 0 }, await filtered(bytes, width * step, step, true));
}

/** One index for each pixel; the palette has up to 256 RGB triples and must hold every index that occurs. */
export async function encodeIndexed(
  indices: Uint8Array,
  palette: readonly (readonly [number, number, number])[],
  width: number,
  height: number,
): Promise<Uint8Array<ArrayBuffer>> {
  check_size(indices.length, width, height, 1);
  if (palette.length < 1 || palette.length > 256)
    throw new PngError(`a palette of ${palette.length} colours, 1 to 256 are possible`);
  for (const index of indices)
    if (index >= palette.length)
      throw new PngError(`index ${index} is not in the palette of ${palette.length} colours`);
  const colours = chunk("PLTE", Uint8Array.from(palette.flat()));
  return write({ width, height, bits: 8, colour: 3 }, await filtered(indices, width, 1, false), [colours]);
}

/** Red, green and blue of each pixel, 8 bits. */
export async function encodeRgb(data: Uint8Array, width: number, height: number): Promise<Uint8Array<ArrayBuffer>> {
  check_size(data.length, width, height, 3);
  return write({ width, height, bits: 8, colour: 2 }, await filtered(data, width * 3, 3, true));
}

/** Red, green, blue and opacity (not premultiplied), 8 bits. */
export async function encodeRgba(data: Uint8Array, width: number, height: number): Promise<Uint8Array<ArrayBuffer>> {
  check_size(data.length, width, height, 4);
  return write({ width, height, bits: 8, colour: 6 }, await filtered(data, width * 4, 4, true));
}

// --- reading ---

interface Parts {
  width: number;
  height: number;
  bits: number;
  colour: number;
  interlaced: boolean;
  packed: Uint8Array;
  palette?: Uint8Array;
  paletteAlpha?: Uint8Array;
}

const KINDS: Record<number, Png["kind"]> = { 0: "gray", 2: "rgb", 3: "indexed", 4: "gray-alpha", 6: "rgba" };
const CHANNELS: Record<Png["kind"], number> = { gray: 1, "gray-alpha": 2, rgb: 3, rgba: 4, indexed: 1 };
const DEPTHS: Record<number, number[]> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };

function read_header(body: Uint8Array): Omit<Parts, "packed"> {
  if (body.length !== 13) throw new PngError("the PNG header has a wrong length");
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [bits, colour] = [body[8]!, body[9]!];
  if (width < 1 || height < 1) throw new PngError("the picture is empty");
  if (width * height > MAX_PIXELS)
    throw new PngError(`${width} x ${height} pixels are too many, at most 64 megapixels are read`);
  if (!DEPTHS[colour]?.includes(bits)) throw new PngError(`no PNG has colour type ${colour} with ${bits} bits`);
  if (body[10] || body[11] || body[12]! > 1) throw new PngError("an unknown kind of PNG packing");
  return { width, height, bits, colour, interlaced: body[12] === 1 };
}

function read_chunks(bytes: Uint8Array): Parts {
  if (bytes.length < 8 || SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw new PngError("this is not a PNG file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let header: Omit<Parts, "packed"> | null = null;
  const packed: Uint8Array[] = [];
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw new PngError("the PNG file is cut short");
    const length = view.getUint32(at);
    if (length > bytes.length - at - 12) throw new PngError("the PNG file is cut short");
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (view.getUint32(at + 8 + length) !== crc32(bytes, at + 4, at + 8 + length))
      throw new PngError(`the PNG file is damaged (checksum of ${type})`);
    at += length + 12;
    if (!header) {
      if (type !== "IHDR") throw new PngError("the PNG file has no header");
      header = read_header(body);
    } else if (type === "PLTE") {
      if (length % 3 || length > 768 || !length) throw new PngError("the palette has a wrong length");
      header.palette = body.slice();
    } else if (type === "tRNS" && header.colour === 3) {
      header.paletteAlpha = body.slice(0, 256);
    } else if (type === "IDAT") {
      packed.push(body);
    } else if (type === "IEND") {
      break;
    }
  }
  if (header.colour === 3 && !header.palette) throw new PngError("an indexed PNG without a palette");
  return { ...header, packed: concat(packed) };
}

/** Undoes the filters of one pass in place; returns the offset behind it. */
function unfilter(raw: Uint8Array, at: number, rowBytes: number, rows: number, step: number): number {
  for (let y = 0; y < rows; ++y) {
    const type = raw[at]!;
    const row = at + 1;
    const above = y ? row - rowBytes - 1 : -1;
    if (type > 4) throw new PngError(`unknown row filter ${type}`);
    for (let i = 0; type && i < rowBytes; ++i) {
      const left = i >= step ? raw[row + i - step]! : 0;
      const up = above >= 0 ? raw[above + i]! : 0;
      const corner = above >= 0 && i >= step ? raw[above + i - step]! : 0;
      const guess = type === 1 ? left : type === 2 ? up : type === 3 ? (left + up) >> 1 : paeth(left, up, corner);
      raw[row + i] = (raw[row + i]! + guess) & 255;
    }
    at = row + rowBytes;
  }
  return at;
}

interface Pass {
  x: number;
  y: number;
  stepX: number;
  stepY: number;
}

const WHOLE: Pass[] = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];
// The seven passes of Adam7.
const PASSES: Pass[] = [
  [0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2],
].map(([x, y, stepX, stepY]) => ({ x: x!, y: y!, stepX: stepX!, stepY: stepY! }));

function pass_size(parts: Parts, pass: Pass, channels: number): { columns: number; rows: number; rowBytes: number } {
  const columns = Math.ceil((parts.width - pass.x) / pass.stepX);
  const rows = Math.ceil((parts.height - pass.y) / pass.stepY);
  if (columns <= 0 || rows <= 0) return { columns: 0, rows: 0, rowBytes: 0 };
  return { columns, rows, rowBytes: Math.ceil((columns * channels * parts.bits) / 8) };
}

/** Sample `n` of an unfiltered row. */
function sample_at(raw: Uint8Array, row: number, n: number, bits: number): number {
  if (bits === 8) return raw[row + n]!;
  if (bits === 16) return (raw[row + 2 * n]! << 8) | raw[row + 2 * n + 1]!;
  const bit = n * bits;
  return (raw[row + (bit >> 3)]! >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
}

function unpack(parts: Parts, raw: Uint8Array, data: Uint8Array | Uint16Array, channels: number): void {
  const step = Math.max(1, (channels * parts.bits) >> 3);
  const widen = parts.colour !== 3 && parts.bits < 8 ? 255 / ((1 << parts.bits) - 1) : 1;
  let at = 0;
  for (const pass of parts.interlaced ? PASSES : WHOLE) {
    const { columns, rows, rowBytes } = pass_size(parts, pass, channels);
    if (!columns) continue;
    const end = unfilter(raw, at, rowBytes, rows, step);
    for (let y = 0; y < rows; ++y) {
      const row = at + y * (rowBytes + 1) + 1;
      for (let x = 0; x < columns; ++x) {
        const pixel = ((pass.y + y * pass.stepY) * parts.width + pass.x + x * pass.stepX) * channels;
        for (let c = 0; c < channels; ++c) data[pixel + c] = sample_at(raw, row, x * channels + c, parts.bits) * widen;
      }
    }
    at = end;
  }
}

/** Reads every kind of PNG without changing a sample. Throws PngError for what is damaged, cut short or too large. */
export async function decodePng(bytes: Uint8Array): Promise<Png> {
  const parts = read_chunks(bytes);
  const kind = KINDS[parts.colour]!;
  const channels = CHANNELS[kind];
  const expected = (parts.interlaced ? PASSES : WHOLE)
    .map((pass) => pass_size(parts, pass, channels))
    .reduce((sum, size) => sum + size.rows * (size.rowBytes + 1), 0);
  let raw: Uint8Array;
  try {
    raw = await through_stream(parts.packed, new DecompressionStream("deflate"), expected);
  } catch (error) {
    throw error instanceof PngError ? error : new PngError("the packed pixels are damaged");
  }
  if (raw.length !== expected) throw new PngError("the PNG file holds too few pixels");
  const samples = parts.width * parts.height * channels;
  const data = parts.bits === 16 ? new Uint16Array(samples) : new Uint8Array(samples);
  unpack(parts, raw, data, channels);
  const png: Png = { width: parts.width, height: parts.height, kind, bits: parts.bits === 16 ? 16 : 8, data };
  if (kind === "indexed") {
    png.palette = parts.palette;
    png.paletteAlpha = parts.paletteAlpha;
  }
  return png;
}
