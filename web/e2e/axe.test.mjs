// SPDX-License-Identifier: Apache-2.0
// axe-core on every screen, editor and dialog, in both themes: nothing that it calls serious or critical.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { kPhone, studio_test } from "./harness.mjs";
import { add_layer, choose_file, map_of_open_layer, write_prompt } from "./page.mjs";
import { a1111_picture } from "./inputs.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function faults_of(page, where) {
  // Nothing that moves, and nothing that is half faded in.
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {}))));
  const { violations, passes } = await page.evaluate(async () => {
    const found = await window.axe.run(document, { resultTypes: ["violations"] });
    return { violations: found.violations, passes: found.passes.length };
  });
  assert.ok(passes > 10, `axe found something to look at on ${where}`);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map((node) => `${where}: ${id}: ${help}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
}

const screens = ["", "gallery", "train", "models", "queue", "settings"];

async function walk(page) {
  const faults = [];
  const look = async (where) => faults.push(...(await faults_of(page, where)));
  // Part of the page's own document, so it is there again after each change of the address behind "#".
  await page.evaluate(axe);
  await look("create");
  for (const screen of screens.slice(1)) {
    await page.evaluate((name) => (location.hash = `#/${name}`), screen);
    await page.waitForFunction((name) => document.querySelector("#main > *") !== null && location.hash === `#/${name}`, screen);
    await look(screen);
  }
  await page.evaluate(() => (location.hash = "#/"));
  await page.locator("[data-field=prompt]").waitFor();
  return { faults, look };
}

for (const theme of ["dark", "light"]) {
  studio_test(`${theme}: every screen`, async ({ page }) => {
    const { faults } = await walk(page);
    assert.deepEqual(faults, []);
  }, { device: { colorScheme: theme } });

  studio_test(`${theme}: layers, editors, menus and dialogs`, async ({ page }) => {
    const faults = [];
    await page.evaluate(axe);
    const look = async (where) => faults.push(...(await faults_of(page, where)));
    await write_prompt(page, "a red house on the grass");
    await add_layer(page, "Canny edges");
    await choose_file(page, ".layer-card-open .layer-card-thumb", a1111_picture());
    await map_of_open_layer(page);
    await page.locator(".layer-card-more-button").click();
    await page.locator(".recipe-fold").click();
    await look("a layer with everything open");
    await page.click("[data-action=add-layer]");
    await look("the menu of kinds");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await look("help");
    await page.keyboard.press("Escape");
    for (const [kind, ready] of [["Scribble", ".stage-surface"], ["Segments", ".stage-surface"], ["Depth", ".stage-surface"], ["Straight lines", ".stage-surface"], ["Pose", ".pose-stage"]]) {
      await add_layer(page, kind);
      if (kind !== "Scribble") await page.getByRole("button", { name: "Draw map" }).first().click();
      await page.locator(ready).waitFor();
      if (kind === "Pose") await page.locator(".pose-empty").getByRole("button", { name: "Add person" }).click();
      await look(`the editor for ${kind}`);
      await page.getByRole("button", { name: "Done", exact: true }).click();
    }
    assert.deepEqual(faults, []);
  }, { device: { colorScheme: theme } });
}

studio_test("a telephone: every screen", async ({ page }) => {
  const { faults } = await walk(page);
  assert.deepEqual(faults, []);
}, { device: kPhone });
