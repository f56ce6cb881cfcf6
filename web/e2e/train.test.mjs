// SPDX-License-Identifier: Apache-2.0
// A training on drawn circles: begun in the form, followed by its curves, stopped, used as a layer, deleted.
import assert from "node:assert/strict";
import { kPatienceMs, mocked, studio_test } from "./harness.mjs";
import { toast_with } from "./page.mjs";

const kSteps = 400;

async function fill_form(page, name) {
  const form = page.locator(".train-new");
  await form.getByRole("button", { name: "Start training" }).waitFor();
  await form.getByRole("button", { name: "Start training" }).click();
  await form.getByText("A name is needed").waitFor();
  await form.getByRole("textbox", { name: "Name" }).fill(name);
  await form.locator("summary", { hasText: "Measuring" }).click();
  for (const [name_of_field, value] of [["Pictures", 24], ["Steps", kSteps], ["Pictures a step", 1], ["Held-out pairs", 1], ["Log every", 2]]) {
    const field = form.getByRole("spinbutton", { name: name_of_field, exact: true });
    await field.fill(String(value));
    await field.press("Enter");
    assert.equal(await field.inputValue(), String(value), "Enter takes the number and does not begin a training");
  }
}

studio_test("a training on circles begins, shows its curves, stops, and becomes a control layer", async ({ page, api }) => {
  const name = `circles ${Date.now() % 100000}`;
  await page.locator(".train-list").getByRole("button", { name: "New", exact: true }).click();
  await fill_form(page, name);
  await page.locator(".train-side").getByText("Fits", { exact: true }).waitFor({ timeout: kPatienceMs });
  await page.getByRole("button", { name: "Start training" }).click();
  await page.locator(".train-name", { hasText: name }).waitFor();
  const id = decodeURIComponent(/train\/([^/?]+)$/.exec(page.url())[1]);
  // A line of the loss from point to point.
  const points = () => page.locator(".train-chart", { hasText: "Loss" }).last().locator(".train-line").evaluateAll((lines) => Math.max(0, ...lines.map((line) => line.getAttribute("d").split("L").length)));
  await api.until("three points of a curve", async () => (await points()) >= 3, 2 * kPatienceMs);
  const run = await api.get(`/train/runs/${id}`);
  assert.ok(run.curves.loss.length > 0 && run.curves.loss.every(([step, loss]) => step > 0 && loss > 0), "the loss of each logged step");
  assert.equal(run.steps, kSteps);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  const stopped = await api.until("the end of the run", async () => {
    const now = await api.get(`/train/runs/${id}`);
    return now.state === "running" ? null : now;
  });
  assert.equal(stopped.state, "stopped", stopped.message);
  assert.ok(stopped.step > 0 && stopped.step < kSteps);
  await page.locator(".train-head").getByText("Stopped", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Go on" }).waitFor();
  await page.getByRole("button", { name: "Use as control layer" }).click();
  await toast_with(page, "is now a control layer");
  await page.locator(".layer-card-open").waitFor();
  if (!mocked) assert.ok((await api.get("/models")).models.some((model) => model.kind === "controlnet" && model.title.includes(name.split(" ")[1])));
  await page.goBack();
  await page.getByRole("button", { name: "Delete the training" }).click();
  await page.locator("dialog[open]").getByRole("button", { name: "Delete", exact: true }).click();
  await page.locator(".train-link", { hasText: name }).waitFor({ state: "detached" });
  assert.ok(!(await api.get("/train/runs")).runs.some((one) => one.id === id));
}, { screen: "train", timeout: 400_000 });
