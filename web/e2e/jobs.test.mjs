// SPDX-License-Identifier: Apache-2.0
// What happens while a picture is being made: cancel, reload, a second tab, live mode; and afterwards, made again exactly.
import assert from "node:assert/strict";
import { kPatienceMs, open_page, studio_test } from "./harness.mjs";
import { add_layer, choose_file, generate, map_of_open_layer, set_number, set_recipe, start_job, toast_with, write_prompt } from "./page.mjs";
import { a1111_picture } from "./inputs.mjs";

// Long enough to be looked at, and ended by each test itself.
// Longer than a page on a busy machine takes for anything.
const long = { prompt: "a red house on the grass, morning", steps: 150, seed: 5, count: 4 };

async function running(page, api, job) {
  await api.until("the first steps", async () => ((await api.get(`/jobs/${job.id}`)).progress?.done ?? 0) > 1);
  await page.getByRole("progressbar", { name: "Progress" }).first().waitFor();
}

studio_test("cancel: a running job ends at once, and the next one is made", async ({ page, api }) => {
  await set_recipe(page, long);
  const job = await start_job(page);
  await running(page, api, job);
  await page.locator(".generate-bar-cancel").click();
  const ended = await api.ended(job.id);
  assert.equal(ended.state, "cancelled");
  await page.locator(".generate-bar-cancel").waitFor({ state: "detached" });
  await set_number(page, "Steps", 4);
  await generate(page, api);
});

studio_test("reload: the recipe is still there, the job goes on, and its picture comes", async ({ page, api }) => {
  await set_recipe(page, { ...long, prompt: "a yellow house at night" });
  const job = await start_job(page);
  await running(page, api, job);
  await page.reload();
  await page.waitForSelector(".topbar-dot-ok");
  assert.equal(await page.inputValue("[data-field=prompt]"), "a yellow house at night");
  assert.equal(await page.getByRole("spinbutton", { name: "Steps" }).inputValue(), "150");
  await page.locator(".session-tile-job").first().waitFor();
  const ended = await api.ended(job.id);
  assert.equal(ended.state, "done");
  assert.equal(ended.attempt, 1, "it was not begun again");
  await page.locator(`.session-tile img[src="${ended.images[0].thumb}"]`).waitFor();
});

studio_test("previews: the picture is seen while it is made", async ({ page, api }) => {
  await set_recipe(page, long);
  const job = await start_job(page);
  const preview = page.locator("img.cs-preview");
  await preview.waitFor({ timeout: kPatienceMs });
  const first = await preview.getAttribute("src");
  await page.waitForFunction((src) => document.querySelector("img.cs-preview")?.src !== src && document.querySelector("img.cs-preview")?.naturalWidth > 0, first);
  await page.keyboard.press("Control+.");
  assert.equal((await api.ended(job.id)).state, "cancelled");
});

studio_test("two tabs: both see a job, and each keeps a recipe of its own", async ({ page, context, api }) => {
  await set_recipe(page, { ...long, prompt: "the first tab", count: undefined });
  const other = await open_page(context);
  await set_recipe(other, { ...long, prompt: "the second tab", count: undefined });
  const job = await start_job(page);
  await other.locator(".session-tile-job").first().waitFor();
  assert.equal(await other.locator(".cs-progress").count(), 0, "the other tab's stage stays as it is");
  await other.locator(".session-tile-job .session-tile-cancel").first().click();
  assert.equal((await api.ended(job.id)).state, "cancelled", "and it can be ended from there");
  await page.locator(".session-tile-job").first().waitFor({ state: "detached" });
  for (const [tab, words] of [[page, "the first tab"], [other, "the second tab"]]) {
    await tab.reload();
    await tab.waitForSelector(".topbar-dot-ok");
    assert.equal(await tab.inputValue("[data-field=prompt]"), words);
  }
});

studio_test("live mode: each change makes a picture with the same seed and ends the one before", async ({ page, api }) => {
  const sent = [];
  page.on("response", async (response) => {
    if (response.request().method() === "POST" && response.url().endsWith("/api/v1/jobs")) sent.push(await response.json());
  });
  await set_recipe(page, { ...long, seed: 11, count: undefined });
  await page.getByRole("button", { name: "More ways to generate" }).click();
  await page.getByRole("menuitemradio", { name: /^Live mode/ }).click();
  await api.until("a job without a click", () => sent.length === 1);
  await write_prompt(page, "a blue house on the grass, morning");
  await api.until("a job for the new words", () => sent.length === 2);
  assert.equal((await api.ended(sent[0].id)).state, "cancelled");
  await set_number(page, "Steps", 4);
  await api.until("a job for the new steps", () => sent.length === 3);
  const last = await api.ended(sent[2].id);
  assert.equal(last.state, "done");
  assert.deepEqual(sent.map((job) => job.request.seed), [11, 11, 11]);
  await page.locator(`.cs-viewport-picture img[src="${last.images[0].url}"]`).waitFor();
  await page.getByRole("button", { name: "Live mode is on: switch it off" }).click();
  await write_prompt(page, "nobody asked for this");
  await page.waitForTimeout(700);
  assert.equal(sent.length, 3, "and no more once it is off");
});

studio_test("the same picture again: compared pixel by pixel", async ({ page, api }) => {
  await set_recipe(page, { prompt: "a green house on the sand", steps: 6, seed: 22 });
  await add_layer(page, "Canny edges");
  await choose_file(page, ".layer-card-open .layer-card-thumb", a1111_picture());
  await map_of_open_layer(page);
  const first = await generate(page, api);
  const [response] = await Promise.all([page.waitForResponse(/\/rerun$/), page.getByRole("button", { name: "Run again exactly" }).click()]);
  const again = await api.ended((await response.json()).id);
  assert.equal(again.rerun.of, first.images[0].id);
  assert.equal(again.rerun.identical, true);
  await toast_with(page, "Identical, pixel by pixel");
});
