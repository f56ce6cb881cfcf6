// SPDX-License-Identifier: Apache-2.0
// Queue, models, training and settings.
import assert from "node:assert/strict";
import { kPatienceMs, link_to, mocked, studio_test } from "./harness.mjs";
import { set_recipe, toast_with } from "./page.mjs";

const job_line = (page, words) => page.locator(".queue-job", { hasText: words });

// A browser that the server does not know, at `address`.
async function stranger(page, address, prepare = async () => {}) {
  const context = await page.context().browser().newContext({ locale: "en-US" });
  const other = await context.newPage();
  await prepare(other);
  await other.goto(address);
  return other;
}

studio_test("a link with the token opens its screen, however late the server answers the login", async ({ page }) => {
  const late = (other) => other.route("**/api/v1/session", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await route.continue();
  });
  const other = await stranger(page, await link_to("models"), late);
  await other.locator(".models-line", { hasText: "Toy world" }).first().waitFor();
  await other.context().close();
}, { real: true });

studio_test("who comes without the token is asked for it, and then sees the screen that was wanted", async ({ page }) => {
  const [address, token] = (await link_to("models")).split("?token=");
  const other = await stranger(page, address);
  await other.locator(".models", { hasText: "The models could not be fetched" }).waitFor();
  await other.getByRole("dialog").getByLabel("Token").fill("wrong");
  await other.getByRole("button", { name: "Log in" }).click();
  await other.getByRole("dialog").locator(".field-error").waitFor();
  await other.getByRole("dialog").getByLabel("Token").fill(token);
  await other.getByRole("button", { name: "Log in" }).click();
  await other.getByRole("dialog").waitFor({ state: "detached" });
  await other.locator(".models-line", { hasText: "Toy world" }).first().waitFor();
  await other.context().close();
}, { real: true });

studio_test("queue: jobs stand in turn, a waiting one is taken out, the history tells the rest", async ({ page, api }) => {
  await api.idle();
  const words = `a queue of houses ${Date.now()}`;
  await set_recipe(page, { prompt: words, steps: 150 });
  await page.getByRole("button", { name: "More ways to generate" }).click();
  await page.getByRole("menuitem", { name: /^4 times/ }).click();
  await page.keyboard.press("5");
  await page.locator("h1", { hasText: "Queue" }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("[aria-labelledby=queue-now] .queue-job").length === 4);
  assert.match(await page.locator(".nav-badge").textContent(), /4/);
  const seeds = (await api.get("/jobs?limit=4")).jobs.map((job) => job.request.seed);
  assert.equal(new Set(seeds).size, 4, "each with its own seed");
  const waiting = page.locator("[aria-labelledby=queue-now] .queue-job-queued");
  await waiting.last().getByRole("button", { name: /cancel/i }).click();
  await page.waitForFunction(() => document.querySelectorAll("[aria-labelledby=queue-now] .queue-job").length === 3);
  await page.getByRole("button", { name: "Cancel 2 that wait" }).click();
  await page.waitForFunction(() => document.querySelectorAll("[aria-labelledby=queue-now] .queue-job").length === 1);
  if (!mocked) await page.locator(".queue-worker", { hasText: words }).waitFor();
  await page.locator(".queue-job-running").getByRole("button", { name: /cancel/i }).click();
  await api.idle();
  await page.locator("[aria-labelledby=queue-history] .queue-job-cancelled").nth(3).waitFor();
  await job_line(page, words).nth(3).waitFor();
});

studio_test("models: the built-in ones are there, can be used, and every byte is checked", async ({ page, api }) => {
  const { models } = await api.get("/models");
  const base = models.find((model) => model.kind === "base");
  const line = page.locator(".models-line", { hasText: base.title }).first();
  await line.getByText("Ready").waitFor();
  await line.getByRole("button", { name: "Check every byte of it" }).click();
  await line.locator(".models-sha").waitFor({ timeout: kPatienceMs });
  await page.locator("[data-tab=controlnet]").click();
  const nets = models.filter((model) => model.kind === "controlnet" && model.family === base.family);
  await page.waitForFunction((count) => document.querySelectorAll(".models-line").length >= count, nets.length);
  assert.ok(nets.length >= 8);
  await page.locator(".models-line", { hasText: "canny (built in)" }).first().getByRole("button", { name: "Add layer" }).click();
  await page.locator(".layer-card-open", { hasText: "Canny edges" }).waitFor();
}, { screen: "models" });

studio_test("models: a look at the folders", async ({ page }) => {
  await page.getByRole("button", { name: "Look again" }).click();
  await toast_with(page, "The list is up to date");
}, { screen: "models" });

studio_test("settings: the theme and a remapped key are kept", async ({ page }) => {
  await page.locator(".settings-card .segmented-item", { hasText: "Light" }).first().click();
  await page.waitForFunction(() => document.documentElement.dataset.theme === "light");
  const key = page.locator(".settings-key", { hasText: "Compare" }).first().locator(".settings-cap");
  await key.click();
  await page.keyboard.press("Control+k");
  await page.reload();
  await page.waitForSelector(".topbar-dot-ok");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  await page.keyboard.press("1");
  await page.locator(".cs-head [data-tab=compare]").waitFor();
  await page.keyboard.press("Control+k");
  assert.equal(await page.locator(".cs-head [data-tab=compare]").getAttribute("aria-selected"), "true");
}, { screen: "settings" });
