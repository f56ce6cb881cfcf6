// SPDX-License-Identifier: Apache-2.0
// What the browser must fetch before the first screen stands, against its budget. Fails the build when it is too much.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, "utf8"));
const kMain = 120_000;
const kPose3d = 190_000;
const kOther = 80_000;

const size = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length;

// A chunk with everything that it imports outright.
function closure(name, seen = new Set()) {
  const chunk = manifest[name];
  if (!chunk || seen.has(name)) return seen;
  seen.add(name);
  for (const other of chunk.imports ?? []) closure(other, seen);
  return seen;
}

const main = closure("index.html");
const main_bytes = [...main].reduce((sum, name) => sum + size(manifest[name].file), 0);
let failed = false;
const line = (name, bytes, budget) => {
  const wrong = bytes > budget;
  failed ||= wrong;
  console.log(`${wrong ? "TOO BIG " : ""}${name.padEnd(44)} ${(bytes / 1000).toFixed(1).padStart(7)} kB gz of ${budget / 1000} kB`);
};
line("main", main_bytes, kMain);
for (const [name, chunk] of Object.entries(manifest)) {
  if (main.has(name) || !chunk.file.endsWith(".js")) continue;
  const bytes = size(chunk.file);
  const has_three = /three|3d/i.test(chunk.file) || bytes > kOther;
  if (bytes > 4_000) line(chunk.file, bytes, has_three ? kPose3d : kOther);
}
const total = readdirSync(`${dist}assets`).reduce((sum, file) => sum + statSync(`${dist}assets/${file}`).size, 0);
console.log(`dist/assets ${(total / 1000).toFixed(0)} kB`);
process.exit(failed ? 1 : 0);
