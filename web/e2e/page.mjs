// SPDX-License-Identifier: Apache-2.0
// What people do on the page, as functions: drop a file, add a layer, draw a line, press Generate and wait for the picture.
import assert from "node:assert/strict";
import { kPatienceMs } from "./harness.mjs";

// ---- The recipe -----------------------------------------------------------------------------------------------------

export async function write_prompt(page, text) {
  await page.fill("[data-field=prompt]", text);
}

// A number field by its name, as it is typed.
export async function set_number(page, name, value) {
  const field = page.locator(".create-recipe").getByRole("spinbutton", { name, exact: true });
  await field.fill(String(value));
  await field.press("Enter");
}

// Small and quick; the same seed for the same picture.
export async function set_recipe(page, { prompt, steps = 12, seed = 7, count, size }) {
  await write_prompt(page, prompt);
  await set_number(page, "Steps", steps);
  await set_number(page, "Seed", seed);
  if (count) await set_number(page, "Pictures", count);
  if (!size) return;
  await set_number(page, "Width", size[0]);
  await set_number(page, "Height", size[1]);
}

// By the name of the kind, with which its line in the menu begins.
export async function add_layer(page, kind) {
  await page.click("[data-action=add-layer]");
  await page.getByRole("menuitem", { name: new RegExp(`^${kind}`) }).first().click();
}

export async function choose_source(page, name) {
  await page.locator(".layer-card-open .segmented-item", { hasText: name }).first().click();
}

const file_of = (bytes, name = "picture.png", mimeType = "image/png") => ({ name, mimeType, buffer: bytes });

// Through the window of the system in which files are chosen.
export async function choose_file(page, selector, bytes, name) {
  const [window] = await Promise.all([page.waitForEvent("filechooser"), page.locator(selector).first().click()]);
  await window.setFiles(file_of(bytes, name));
}

// As if it were dragged in from the desktop and let go over the element.
export async function drop_file(page, selector, bytes, name = "picture.png", type = "image/png") {
  const data = await page.evaluateHandle(
    ([text, file_name, file_type]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], file_name, { type: file_type }));
      return transfer;
    },
    [bytes.toString("base64"), name, type],
  );
  for (const event of ["dragenter", "dragover", "drop"]) await page.dispatchEvent(selector, event, { dataTransfer: data });
}

// The map of the open layer, once it is there and no newer one is being made: the hash that names it.
export async function map_of_open_layer(page) {
  const image = page.locator(".layer-card-open .layer-card-map img");
  await image.waitFor({ timeout: kPatienceMs });
  await page.waitForFunction(() => document.querySelector(".layer-card-open .layer-card-busy") === null, null, { timeout: kPatienceMs });
  return sha_of(await image.getAttribute("src"));
}

export function sha_of(address) {
  return /\/assets\/([0-9a-f]{64})/.exec(address)[1];
}

// ---- Editors --------------------------------------------------------------------------------------------------------

// Places in pixels of the picture as places in the window.
export async function places_on_surface(page, size) {
  const box = await page.locator(".stage-sheet").boundingBox();
  const scale = box.width / size;
  return ([x, y]) => [box.x + x * scale, box.y + y * scale];
}

export async function choose_tool(page, name) {
  await page.click(`.stage-tools [data-tool=${name}]`);
}

// Down at the first place, over the others, and up.
export async function drag(page, places) {
  await page.mouse.move(...places[0]);
  await page.mouse.down();
  for (const place of places.slice(1)) await page.mouse.move(...place, { steps: 4 });
  await page.mouse.up();
}

// The editor closes when the last change has been stored.
export async function leave_editor(page, press = () => page.getByRole("button", { name: "Done", exact: true }).click()) {
  await press();
  await page.locator(".cs-edits").waitFor({ state: "detached" });
}

// ---- Pictures -------------------------------------------------------------------------------------------------------

// Starts a job by `press` and gives what the server answered.
export async function start_job(page, press = () => page.click("[data-testid=generate]")) {
  const [response] = await Promise.all([
    page.waitForResponse((one) => one.url().endsWith("/api/v1/jobs") && one.request().method() === "POST"),
    press(),
  ]);
  assert.equal(response.status(), 202, await response.text());
  return response.json();
}

// The job's end on the page: its picture on the stage, decoded. Gives the finished job.
export async function picture_of(page, api, job) {
  const ended = await api.ended(job.id);
  assert.equal(ended.state, "done", JSON.stringify(ended.error));
  assert.ok(ended.images.length > 0);
  const image = page.locator(`.cs-viewport-picture img[src="${ended.images[0].url}"]`);
  await image.waitFor();
  const size = await image.evaluate(async (element) => {
    await element.decode();
    return [element.naturalWidth, element.naturalHeight];
  });
  assert.deepEqual(size, [ended.images[0].width, ended.images[0].height]);
  return ended;
}

export async function generate(page, api, press) {
  return picture_of(page, api, await start_job(page, press));
}

// What the page says about how well the shown picture obeys its maps: [{kind, metric, value, chance}].
export async function receipts_on(page) {
  return page.locator(".cs-receipt").evaluateAll((lines) =>
    lines.map((line) => {
      const text = (name) => line.querySelector(`.cs-receipt-${name}`)?.textContent.trim() ?? "";
      const tip = line.querySelector(".cs-receipt-value")?.getAttribute("data-tip") ?? "";
      return { kind: text("kind"), metric: text("metric"), value: Number.parseFloat(text("value")), chance: /[\d.]+/.test(tip) ? Number.parseFloat(/[\d.]+/.exec(tip)[0]) : null };
    }),
  );
}

export async function toast_with(page, text) {
  const found = page.locator(".toast", { hasText: text });
  await found.first().waitFor({ timeout: kPatienceMs });
  return found.first();
}
