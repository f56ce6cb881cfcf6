// SPDX-License-Identifier: Apache-2.0
// People inside a PNG file: the JSON of a pose in a text chunk, so that an exported map can be edited again.
import { crc32 } from "../stage/png.ts";

const KEYWORD = "openpose";
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const LARGEST = 16 * 1024 * 1024; // bytes of JSON

export function is_png(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

interface Chunk {
  type: string;
  begin: number; // of the whole chunk
  body: Uint8Array;
  end: number;
}

// The chunks of a file until it ends or makes no sense any more.
function* chunks(png: Uint8Array): Generator<Chunk> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = 8; at + 12 <= png.length; ) {
    const length = view.getUint32(at);
    if (length > png.length - at - 12) return;
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    yield { type, begin: at, body: png.subarray(at + 8, at + 8 + length), end: at + 12 + length };
    at += 12 + length;
  }
}

// The JSON text in a PNG that with_pose() wrote; null for any other file.
export function pose_text_of(png: Uint8Array): string | null {
  if (!is_png(png)) return null;
  for (const { type, body } of chunks(png)) {
    if (type !== "tEXt" || body.length > LARGEST) continue;
    const zero = body.indexOf(0);
    const text = new TextDecoder("latin1");
    if (zero > 0 && text.decode(body.subarray(0, zero)) === KEYWORD) return text.decode(body.subarray(zero + 1));
  }
  return null;
}

// The file with the text added before its pixels; the pixels stay as they are. JSON must be plain ASCII.
export function with_pose(png: Uint8Array, json: string): Uint8Array<ArrayBuffer> {
  if (!is_png(png)) throw new Error("the map is not a PNG file");
  let place = png.length;
  for (const chunk of chunks(png))
    if (chunk.type === "IDAT") {
      place = chunk.begin;
      break;
    }
  const body = new TextEncoder().encode(`tEXt${KEYWORD}\0${json}`);
  const chunk = new Uint8Array(body.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  const out = new Uint8Array(png.length + chunk.length);
  out.set(png.subarray(0, place));
  out.set(chunk, place);
  out.set(png.subarray(place), place + chunk.length);
  return out;
}
