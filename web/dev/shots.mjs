// SPDX-License-Identifier: Apache-2.0
// Pictures of the page: opens dist/ behind the mock server in Chromium and walks through what people do.
//   node dev/shots.mjs OUT [part of a name ...]
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const [out = "/tmp/shots", ...only] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const root = new URL("..", import.meta.url).pathname;

async function mock(environment = {}) {
  const child = spawn(process.execPath, [`${root}dev/mock.mjs`], { env: { ...process.env, PORT: "0", MOCK_SPEED: "6", ...environment }, stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve) => child.stdout.once("data", (data) => resolve(String(data).trim())));
  return { url, stop: () => child.kill() };
}

const desktop = { width: 1440, height: 900 };
const mobile = { width: 390, height: 844 };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const servers = { full: await mock(), empty: await mock({ MOCK_EMPTY: "1" }) };

async function open({ size = desktop, theme = "dark", language = "en", server = "full", path = "", phone = false }) {
  const context = await browser.newContext({ viewport: size, deviceScaleFactor: phone ? 2 : 1, hasTouch: phone, isMobile: phone, colorScheme: theme, locale: language });
  const page = await context.newPage();
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && console.log(`  ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => console.log(`  PAGE ERROR ${error.stack}`));
  await page.goto(`${servers[server].url}/#/${path}`);
  await page.waitForSelector(".topbar-model-name");
  await page.waitForTimeout(900);
  return page;
}

// Photograph into a new layer, over the system's file window.
async function add_layer(page, kind, file) {
  await page.click("[data-action=add-layer]");
  await page.waitForTimeout(150);
  await page.locator(".menu-item", { hasText: kind }).first().click();
  if (!file) return;
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.locator(".layer-card-open .layer-card-thumb").first().click()]);
  await chooser.setFiles(file);
  await page.waitForSelector(".layer-card-open .layer-card-map img");
  await page.waitForTimeout(500);
}

const photo = `${root}../examples/photo.png`;

const shots = {
  async "create-empty-dark"() {
    return open({ server: "empty" });
  },
  async "create-empty-light"() {
    return open({ server: "empty", theme: "light" });
  },
  async "create-dark"() {
    const page = await open({});
    await page.fill("[data-field=prompt]", "a lake before mountains at sunset, with clouds in the sky");
    await page.waitForTimeout(900);
    return page;
  },
  async "create-light"() {
    const page = await open({ theme: "light" });
    await page.fill("[data-field=prompt]", "a lake before mountains at sunset, with clouds in the sky");
    await page.waitForTimeout(900);
    return page;
  },
  async "create-layer-dark"() {
    const page = await open({});
    await page.fill("[data-field=prompt]", "a photographer in the snow");
    await add_layer(page, "Depth", photo);
    await add_layer(page, "Canny", photo);
    await page.waitForTimeout(1500);
    return page;
  },
  async "create-layer-light"() {
    const page = await open({ theme: "light" });
    await page.fill("[data-field=prompt]", "a photographer in the snow");
    await add_layer(page, "Canny", photo);
    await page.locator(".layer-card-more-button").click();
    await page.waitForTimeout(1500);
    await page.locator(".recipe").evaluate((element) => element.scrollTo(0, 330));
    await page.waitForTimeout(300);
    return page;
  },
  async "create-running"() {
    const page = await open({ server: "full" });
    await page.locator(".recipe-example").nth(1).click();
    await page.waitForTimeout(1800);
    return page;
  },
  async "create-menu"() {
    const page = await open({ theme: "light" });
    await page.click("[data-action=add-layer]");
    await page.waitForTimeout(300);
    return page;
  },
  async compare() {
    const page = await open({});
    await page.locator("[data-tab=compare]").click();
    await page.waitForTimeout(1500);
    return page;
  },
  async "compare-overlay"() {
    const page = await open({ theme: "light" });
    await page.locator("[data-tab=compare]").click();
    await page.getByText("Overlay", { exact: true }).click();
    await page.getByText("Map of the result").click();
    await page.waitForTimeout(1500);
    return page;
  },
  async "gallery-dark"() {
    return open({ path: "gallery" });
  },
  async "gallery-chosen-light"() {
    const page = await open({ path: "gallery", theme: "light" });
    await page.locator(".gal-scroll").focus();
    for (const key of ["ArrowRight", "Space", "Shift+ArrowRight", "Shift+ArrowDown"]) await page.keyboard.press(key);
    return page;
  },
  async "gallery-viewer-dark"() {
    const page = await open({ path: "gallery" });
    await page.locator(".gal-tile").nth(4).click();
    await page.waitForSelector(".gal-facts");
    await page.waitForTimeout(600);
    return page;
  },
  async "gallery-empty"() {
    return open({ path: "gallery", theme: "light", server: "empty" });
  },
  async "queue-dark"() {
    const page = await open({});
    await page.locator(".recipe-example").nth(1).click();
    await page.keyboard.press("Control+Enter");
    await page.evaluate(() => (location.hash = "#/queue"));
    await page.waitForTimeout(1600);
    return page;
  },
  async "models-light"() {
    const page = await open({ path: "models", theme: "light" });
    await page.locator("[data-tab=controlnet]").click();
    return page;
  },
  async "train-dark"() {
    const page = await open({ path: "train" });
    await page.waitForSelector(".train-grid img");
    return page;
  },
  async "train-new-light"() {
    const page = await open({ path: "train/new", theme: "light" });
    await page.waitForSelector(".train-memory");
    return page;
  },
  async help() {
    const page = await open({});
    await page.keyboard.press("?");
    await page.waitForTimeout(400);
    return page;
  },
  async "settings-light"() {
    return open({ theme: "light", path: "settings" });
  },
  async chinese() {
    const page = await open({ language: "zh-CN", theme: "light" });
    await page.waitForTimeout(500);
    return page;
  },
  async "mobile-recipe"() {
    return open({ size: mobile, phone: true });
  },
  async "mobile-layer"() {
    const page = await open({ size: mobile, phone: true, theme: "light" });
    await page.fill("[data-field=prompt]", "a photographer in the snow");
    await add_layer(page, "Canny", photo);
    await page.locator(".layer-card-open").evaluate((element) => element.scrollIntoView());
    return page;
  },
  async "mobile-draw"() {
    const page = await open({ size: mobile, phone: true });
    await add_layer(page, "Scribble");
    await page.waitForTimeout(1500);
    return page;
  },
  async "mobile-stage"() {
    const page = await open({ size: mobile, phone: true, theme: "light" });
    await page.locator(".create-panes [data-tab=stage]").tap();
    await page.waitForTimeout(900);
    return page;
  },
  async "mobile-gallery"() {
    return open({ size: mobile, phone: true, theme: "light", path: "gallery" });
  },
  async "mobile-queue"() {
    return open({ size: mobile, phone: true, path: "queue" });
  },
  async "mobile-train"() {
    const page = await open({ size: mobile, phone: true, path: "train" });
    await page.getByText("circles").first().tap();
    await page.waitForSelector(".train-grid img");
    return page;
  },
  async "mobile-results"() {
    const page = await open({ size: mobile, phone: true });
    await page.locator(".create-panes [data-tab=results]").tap();
    await page.waitForTimeout(1500);
    return page;
  },
};

for (const [name, walk] of Object.entries(shots)) {
  if (only.length && !only.some((part) => name.includes(part))) continue;
  console.log(name);
  try {
    const page = await walk();
    // The mock paints slowly; all that is seen shall be there.
    await page.waitForFunction(() => [...document.images].filter((image) => image.offsetParent && image.loading !== "lazy").every((image) => image.complete), null, { timeout: 60000 });
    await page.waitForLoadState("networkidle").catch(() => {});
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${out}/${name}.png` });
    await page.context().close();
  } catch (error) {
    console.log(`  FAILED ${error.message}`);
  }
}
await browser.close();
for (const server of Object.values(servers)) server.stop();
