// SPDX-License-Identifier: Apache-2.0
// On a telephone: 390 x 844, with fingers.
import assert from "node:assert/strict";
import { kPhone, studio_test } from "./harness.mjs";
import { generate, map_of_open_layer, places_on_surface, receipts_on } from "./page.mjs";
import { read_png } from "./png.mjs";

// Fingers by the browser's own protocol: each moves over its places at the same time as the others.
async function swipe(page, context, ...fingers) {
  const touch = await context.newCDPSession(page);
  const points = (at) => fingers.map((places, id) => ({ id, x: places[at][0], y: places[at][1] }));
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: points(0) });
  for (let at = 1; at < fingers[0].length; at += 1) await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: points(at) });
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
}

// A finger that rests half a second is no tap; on a machine that is busy it may take so long until it is lifted.
async function leave_editor(page) {
  const editor = page.locator(".cs-edits");
  for (let tries = 0; tries < 3 && (await editor.count()) > 0; tries += 1) {
    await page.getByRole("button", { name: "Done", exact: true }).tap();
    await editor.waitFor({ state: "detached", timeout: 5000 }).catch(() => {});
  }
  assert.equal(await editor.count(), 0, "Done leaves the editor");
}

async function nothing_sticks_out(page) {
  const [inner, wide] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
  assert.ok(wide <= inner, `the page is ${wide} pixels wide in a window of ${inner}`);
}

// Visible buttons that are lower or narrower than a fingertip.
async function small_targets(page, selector) {
  return page.locator(selector).evaluateAll((all) =>
    all
      .filter((element) => element.checkVisibility())
      .map((element) => ({ box: element.getBoundingClientRect(), words: element.textContent.trim() || element.getAttribute("aria-label") }))
      .filter(({ box }) => box.width < 44 || box.height < 44)
      .map(({ box, words }) => `${words}: ${Math.round(box.width)} x ${Math.round(box.height)}`),
  );
}

studio_test("a scribble is drawn with a finger, two fingers only move it, and the picture comes", async ({ page, context, api }) => {
  await page.fill("[data-field=prompt]", "a red house on the grass");
  await nothing_sticks_out(page);
  assert.deepEqual(await small_targets(page, ".generate-bar-generate, .create-panes .tab"), []);
  await page.locator("[data-action=add-layer]").tap();
  await page.getByRole("menuitem", { name: /^Scribble/ }).tap();
  await page.getByTestId("stage-surface").waitFor();
  await nothing_sticks_out(page);
  const to = await places_on_surface(page, 256);
  const line = (from, until) => Array.from({ length: 13 }, (_, at) => to([from[0] + ((until[0] - from[0]) * at) / 12, from[1] + ((until[1] - from[1]) * at) / 12]));
  await swipe(page, context, line([40, 180], [216, 180]));
  await swipe(page, context, line([128, 60], [128, 170]));
  await swipe(page, context, line([60, 60], [60, 110]), line([196, 60], [196, 110]));
  await leave_editor(page);
  await page.locator(".create-panes [data-tab=recipe]").tap();
  const map = read_png(await api.bytes(`/assets/${await map_of_open_layer(page)}`));
  const ink = (x, y) => [-2, -1, 0, 1, 2].some((by) => map.samples[((y + by) * map.width + x + by) * map.channels] > 127);
  assert.ok(ink(128, 180) && ink(128, 100), "the cross is on the map");
  assert.ok(![70, 80, 90, 100].some((y) => ink(60, y) || ink(196, y)), "and nothing of the two fingers");
  await generate(page, api, async () => {
    await page.getByTestId("generate").tap();
    await page.locator(".create-panes [data-tab=stage]").tap();
  });
  assert.equal((await receipts_on(page)).length, 1);
  await nothing_sticks_out(page);
  await page.locator(".create-panes [data-tab=results]").tap();
  await page.locator(".session-tile img").first().waitFor();
  await nothing_sticks_out(page);
}, { device: kPhone });

for (const screen of ["gallery", "train", "models", "queue", "settings"]) {
  studio_test(`${screen} fits, and the menu leads there`, async ({ page }) => {
    await page.locator(".nav-menu").tap();
    await page.locator(".menu-item").nth(["", "gallery", "train", "models", "queue", "settings"].indexOf(screen)).tap();
    await page.waitForURL(new RegExp(`#/${screen}$`));
    await page.waitForLoadState("networkidle");
    await nothing_sticks_out(page);
  }, { device: kPhone });
}
