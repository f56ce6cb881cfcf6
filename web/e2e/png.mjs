// SPDX-License-Identifier: Apache-2.0
// PNG for the tests, apart from the page's own code: the raw samples of the 8-bit kinds, and a writer that puts texts in.
import assert from "node:assert/strict";
import { deflateSync, inflateSync } from "node:zlib";

const kSignature = Buffer.from("89504e470d0a1a0a", "hex");

function crc_of(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k += 1) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc_of(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

function* chunks_of(bytes) {
  assert.ok(bytes.subarray(0, 8).equals(kSignature), "no PNG");
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    yield { name: bytes.toString("latin1", at + 4, at + 8), data: bytes.subarray(at + 8, at + 8 + length) };
    at += length + 12;
  }
}

function unfiltered(raw, line, height, channels) {
  const samples = new Uint8Array(line * height);
  for (let y = 0; y < height; y += 1) {
    const kind = raw[y * (line + 1)];
    for (let x = 0; x < line; x += 1) {
      const left = x >= channels ? samples[y * line + x - channels] : 0;
      const up = y > 0 ? samples[(y - 1) * line + x] : 0;
      const corner = x >= channels && y > 0 ? samples[(y - 1) * line + x - channels] : 0;
      const nearest = [left, up, corner].reduce((best, one) => (Math.abs(left + up - corner - one) < Math.abs(left + up - corner - best) ? one : best));
      samples[y * line + x] = raw[y * (line + 1) + 1 + x] + [0, left, up, (left + up) >> 1, nearest][kind];
    }
  }
  return samples;
}

// {width, height, channels, samples, palette}: of an indexed PNG the samples are the indices and palette the colours in turn.
export function read_png(bytes) {
  const all = [...chunks_of(bytes)];
  const head = all.find(({ name }) => name === "IHDR").data;
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)];
  assert.deepEqual([head[8], head[12]], [8, 0], "8 bits and not interlaced");
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[head[9]];
  const raw = inflateSync(Buffer.concat(all.filter(({ name }) => name === "IDAT").map(({ data }) => data)));
  return {
    width, height, channels,
    samples: unfiltered(raw, width * channels, height, channels),
    palette: all.find(({ name }) => name === "PLTE")?.data ?? null,
  };
}

// Samples of 1 (grey) or 3 (RGB) channels; `texts` become tEXt chunks.
export function write_png({ width, height, channels, samples }, texts = {}) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, channels === 3 ? 2 : 0, 0, 0, 0], 8);
  const line = width * channels;
  const rows = Buffer.alloc(height * (line + 1));
  for (let y = 0; y < height; y += 1) rows.set(samples.subarray(y * line, (y + 1) * line), y * (line + 1) + 1);
  const words = Object.entries(texts).map(([name, text]) => chunk("tEXt", Buffer.from(`${name}\0${text}`, "latin1")));
  return Buffer.concat([kSignature, chunk("IHDR", head), ...words, chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

// How many samples have each value.
export function counts_of(samples) {
  const counts = new Map();
  for (const value of samples) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
