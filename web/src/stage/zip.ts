// SPDX-License-Identifier: Apache-2.0
// Zip archives as far as OpenRaster needs them: written without packing, read with or without. No DOM.
import { crc32, through_stream } from "./png.ts";

/** An archive that cannot be read; the text is for people. */
export class ZipError extends Error {}

export interface ZipEntry {
  name: string;
  bytes: Uint8Array;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const MAX_ENTRIES = 4096;
const MAX_BYTES = 512 * 1024 * 1024;

/** Packs nothing: PNG files are packed already, and OpenRaster wants its first entry so. */
export function write_zip(entries: readonly ZipEntry[]): Uint8Array {
  const names = entries.map((entry) => new TextEncoder().encode(entry.name));
  const size = entries.reduce((sum, entry, i) => sum + 76 + 2 * names[i]!.length + entry.bytes.length, 22);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  const offsets: number[] = [];
  let at = 0;
  entries.forEach((entry, i) => {
    offsets.push(at);
    view.setUint32(at, LOCAL, true);
    at = write_fields(view, at + 4, entry.bytes, names[i]!.length);
    out.set(names[i]!, at);
    out.set(entry.bytes, at + names[i]!.length);
    at += names[i]!.length + entry.bytes.length;
  });
  const directory = at;
  entries.forEach((entry, i) => {
    view.setUint32(at, CENTRAL, true);
    view.setUint16(at + 4, 20, true);
    const end = write_fields(view, at + 6, entry.bytes, names[i]!.length);
    view.setUint32(end + 10, offsets[i]!, true);
    out.set(names[i]!, end + 14);
    at = end + 14 + names[i]!.length;
  });
  view.setUint32(at, END, true);
  view.setUint16(at + 8, entries.length, true);
  view.setUint16(at + 10, entries.length, true);
  view.setUint32(at + 12, at - directory, true);
  view.setUint32(at + 16, directory, true);
  return out;
}

/** The fields that both headers share, from "version needed" to "extra length"; returns the place behind them. */
function write_fields(view: DataView, at: number, bytes: Uint8Array, nameLength: number): number {
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, 0x0800, true); // names are UTF-8
  view.setUint16(at + 6, 0, true);
  view.setUint16(at + 8, 0x21, true); // 1 January 1980, so that equal drawings make equal files
  view.setUint32(at + 10, crc32(bytes), true);
  view.setUint32(at + 14, bytes.length, true);
  view.setUint32(at + 18, bytes.length, true);
  view.setUint16(at + 22, nameLength, true);
  return at + 26;
}

/** Reads all entries. Throws ZipError for what is cut short, damaged, encrypted or too large. */
export async function read_zip(bytes: Uint8Array): Promise<Map<string, Uint8Array>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) --end;
  if (end < 0) throw new ZipError("this is not a zip archive, or it is cut short");
  const count = view.getUint16(end + 10, true);
  if (count > MAX_ENTRIES) throw new ZipError(`the archive has ${count} entries, at most ${MAX_ENTRIES} are read`);
  const out = new Map<string, Uint8Array>();
  let at = view.getUint32(end + 16, true);
  let total = 0;
  for (let i = 0; i < count; ++i) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) throw new ZipError("the archive's list of files is damaged");
    const lengths = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + lengths[0]!));
    total += view.getUint32(at + 24, true);
    if (total > MAX_BYTES) throw new ZipError("the archive is too large when unpacked");
    if (!name.endsWith("/")) out.set(name, await read_entry(bytes, view, at, name));
    at += 46 + lengths[0]! + lengths[1]! + lengths[2]!;
  }
  return out;
}

async function read_entry(bytes: Uint8Array, view: DataView, central: number, name: string): Promise<Uint8Array> {
  const method = view.getUint16(central + 10, true);
  const [sum, packedSize, size] = [16, 20, 24].map((offset) => view.getUint32(central + offset, true)) as [number, number, number];
  const local = view.getUint32(central + 42, true);
  if (view.getUint16(central + 8, true) & 1) throw new ZipError(`${name} is encrypted`);
  if (local + 30 > bytes.length || view.getUint32(local, true) !== LOCAL) throw new ZipError(`the archive is damaged at ${name}`);
  const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (from + packedSize > bytes.length) throw new ZipError(`the archive ends inside ${name}`);
  const packed = bytes.subarray(from, from + packedSize);
  let plain: Uint8Array;
  try {
    if (method === 0) plain = packed.slice();
    else if (method === 8) plain = await through_stream(packed, new DecompressionStream("deflate-raw"), size);
    else throw new ZipError(`${name} is packed in a way that is not known here (${method})`);
  } catch (error) {
    throw error instanceof ZipError ? error : new ZipError(`${name} is damaged`);
  }
  if (plain.length !== size || crc32(plain) !== sum) throw new ZipError(`${name} is damaged (checksum)`);
  return plain;
}
