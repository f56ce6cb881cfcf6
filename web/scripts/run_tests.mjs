// SPDX-License-Identifier: Apache-2.0
// Bundles each test/*.test.ts for node and runs them all. Arguments choose tests by a part of their name.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
const wanted = process.argv.slice(2);
const tests = readdirSync(`${root}test`)
  .filter((name) => /\.test\.tsx?$/.test(name))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
if (tests.length === 0) {
  console.error(`no test has ${wanted.join(" or ")} in its name`);
  process.exit(2);
}

const out = `${root}build/test`;
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  entryPoints: tests.map((name) => `${root}test/${name}`),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node18",
  packages: "external",
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".css": "empty", ".svg": "text", ".woff2": "empty" },
  define: { "import.meta.env": "{}" },
  sourcemap: "inline",
  logLevel: "warning",
});

const files = tests.map((name) => `${out}/${name.replace(/\.tsx?$/, ".mjs")}`);
const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit", cwd: root });
process.exit(run.status ?? 1);
