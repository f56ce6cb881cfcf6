// SPDX-License-Identifier: Apache-2.0
// The gallery: filters, the list that is fetched page by page, the grid, and what is chosen in it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageFilter, ImagePage, StudioImage } from "../src/api/types.ts";
import { Feed } from "../src/screens/gallery/feed.ts";
import { day_of, emptyFilter, fits, is_narrowed, query_of, time_range } from "../src/screens/gallery/filter.ts";
import { extended, for_all, grid_of, index_after_key, noSelection, remaining, toggled } from "../src/screens/gallery/grid.ts";

function picture(at: number, values: Partial<StudioImage> = {}): StudioImage {
  return {
    id: `i${String(at).padStart(6, "0")}`, job: "j", sha: "s", width: 512, height: 512, created: 1e12 - at * 1000, starred: false, trashed: false, seed: at, prompt: `a lake, number ${at}`,
    negative: "", model: "builtin", kinds: ["canny"], index: 0, request: {}, maps: [], receipts: [], infotext: "", url: "/u", thumb: "/t", ...values,
  };
}

// A server with so many pictures, keyset paging, and a note of what it was asked.
function server(count: number) {
  const asked: ImageFilter[] = [];
  const fetch = async (query: ImageFilter): Promise<ImagePage> => {
    asked.push(query);
    const from = Number(query.cursor ?? 0);
    const images = Array.from({ length: Math.min(query.limit!, count - from) }, (_, k) => picture(from + k));
    const next = from + images.length;
    return { images, next: next < count ? String(next) : null, total: count };
  };
  return { asked, fetch };
}
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test("the list fetches no more than what is looked at, and a little ahead", async () => {
  const { asked, fetch } = server(100_000);
  const feed = new Feed({}, fetch);
  feed.want(0);
  await settle();
  assert.equal(feed.images.value.length, 60);
  assert.equal(feed.total.value, 100_000);
  feed.want(30);
  await settle();
  assert.equal(asked.length, 1);
});

test("a jump far down fetches large pages until it is there", async () => {
  const { asked, fetch } = server(100_000);
  const feed = new Feed({}, fetch);
  feed.want(0);
  await settle();
  feed.want(9_000);
  while (feed.loading.value) await settle();
  assert.ok(feed.images.value.length > 9_000);
  assert.ok(asked.length <= 11, `${asked.length} requests`);
  assert.equal(asked.at(-1)!.cursor !== undefined, true);
});

test("who scrolls back does not wait for what is no longer wanted", async () => {
  const { asked, fetch } = server(100_000);
  const feed = new Feed({}, fetch);
  feed.want(50_000);
  feed.want(10);
  while (feed.loading.value) await settle();
  assert.ok(asked.length <= 2);
});

test("a page that overlaps brings no picture twice", async () => {
  const feed = new Feed({}, async (query) => ({ images: query.cursor ? [picture(1), picture(2)] : [picture(0), picture(1)], next: query.cursor ? null : "x", total: 3 }));
  feed.want(2);
  while (feed.loading.value) await settle();
  assert.deepEqual(feed.images.value.map((image) => image.seed), [0, 1, 2]);
  assert.equal(feed.complete, true);
});

test("a page that fails is told, and fetched again on demand", async () => {
  let fails = true;
  const feed = new Feed({}, async () => {
    if (fails) throw new Error("gone");
    return { images: [picture(0)], next: null, total: 1 };
  });
  feed.want(0);
  await settle();
  assert.match(String(feed.error.value), /gone/);
  fails = false;
  feed.retry();
  await settle();
  assert.equal(feed.images.value.length, 1);
  assert.equal(feed.error.value, null);
});

test("a new picture waits while somebody is further down, and goes in at the top", async () => {
  const { fetch } = server(5);
  const feed = new Feed({}, fetch);
  feed.want(0);
  await settle();
  feed.take(picture(-1), false);
  assert.equal(feed.images.value.length, 5);
  assert.equal(feed.waiting.value.length, 1);
  feed.flush();
  assert.equal(feed.images.value[0]!.seed, -1);
  assert.equal(feed.total.value, 6);
  feed.take(picture(-2), true);
  assert.equal(feed.images.value[0]!.seed, -2);
});

test("a picture that comes back stands where it stood", async () => {
  const { fetch } = server(5);
  const feed = new Feed({}, fetch);
  feed.want(0);
  await settle();
  feed.drop("i000002");
  assert.equal(feed.total.value, 4);
  feed.take(picture(2), true);
  assert.deepEqual(feed.images.value.map((image) => image.seed), [0, 1, 2, 3, 4]);
});

test("a picture that no longer fits the filter leaves the list", async () => {
  const { fetch } = server(3);
  const feed = new Feed({ starred: true }, fetch);
  feed.want(0);
  await settle();
  feed.take(picture(1, { starred: false }), true);
  assert.equal(feed.images.value.length, 2);
  feed.take(picture(-1, { starred: false }), true);
  assert.equal(feed.images.value.length, 2);
});

test("all() brings every page", async () => {
  const { fetch } = server(2_345);
  const feed = new Feed({}, fetch);
  assert.equal((await feed.all()).length, 2_345);
});

test("filters become the query of the server, and nothing where nothing is set", () => {
  assert.deepEqual(query_of(emptyFilter, 0), {});
  assert.deepEqual(query_of({ ...emptyFilter, text: " lake ", kind: "canny", shelf: "starred" }, 0), { q: "lake", kind: "canny", starred: true });
  assert.deepEqual(query_of({ ...emptyFilter, shelf: "trash" }, 0), { trashed: true });
  assert.equal(is_narrowed({ ...emptyFilter, shelf: "trash" }), false);
  assert.equal(is_narrowed({ ...emptyFilter, model: "x" }), true);
});

test("a range of days holds its last day to the last millisecond, whatever the clock does", () => {
  const { from_ms, to_ms } = time_range({ when: "range", from: "2026-03-29", to: "2026-03-29" }, 0);
  assert.equal(from_ms, new Date(2026, 2, 29).getTime());
  assert.equal(to_ms, new Date(2026, 2, 30).getTime() - 1);
  assert.deepEqual(time_range({ when: "range", from: "", to: "x" }, 0), {});
  assert.equal(day_of("26.11.2026"), null);
  const week = time_range({ when: "week", from: "", to: "" }, new Date(2026, 10, 26, 15).getTime());
  assert.equal(week.from_ms, new Date(2026, 10, 20).getTime());
});

test("words of a search are beginnings of words, without case and accents; Chinese is found anywhere", () => {
  const image = picture(0, { prompt: "A Café by the sea, 雪山下的湖" });
  for (const q of ["caf", "CAFE", "sea by", "雪山", "的湖"]) assert.ok(fits(image, { q }), q);
  for (const q of ["afé", "lake", "雪湖"]) assert.ok(!fits(image, { q }), q);
  assert.ok(!fits(image, { kind: "depth" }));
  assert.ok(!fits(image, { trashed: true }));
  assert.ok(!fits(image, { to_ms: image.created - 1 }));
});

test("tiles fill the line with about the wanted size", () => {
  const grid = grid_of(1000, 190, 10);
  assert.equal(grid.columns, 5);
  assert.equal(grid.columns * grid.cell + (grid.columns - 1) * grid.gap, 1000);
  assert.equal(grid_of(100, 190, 10).columns, 2);
});

test("arrows stay in the grid and reach the end of a shorter last line", () => {
  const go = (index: number, key: string) => index_after_key(index, key, 4, 2, 10);
  assert.equal(go(0, "ArrowLeft"), 0);
  assert.equal(go(3, "ArrowRight"), 4);
  assert.equal(go(1, "ArrowUp"), 1);
  assert.equal(go(7, "ArrowDown"), 9);
  assert.equal(go(9, "ArrowDown"), 9);
  assert.equal(go(0, "PageDown"), 8);
  assert.equal(go(5, "End"), 9);
  assert.equal(go(5, "x"), null);
  assert.equal(index_after_key(0, "ArrowRight", 4, 2, 0), null);
});

test("a range is chosen from where the choice began, and keeps what was chosen before", () => {
  const list = ["a", "b", "c", "d", "e"].map((id) => ({ id }));
  let now = toggled(noSelection, "e");
  now = toggled(now, "b");
  now = extended(now, "d", list);
  assert.deepEqual([...now.ids].sort(), ["b", "c", "d", "e"]);
  assert.equal(now.anchor, "b");
  now = remaining(now, list.slice(2));
  assert.deepEqual([...now.ids].sort(), ["c", "d", "e"]);
  assert.equal(now.anchor, null);
});

test("work on many goes on when one fails, and says which", async () => {
  const done: number[] = [];
  const failed = await for_all([1, 2, 3, 4], async (n) => {
    if (n === 2) throw new Error("no");
    done.push(n);
  }, 2);
  assert.deepEqual(done.sort(), [1, 3, 4]);
  assert.deepEqual(failed.map((one) => one.item), [2]);
});
