// SPDX-License-Identifier: Apache-2.0
// Runs the end-to-end tests with one server and one browser. Arguments choose files by a part of their name.
//   node e2e/run.mjs [PART ...]      status 77: something that they need is missing here
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const folder = new URL(".", import.meta.url).pathname;
function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(77);
}
if (!existsSync(join(folder, "../node_modules/playwright-core"))) skip("web/node_modules is not there; run `npm ci --ignore-scripts` in web/");

const { chromium_path, mocked, program, start_browser, start_server } = await import("./harness.mjs");
if (!chromium_path()) skip("no Chromium; install it, or name it with CHROMIUM=PATH");
if (!mocked && !existsSync(program)) skip(`${program} is not built; name the program with ZEROCONV=PATH, or set E2E_SERVER=mock`);

const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".test.mjs") && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .sort()
  .map((name) => join(folder, name));
if (files.length === 0) {
  console.error(`no file here has ${wanted.join(" or ")} in its name`);
  process.exit(2);
}

rmSync(join(folder, "../build/e2e"), { recursive: true, force: true });
const server = await start_server();
const browser = await start_browser();
const environment = { ...process.env, E2E_LINK: server.link, E2E_BROWSER: browser.wsEndpoint() };
const tests = spawn(process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", ...files], { stdio: "inherit", env: environment });
const status = await new Promise((resolve) => tests.once("exit", (code) => resolve(code ?? 1)));
await browser.close();
await server.stop();
if (status !== 0) console.log("pictures of the pages that failed are in web/build/e2e");
process.exit(status);
