// SPDX-License-Identifier: Apache-2.0
// A studio and a browser for the tests: one of each for the whole run (run.mjs hands over their addresses), or for one file that runs by itself.
//   ZEROCONV=PATH      the program, by default build/release/bin/zeroconv
//   E2E_SERVER=mock    the server with made-up data instead; what only a model can do is then not checked
//   E2E_WEB_DIR=DIR    pages to serve instead of those inside the program, as web/dist
//   E2E_LATE=MS        the page's frames come that late, and the browser goes back that late, as on a busy machine
//   CHROMIUM=PATH      the browser
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chromium } from "playwright-core";

export const kWeb = new URL("..", import.meta.url).pathname;
export const kRepository = new URL("../..", import.meta.url).pathname;
export const mocked = process.env.E2E_SERVER === "mock";
export const program = process.env.ZEROCONV ?? join(kRepository, "build/release/bin/zeroconv");
const kLateMs = Number(process.env.E2E_LATE ?? 0);
const kFailures = join(kWeb, "build/e2e");
// A picture takes two seconds on two idle cores; others may work there, too.
export const kPatienceMs = 90_000;

export function chromium_path() {
  const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  return places.find((path) => path && existsSync(path)) ?? null;
}

// ---- The server -----------------------------------------------------------------------------------------------------

// The first line of its output that is an address; what it says to people goes to standard error.
function address_of(child, what) {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (part) => {
      text += part;
      const found = /^https?:\/\/\S+$/m.exec(text);
      if (found) resolve(found[0]);
    });
    child.once("error", reject);
    child.once("exit", (status) => reject(new Error(`${what} ended with status ${status} before it printed its address; it printed: ${text.trim()}`)));
  });
}

// Starts a server of its own on a free port with an empty data folder. `environment` is the mock's.
export async function start_server({ mock = mocked, environment = {}, options = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "zeroconv-studio-"));
  const [command, ...rest] = mock
    ? [process.execPath, join(kWeb, "dev/mock.mjs")]
    : [program, "serve", "--port", "0", "--data", folder, ...(process.env.E2E_WEB_DIR ? ["--web-dir", process.env.E2E_WEB_DIR] : []), ...options];
  const child = spawn(command, rest, {
    env: { ...process.env, PORT: "0", MOCK_SPEED: "3", MOCK_EMPTY: "1", ...environment },
    stdio: ["ignore", "pipe", process.env.E2E_LOG ? "inherit" : "ignore"],
  });
  let stops = false;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.once("exit", (status, signal) => stops || console.error(`the server ended by itself: status ${status}, signal ${signal}`));
  const link = await address_of(child, command);
  return {
    link,
    folder,
    async stop() {
      stops = true;
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
      await ended;
      clearTimeout(late);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// ---- The browser ----------------------------------------------------------------------------------------------------

export function start_browser() {
  const args = ["--disable-gpu", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];
  return chromium.launchServer({ executablePath: chromium_path(), args });
}

let shared = null;
async function studio() {
  shared ??= (async () => {
    const server = process.env.E2E_LINK ? null : await start_server();
    const launched = process.env.E2E_BROWSER ? null : await start_browser();
    const browser = await chromium.connect(process.env.E2E_BROWSER ?? launched.wsEndpoint());
    const link = process.env.E2E_LINK ?? server.link;
    return { browser, link, stop: async () => { await browser.close(); await launched?.close(); await server?.stop(); } };
  })();
  return shared;
}
after(async () => (await shared)?.stop());

// The link with the token behind "#", and the same for one screen.
export async function link_to(screen = "") {
  const { link } = await studio();
  if (!screen) return link;
  const [origin, token] = link.split("#");
  return token ? `${origin}#/${screen}?${token}` : `${origin.replace(/\/?$/, "/")}#/${screen}`;
}

// ---- A test with a page ---------------------------------------------------------------------------------------------

const kDesktop = { viewport: { width: 1440, height: 900 }, locale: "en-US", colorScheme: "dark" };
export const kPhone = { viewport: { width: 390, height: 844 }, locale: "en-US", colorScheme: "light", hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

// Faults of the page's own code, and what the content policy stopped: a test fails on them whatever it looks at.
function watch(page, faults) {
  page.on("pageerror", (error) => faults.push(`error in the page: ${error.stack ?? error}`));
  page.on("console", (message) => /Content Security Policy/i.test(message.text()) && faults.push(message.text()));
}

// Runs in the page.
function be_late(ms) {
  window.requestAnimationFrame = (call) => setTimeout(() => call(performance.now()), ms);
  const back = history.back.bind(history);
  history.back = () => setTimeout(back, ms);
}

export async function open_page(context, screen = "") {
  const page = await context.newPage();
  await page.goto(await link_to(screen));
  await page.waitForSelector(".topbar-model-name");
  await page.waitForFunction(() => document.querySelector(".topbar-dot-ok") !== null);
  return page;
}

// studio_test("what must be so", async ({ page, context, api }) => ..., { screen, device, real, late })
// A browser's profile of its own for each test: no draft and no settings of others. The server and its pictures are shared.
export function studio_test(name, body, { screen = "", device = {}, real = false, late = kLateMs, timeout = 240_000 } = {}) {
  test(name, { timeout, skip: real && mocked ? "the mock server cannot do this" : false }, async (t) => {
    const { browser } = await studio();
    const context = await browser.newContext({ ...kDesktop, ...device });
    context.setDefaultTimeout(60_000);
    const faults = [];
    context.on("page", (page) => watch(page, faults));
    if (late) await context.addInitScript(be_late, late);
    try {
      const page = await open_page(context, screen);
      await body({ page, context, t, api: api_of(page) });
      assert.deepEqual(faults, []);
    } catch (error) {
      await keep_pictures(context, name, [...faults, error.stack ?? String(error)]);
      throw error;
    } finally {
      await context.close();
    }
  });
}

async function keep_pictures(context, name, words) {
  mkdirSync(kFailures, { recursive: true });
  const file = join(kFailures, name.replace(/\W+/g, "_").slice(0, 80));
  writeFileSync(`${file}.txt`, words.join("\n\n"));
  for (const [at, page] of context.pages().entries()) await page.screenshot({ path: `${file}_${at}.png` }).catch(() => {});
}

// ---- The server's API, as the page's user ---------------------------------------------------------------------------

export function api_of(page) {
  const address = (path) => new URL(`/api/v1${path}`, page.url()).toString();
  const checked = async (response, path) => {
    assert.ok(response.ok(), `${path} gives ${response.status()}: ${(await response.text()).slice(0, 400)}`);
    return response;
  };
  return {
    get: async (path) => (await checked(await page.request.get(address(path)), path)).json(),
    bytes: async (path) => (await checked(await page.request.get(address(path)), path)).body(),
    post: async (path, data = {}) => {
      const text = await (await checked(await page.request.post(address(path), { data }), path)).text();
      return text ? JSON.parse(text) : undefined;
    },
    remove: async (path) => checked(await page.request.delete(address(path)), path),
    // Until `wanted` gives something.
    async until(what, wanted, patience_ms = kPatienceMs) {
      const last = Date.now() + patience_ms;
      for (;;) {
        const found = await wanted();
        if (found) return found;
        assert.ok(Date.now() < last, `waited ${patience_ms / 1000} s for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    // A job when it has come to an end.
    async ended(id) {
      return this.until(`job ${id}`, async () => {
        const job = await this.get(`/jobs/${id}`);
        return ["queued", "running"].includes(job.state) ? null : job;
      });
    },
    // Nothing runs and nothing waits any more.
    idle: async function () {
      await this.until("an idle server", async () => (await this.get("/jobs?limit=50")).jobs.every((job) => !["queued", "running"].includes(job.state)));
    },
  };
}
