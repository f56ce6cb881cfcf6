// SPDX-License-Identifier: Apache-2.0
// FILE.gz and FILE.br of each text file of a folder, in another folder. Usage: node compress_web.mjs FOLDER PACKED
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [folder, packed] = process.argv.slice(2);
const texts = new Set([".html", ".js", ".css", ".json", ".svg", ".txt", ".webmanifest", ".wasm"]);

function walk(inside) {
  return readdirSync(join(folder, inside), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(inside, entry.name)) : [join(inside, entry.name)],
  );
}

for (const name of walk("")) {
  const bytes = readFileSync(join(folder, name));
  if (!texts.has(extname(name)) || bytes.length < 500) continue;
  mkdirSync(dirname(join(packed, name)), { recursive: true });
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  writeFileSync(join(packed, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  writeFileSync(join(packed, `${name}.br`), brotliCompressSync(bytes, brotli));
}
