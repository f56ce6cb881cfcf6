// SPDX-License-Identifier: Apache-2.0
// Pictures afterwards: found by their words, starred, thrown away and fetched back, compared; and pictures of other tools.
import assert from "node:assert/strict";
import { kPatienceMs, mocked, studio_test } from "./harness.mjs";
import { a1111_picture } from "./inputs.mjs";
import { add_layer, choose_file, drop_file, generate, map_of_open_layer, set_recipe, toast_with } from "./page.mjs";
import { read_png } from "./png.mjs";

// A picture by the API: what the screens need, without the way over the Create screen.
async function made(api, request) {
  const job = await api.post("/jobs", { kind: "generate", request: { width: 256, height: 256, steps: 2, model: "builtin", ...request } });
  const ended = await api.ended(job.id);
  assert.equal(ended.state, "done", JSON.stringify(ended.error));
  return ended.images[0];
}

const tile = (page, image) => page.locator(`#gal-${image.id}`);
const total = (page) => page.locator(".gal-total");

studio_test("search finds words of the prompt, and a star is a shelf", async ({ page, api }) => {
  const word = `zebra${Date.now()}`;
  const found = await made(api, { prompt: `a house with a ${word}`, seed: 1 });
  const other = await made(api, { prompt: "a house without one", seed: 2 });
  await tile(page, found).waitFor();
  await tile(page, other).waitFor();
  await page.locator("[data-field=gallery-search]").fill(word);
  await tile(page, other).waitFor({ state: "detached" });
  await tile(page, found).waitFor();
  assert.match(await total(page).textContent(), /^1 /);
  await tile(page, found).click();
  await page.locator(".gal-viewer").waitFor();
  await page.keyboard.press("s");
  await api.until("the star", async () => (await api.get(`/images/${found.id}`)).starred);
  await page.keyboard.press("Escape");
  await page.locator("[data-field=gallery-search]").fill("");
  await page.locator("[data-tab=starred]").click();
  await tile(page, found).waitFor();
  assert.equal(await tile(page, other).count(), 0);
}, { screen: "gallery", late: 300 }); // what is typed after Escape is not the open picture's any more, however long the browser takes to go back

studio_test("trash: undone at once, put back later, and deleted for good only when confirmed", async ({ page, api }) => {
  const image = await made(api, { prompt: "a house for the trash", seed: 3 });
  const trashed = async () => (await api.get(`/images/${image.id}`)).trashed;
  await tile(page, image).locator("[data-part=check]").click();
  await page.keyboard.press("Delete");
  await tile(page, image).waitFor({ state: "detached" });
  await api.until("the trash", trashed);
  await (await toast_with(page, "in the trash")).getByRole("button", { name: "Undo" }).click();
  await tile(page, image).waitFor();
  await api.until("the way back", async () => !(await trashed()));
  await tile(page, image).locator("[data-part=check]").click();
  await page.keyboard.press("Delete");
  await api.until("the trash again", trashed);
  await page.locator("[data-tab=trash]").click();
  await tile(page, image).locator("[data-part=check]").click();
  await page.getByRole("button", { name: "Delete for good" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await trashed(), true, "nothing happens without a yes");
  await page.getByRole("button", { name: "Delete for good" }).click();
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await tile(page, image).waitFor({ state: "detached" });
  await api.until("its end", async () => (await page.request.get(new URL(`/api/v1/images/${image.id}`, page.url()).toString())).status() === 404);
}, { screen: "gallery" });

studio_test("a picture's settings come back, and it is made again identically", async ({ page, api }) => {
  const image = await made(api, { prompt: "a purple house at night", seed: 44, steps: 5, skip: { deep: 0.4 } });
  await tile(page, image).click();
  await page.keyboard.press("r");
  await page.locator(".gal-viewer").getByText("Identical, pixel by pixel").first().waitFor({ timeout: kPatienceMs });
  await page.getByRole("button", { name: "Use settings" }).click();
  await page.getByRole("menuitem", { name: "Everything" }).click();
  await page.locator("[data-field=prompt]").waitFor();
  assert.equal(await page.inputValue("[data-field=prompt]"), "a purple house at night");
  const field = (name) => page.locator(".create-recipe").getByRole("spinbutton", { name, exact: true }).inputValue();
  assert.deepEqual([await field("Seed"), await field("Steps"), await field("Width")], ["44", "5", "256"]);
  await page.getByRole("button", { name: "Advanced" }).click();
  assert.deepEqual([await field("Skipped deep features"), await field("Skipped steps")], ["0.40", "0.00"]);
}, { screen: "gallery" });

studio_test("a result beside its map: compared, and the receipt is measured again", async ({ page, api }) => {
  await set_recipe(page, { prompt: "a red house on the grass", steps: 6 });
  await add_layer(page, "Canny edges");
  await choose_file(page, ".layer-card-open .layer-card-thumb", a1111_picture());
  await map_of_open_layer(page);
  const job = await generate(page, api);
  await page.locator(".cs-head [data-tab=compare]").click();
  await page.locator(`img[src*="${job.images[0].maps[0].sha}"]`).first().waitFor();
  const { map, receipt } = await api.get(`/images/${job.images[0].id}/compare?kind=canny`);
  assert.deepEqual([read_png(await api.bytes(`/assets/${map}`)).width, receipt.kind], [256, "canny"]);
});

studio_test("a picture of AUTOMATIC1111 brings its settings along", async ({ page }) => {
  await drop_file(page, "#main", a1111_picture(), "00012-987654321.png");
  const dialog = page.locator("dialog[open]");
  await dialog.getByText("It carries the settings of AUTOMATIC1111").waitFor();
  if (!mocked) await dialog.getByLabel("Size").uncheck();
  await dialog.getByRole("button", { name: "Take them over" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.inputValue("[data-field=prompt]"), "a lighthouse on a cliff, (storm:1.2)");
  assert.equal(await page.inputValue("[data-field=negative]"), "people, boats");
  const field = (name) => page.locator(".create-recipe").getByRole("spinbutton", { name, exact: true }).inputValue();
  assert.deepEqual([await field("Seed"), await field("Steps"), await field("Width")], ["987654321", "23", "256"]);
});

studio_test("a file that is no picture is refused in words", async ({ page }) => {
  await drop_file(page, "#main", Buffer.from("no picture at all"), "notes.png");
  await toast_with(page, "notes.png could not be read");
}, { real: true });
