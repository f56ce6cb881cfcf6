// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { crc32, decodePng, encodeGray, encodeIndexed, encodeRgb, encodeRgba, PngError } from "../src/stage/png.ts";
import { gray16_of, gray8_of, ink_of, is_dark_on_light, rgba_of } from "../src/stage/pixels.ts";

function noise(count: number, top: number, seed = 7): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return (state >> 8) % (top + 1);
  });
}

/** A PNG put together by hand, as other programs write it. */
function by_hand(width: number, height: number, bits: number, colour: number, rows: Uint8Array, extra: [string, Uint8Array][] = [], interlace = 0): Uint8Array {
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(width, 0);
  ihdr.writeUInt32BE(height, 4);
  ihdr.set([bits, colour, 0, 0, interlace], 8);
  const parts = [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])];
  for (const [type, body] of [["IHDR", ihdr], ...extra, ["IDAT", deflateSync(rows)], ["IEND", Buffer.alloc(0)]] as [string, Uint8Array][]) {
    const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from(type), body, Buffer.alloc(4)]);
    chunk.writeUInt32BE(body.length, 0);
    chunk.writeUInt32BE(crc32(chunk, 4, chunk.length - 4), chunk.length - 4);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

test("grey of 8 bits comes back as it went, at odd sizes too", async () => {
  for (const [width, height] of [[1, 1], [7, 3], [64, 65], [1, 300]] as const) {
    const data = Uint8Array.from(noise(width * height, 255));
    const png = await decodePng(await encodeGray(data, width, height));
    assert.deepEqual([png.width, png.height, png.kind, png.bits], [width, height, "gray", 8]);
    assert.deepEqual(png.data, data);
  }
});

test("grey of 16 bits keeps every bit", async () => {
  const data = Uint16Array.from(noise(33 * 9, 65535));
  const png = await decodePng(await encodeGray(data, 33, 9, 16));
  assert.equal(png.bits, 16);
  assert.deepEqual(png.data, data);
});

test("an indexed file keeps indices and palette, also of classes with one colour", async () => {
  const palette = Array.from({ length: 256 }, (_, i) => [i < 150 ? i : 0, 0, 0] as const);
  const indices = Uint8Array.from(noise(40 * 30, 255));
  const png = await decodePng(await encodeIndexed(indices, palette, 40, 30));
  assert.equal(png.kind, "indexed");
  assert.deepEqual(png.data, indices);
  assert.deepEqual([...png.palette!], palette.flat());
});

test("colours, with and without opacity, come back as they went", async () => {
  const rgb = Uint8Array.from(noise(11 * 5 * 3, 255));
  assert.deepEqual((await decodePng(await encodeRgb(rgb, 11, 5))).data, rgb);
  const rgba = Uint8Array.from(noise(11 * 5 * 4, 255));
  assert.deepEqual((await decodePng(await encodeRgba(rgba, 11, 5))).data, rgba);
});

test("a file of few grey levels is widened to 8 bits", async () => {
  // Two pixels of 4 bits in each byte; rows begin with their filter.
  const png = await decodePng(by_hand(3, 2, 4, 0, Uint8Array.from([0, 0x0f, 0x80, 0, 0x12, 0x30])));
  assert.deepEqual([...png.data], [0, 255, 136, 17, 34, 51]);
  const bits = await decodePng(by_hand(10, 1, 1, 0, Uint8Array.from([0, 0b10110000, 0b01000000])));
  assert.deepEqual([...bits.data], [255, 0, 255, 255, 0, 0, 0, 0, 0, 255]);
});

test("interlaced files are read", async () => {
  // 2 x 2 pixels: pass 1 holds (0,0), pass 6 (1,0), pass 7 the second row; the others are empty.
  const png = await decodePng(by_hand(2, 2, 8, 0, Uint8Array.from([0, 10, 0, 20, 0, 30, 40]), [], 1));
  assert.deepEqual([...png.data], [10, 20, 30, 40]);
});

test("all five row filters are undone", async () => {
  const rows = Uint8Array.from([0, 10, 20, 1, 10, 10, 2, 1, 1, 3, 5, 5, 4, 1, 1]);
  const png = await decodePng(by_hand(2, 5, 8, 0, rows));
  assert.deepEqual([...png.data], [10, 20, 10, 20, 11, 21, 10, 20, 11, 21]);
});

test("damage is named, whatever it is", async () => {
  const good = await encodeGray(Uint8Array.from(noise(100, 255)), 10, 10);
  const refuse = (bytes: Uint8Array, text: RegExp) => assert.rejects(decodePng(bytes), (error) => error instanceof PngError && text.test(error.message));
  await refuse(new Uint8Array(0), /not a PNG/);
  await refuse(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]), /not a PNG/);
  for (const cut of [9, 20, 40, good.length - 5]) await refuse(good.slice(0, cut), /cut short/);
  const damaged = good.slice();
  damaged[50]! ^= 1;
  await refuse(damaged, /damaged/);
  await refuse(by_hand(2, 2, 8, 0, Uint8Array.from([0, 1, 2])), /too few/);
  await refuse(by_hand(2, 2, 8, 0, new Uint8Array(4000)), /longer/);
  await refuse(by_hand(2, 1, 8, 0, Uint8Array.from([9, 1, 2])), /filter 9/);
  await refuse(by_hand(2, 1, 3, 0, Uint8Array.from([0, 1])), /colour type/);
  await refuse(by_hand(0, 1, 8, 0, Uint8Array.from([0])), /empty/);
  await refuse(by_hand(65535, 65535, 8, 0, Uint8Array.from([0])), /too many/);
  await refuse(by_hand(1, 1, 8, 3, Uint8Array.from([0, 0])), /without a palette/);
  await refuse(by_hand(1, 1, 8, 3, Uint8Array.from([0, 0]), [["PLTE", new Uint8Array(4)]]), /palette/);
});

test("what cannot be written is refused", async () => {
  await assert.rejects(encodeGray(new Uint8Array(5), 2, 2), /5 samples/);
  await assert.rejects(encodeGray(new Uint8Array(4), 2, 2, 16), /16 bits/);
  await assert.rejects(encodeIndexed(Uint8Array.from([3]), [[0, 0, 0]], 1, 1), /index 3/);
  await assert.rejects(encodeGray(new Uint8Array(0), 0, 0), /0 x 0/);
});

test("a decoded picture becomes RGBA, grey and ink", async () => {
  const png = await decodePng(await encodeIndexed(Uint8Array.from([1, 0]), [[9, 9, 9], [255, 0, 0]], 2, 1));
  assert.deepEqual([...rgba_of(png).data], [255, 0, 0, 255, 9, 9, 9, 255]);
  assert.deepEqual([...gray8_of(png).data], [76, 9]);
  assert.deepEqual([...gray16_of(png).data], [76 * 257, 9 * 257]);
  const paper = { width: 3, height: 1, data: Uint8Array.from([255, 255, 255, 255, 0, 0, 0, 255, 255, 255, 255, 255]) };
  assert.equal(is_dark_on_light(paper), true);
  assert.deepEqual([...ink_of(paper).data], [0, 255, 0]);
  const board = { width: 3, height: 1, data: Uint8Array.from([0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 255]) };
  assert.deepEqual([...ink_of(board).data], [0, 255, 0]);
  const glass = { width: 3, height: 1, data: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0]) };
  assert.deepEqual([...ink_of(glass).data], [0, 255, 0]);
});
