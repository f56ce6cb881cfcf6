// SPDX-License-Identifier: Apache-2.0
// Drawings on their way into the recipe.
import assert from "node:assert/strict";
import { test } from "node:test";
import { all_saved, Outbox, unsaved } from "../src/state/unsaved.ts";

// Stores slowly: each call waits until it is let go.
function slow_store() {
  const calls: { done: () => void; fail: (error: Error) => void }[] = [];
  return { calls, store: () => new Promise<void>((done, fail) => calls.push({ done, fail })) };
}

// What was promised and is settled by now has gone on.
const settled = () => new Promise((go_on) => setImmediate(go_on));

test("a change is unsaved until it is stored, and is stored by itself", async () => {
  const { calls, store } = slow_store();
  const outbox = new Outbox("layer", store);
  assert.equal(unsaved.value.has("layer"), false);
  outbox.changed();
  outbox.changed();
  assert.equal(unsaved.value.has("layer"), true);
  await new Promise((go_on) => setTimeout(go_on, 250));
  assert.equal(calls.length, 1, "two changes are stored once");
  calls[0]!.done();
  await settled();
  assert.equal(unsaved.value.has("layer"), false);
});

test("who waits for all drawings waits for what changed while an older one was being stored", async () => {
  const { calls, store } = slow_store();
  const outbox = new Outbox("layer", store);
  outbox.changed();
  void outbox.flush();
  await settled();
  outbox.changed();
  let saved = false;
  const all = all_saved().then(() => (saved = true));
  await settled();
  assert.equal(calls.length, 1, "one at a time");
  calls[0]!.done();
  await settled();
  assert.deepEqual([calls.length, saved, unsaved.value.has("layer")], [2, false, true]);
  calls[1]!.done();
  await all;
  assert.equal(unsaved.value.size, 0);
});

test("what could not be stored waits on, and is stored when it is asked for again", async () => {
  const { calls, store } = slow_store();
  const outbox = new Outbox("layer", store);
  outbox.changed();
  const first = assert.rejects(all_saved(), /no network/);
  await settled();
  calls[0]!.fail(new Error("no network"));
  await first;
  assert.equal(unsaved.value.has("layer"), true);
  const second = all_saved();
  await settled();
  calls[1]!.done();
  await second;
  assert.equal(unsaved.value.size, 0);
});

test("a later editor of the same drawing takes the place of one that could not store it", async () => {
  const [old, now] = [slow_store(), slow_store()];
  const before = new Outbox("layer", old.store);
  before.changed();
  const lost = assert.rejects(before.flush());
  await settled();
  old.calls[0]!.fail(new Error("no network"));
  await lost;
  new Outbox("layer", now.store).changed();
  const all = all_saved();
  await settled();
  now.calls[0]!.done();
  await all;
  assert.deepEqual([old.calls.length, now.calls.length, unsaved.value.size], [1, 1, 0]);
});
