// SPDX-License-Identifier: Apache-2.0
// Without a mouse, and in another language.
import assert from "node:assert/strict";
import { studio_test } from "./harness.mjs";
import { generate, leave_editor, map_of_open_layer, receipts_on } from "./page.mjs";
import { read_png } from "./png.mjs";

// The Tab key until the element that `selector` names has the focus.
async function tab_to(page, selector, key = "Tab") {
  for (let press = 0; press < 120; press += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await page.keyboard.press(key);
  }
  assert.fail(`120 presses of ${key} do not lead to ${selector}`);
}

// A pointer that moves or presses would not be noticed otherwise.
function forbid_pointer(page) {
  return page.evaluate(() => {
    window.pointers = 0;
    for (const name of ["pointerdown", "mousedown", "touchstart"]) window.addEventListener(name, () => (window.pointers += 1), true);
  });
}

studio_test("keys alone: a scribble is drawn and a picture made of it", async ({ page, api }) => {
  await forbid_pointer(page);
  await page.keyboard.press("p");
  await page.keyboard.type("a red house on the grass");
  assert.equal(await page.inputValue("[data-field=prompt]"), "a red house on the grass", "the letters after P are the prompt's");
  await page.keyboard.press("Escape");
  await tab_to(page, "[data-action=add-layer]");
  await page.keyboard.press("Enter");
  await page.locator(".menu").waitFor();
  await page.keyboard.press("S");
  for (let press = 0; press < 12 && !(await page.evaluate(() => document.activeElement?.textContent.startsWith("Scribble"))); press += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByTestId("stage-surface").waitFor();
  await tab_to(page, "[data-testid=stage-surface]");
  // A square around the middle: Enter sets the pen down and lifts it.
  for (const key of ["ArrowLeft", "ArrowUp"]) for (let step = 0; step < 4; step += 1) await page.keyboard.press(`Shift+${key}`);
  await page.keyboard.press("Enter");
  for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]) for (let step = 0; step < 8; step += 1) await page.keyboard.press(`Shift+${key}`);
  await page.keyboard.press("Enter");
  await tab_to(page, ".cs-editor-head .button-primary", "Shift+Tab");
  await leave_editor(page, () => page.keyboard.press("Enter"));
  const map = read_png(await api.bytes(`/assets/${await map_of_open_layer(page)}`));
  const at = (x, y) => map.samples[(y * map.width + x) * map.channels];
  const [middle, side] = [map.width / 2, 40];
  assert.ok(at(middle, middle - side) > 127 && at(middle + side, middle) > 127 && at(middle, middle + side) > 127, "the square is on the map");
  assert.equal(at(middle, middle), 0);
  await generate(page, api, () => page.keyboard.press("Control+Enter"));
  assert.equal((await receipts_on(page)).length, 1);
  assert.equal(await page.evaluate(() => window.pointers), 0);
}, { late: 60 });

studio_test("keys alone: screens, help and dialogs", async ({ page }) => {
  await forbid_pointer(page);
  for (const [key, screen] of [["2", "gallery"], ["3", "train"], ["4", "models"], ["5", "queue"], ["6", "settings"], ["1", ""]]) {
    await page.keyboard.press(key);
    await page.waitForURL(new RegExp(`#/${screen}$`));
    assert.equal(await page.locator(".nav-current").getAttribute("aria-current"), "page");
  }
  await page.keyboard.press("?");
  const help = page.locator("dialog[open]");
  await help.getByText("Generate", { exact: true }).first().waitFor();
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  // From the end of the page, where the dialog stood, the first press may lead out of it.
  await tab_to(page, "a[href], button");
  const seen = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none" || document.activeElement.matches(":focus-visible"));
  assert.ok(seen, "the focus is seen");
  assert.equal(await page.evaluate(() => window.pointers), 0);
});

studio_test("language: Chinese at once and after a reload, and back", async ({ page }) => {
  const choose = async (button, language) => {
    await page.getByRole("button", { name: button, exact: true }).click();
    await page.getByRole("menuitemradio", { name: language }).click();
  };
  await choose("Language", "简体中文");
  await page.waitForFunction(() => document.documentElement.lang === "zh-CN");
  const words = (await page.locator("[data-testid=generate]").textContent()).trim();
  assert.match(words, /\p{Script=Han}/u);
  await page.reload();
  await page.waitForSelector(".topbar-dot-ok");
  await page.getByTestId("generate").getByText(words).waitFor();
  const latin = await page.locator(".nav-label").allTextContents();
  assert.ok(latin.every((label) => /\p{Script=Han}/u.test(label)), latin.join());
  await page.locator(".topbar [aria-haspopup] >> nth=-1").click();
  await page.getByRole("menuitemradio", { name: "English" }).click();
  await page.getByTestId("generate").getByText("Generate").waitFor();
});
