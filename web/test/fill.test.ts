// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { flood, flood_closing_gaps } from "../src/stage/fill.ts";

/** Rows of text: # is a border. */
function open_of(rows: string[]): { open: Uint8Array; width: number; height: number } {
  const width = rows[0]!.length;
  return { open: Uint8Array.from(rows.join(""), (c) => (c === "#" ? 0 : 1)), width, height: rows.length };
}

function box(side: number, from: number, to: number, gap: number): { open: Uint8Array; width: number; height: number } {
  const open = new Uint8Array(side * side).fill(1);
  for (let i = from; i <= to; ++i) open[from * side + i] = open[to * side + i] = open[i * side + from] = open[i * side + to] = 0;
  const middle = Math.floor((from + to - gap) / 2) + 1;
  for (let k = 0; k < gap; ++k) open[from * side + middle + k] = 1;
  return { open, width: side, height: side };
}

const sum = (area: Uint8Array) => area.reduce((a, b) => a + b, 0);

test("the bucket fills an area and stops at its border, in every corner", () => {
  const { open, width, height } = open_of(["....#...", ".##.#.#.", ".#..#.#.", ".#.##.#.", ".#....#.", ".######.", "........"]);
  const area = flood(open, width, height, 0);
  assert.equal(sum(area), open.filter((v, i) => v && area[i]).length);
  // The spiral hangs together with the outside.
  assert.equal(sum(area), sum(open));
  const shut = open_of(["#####", "#...#", "#.#.#", "#...#", "#####"]);
  assert.equal(sum(flood(shut.open, 5, 5, 6)), 8);
  assert.equal(sum(flood(shut.open, 5, 5, 0)), 0);
});

test("corners do not let the fill through", () => {
  const { open, width, height } = open_of(["..#.", ".#..", "#...", "...."]);
  assert.equal(sum(flood(open, width, height, 0)), 3);
});

test("a gap in the border lets the plain bucket out, and not the one that closes gaps", () => {
  const { open, width, height } = box(60, 10, 49, 5);
  const start = 30 * width + 30;
  assert.equal(sum(flood(open, width, height, start)), sum(open));
  const area = flood_closing_gaps(open, width, height, start, 6);
  const inside = 38 * 38;
  assert.ok(Math.abs(sum(area) - inside) <= 8, `${sum(area)} of ${inside}`);
  // The corners inside are filled, and nothing outside is.
  for (const [x, y] of [[11, 11], [48, 11], [11, 48], [48, 48]] as const) assert.equal(area[y * width + x], 1);
  for (const [x, y] of [[5, 5], [30, 7], [55, 30]] as const) assert.equal(area[y * width + x], 0);
});

test("closing gaps works from outside, too, and beside a border", () => {
  const { open, width, height } = box(60, 10, 49, 5);
  const outside = flood_closing_gaps(open, width, height, 0, 6);
  assert.ok(Math.abs(sum(outside) - (3600 - 40 * 40)) <= 8);
  const beside = flood_closing_gaps(open, width, height, 11 * width + 11, 6);
  assert.ok(Math.abs(sum(beside) - 38 * 38) <= 8);
});

test("an area smaller than the gaps is still filled", () => {
  const { open, width, height } = open_of(["######", "#..#.#", "#..#.#", "######"]);
  assert.equal(sum(flood_closing_gaps(open, width, height, 7, 8)), 4);
});

test("a fill of four megapixels takes no recursion", () => {
  const open = new Uint8Array(2048 * 2048).fill(1);
  for (let y = 0; y < 2047; y += 2) open.fill(0, y * 2048 + (y % 4 ? 0 : 1), (y + 1) * 2048 - (y % 4 ? 1 : 0));
  const area = flood(open, 2048, 2048, 2048);
  assert.ok(sum(area) > 1_000_000);
});
