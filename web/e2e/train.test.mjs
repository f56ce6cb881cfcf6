// SPDX-License-Identifier: Apache-2.0
// Trainings on drawn circles: begun in the form, followed by their curves, stopped, gone on with, deleted; and used as a control layer.
import assert from "node:assert/strict";
import { kPatienceMs, studio_test } from "./harness.mjs";
import { choose_file, generate, map_of_open_layer, set_recipe, toast_with } from "./page.mjs";
import { a1111_picture } from "./inputs.mjs";

// Fills in the form as small as it goes, and starts. Gives the id of the run.
async function begin(page, name, steps) {
  await page.locator(".train-list").getByRole("button", { name: "New", exact: true }).click();
  const form = page.locator(".train-new");
  await form.getByRole("textbox", { name: "Name" }).fill(name);
  await form.locator("summary", { hasText: "Measuring" }).click();
  for (const [words, value] of [["Pictures", 24], ["Steps", steps], ["Pictures a step", 1], ["Held-out pairs", 0], ["Log every", 1]]) {
    const field = form.getByRole("spinbutton", { name: words, exact: true });
    await field.fill(String(value));
    await field.press("Enter");
    assert.equal(await field.inputValue(), String(value), "Enter takes the number and does not begin a training");
  }
  await page.locator(".train-side").getByText("Fits", { exact: true }).waitFor({ timeout: kPatienceMs });
  await form.getByRole("button", { name: "Start training" }).click();
  await page.locator(".train-name", { hasText: name }).waitFor();
  return decodeURIComponent(/train\/([^/?]+)$/.exec(page.url())[1]);
}

const chip = (page, state) => page.locator(".train-head").getByText(state, { exact: true });

async function ended(api, id) {
  return api.until("the end of the run", async () => {
    const run = await api.get(`/train/runs/${id}`);
    return run.state === "running" ? null : run;
  }, 2 * kPatienceMs);
}

async function remove(page, name) {
  await page.getByRole("button", { name: "Delete the training" }).click();
  await page.locator("dialog[open]").getByRole("button", { name: "Delete", exact: true }).click();
  await page.locator(".train-link", { hasText: name }).waitFor({ state: "detached" });
}

studio_test("a training begins, shows its curves, stops, goes on, and is deleted", async ({ page, api }) => {
  const name = `circles ${Date.now() % 100_000}`;
  await page.locator(".train-list").getByRole("button", { name: "New", exact: true }).click();
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByText("A name is needed").waitFor();
  const id = await begin(page, name, 400);
  // A line of the loss from point to point.
  const points = () => page.locator(".train-chart", { hasText: "Loss" }).last().locator(".train-line").evaluateAll((lines) => Math.max(0, ...lines.map((line) => line.getAttribute("d").split("L").length)));
  await api.until("three points of a curve", async () => (await points()) >= 3, 2 * kPatienceMs);
  const run = await api.get(`/train/runs/${id}`);
  assert.ok(run.curves.loss.length > 0 && run.curves.loss.every(([step, loss]) => step > 0 && loss > 0), "the loss of each logged step");
  assert.equal(run.steps, 400);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  const stopped = await ended(api, id);
  assert.equal(stopped.state, "stopped", stopped.message);
  assert.ok(stopped.step > 0 && stopped.step < 400);
  await chip(page, "Stopped").waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await chip(page, "Running").waitFor();
  await api.until("a step beyond", async () => (await api.get(`/train/runs/${id}`)).step > stopped.step, 2 * kPatienceMs);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  assert.equal((await ended(api, id)).state, "stopped");
  await chip(page, "Stopped").waitFor();
  await remove(page, name);
  assert.ok(!(await api.get("/train/runs")).runs.some((one) => one.id === id));
}, { screen: "train", timeout: 600_000 });

studio_test("a training that is done becomes a control layer, and a picture is made with it", async ({ page, api }) => {
  const name = `tiny ${Date.now() % 100_000}`;
  const id = await begin(page, name, 3);
  const run = await ended(api, id);
  assert.equal(run.state, "finished", run.message);
  await chip(page, "Finished").waitFor();
  await page.getByRole("button", { name: "Use as control layer" }).click();
  await toast_with(page, `${name} is now a control layer`);
  await page.locator(".layer-card-open").waitFor();
  await set_recipe(page, { prompt: "a circle", steps: 4 });
  await choose_file(page, ".layer-card-open .layer-card-thumb", a1111_picture());
  await map_of_open_layer(page);
  const job = await generate(page, api);
  assert.equal(job.images[0].request.controlnets.length, 1, "drawn with the ControlNet that was trained");
  await page.goBack();
  await remove(page, name);
}, { screen: "train", timeout: 600_000 });
