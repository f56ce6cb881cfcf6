// SPDX-License-Identifier: Apache-2.0
// Writes src/segments/ade20k.ts from the annotators' table, src/annotators/ade20k_palette.cc. Run it when that table changes.
import { readFileSync, writeFileSync } from "node:fs";

const source = readFileSync(new URL("../../src/annotators/ade20k_palette.cc", import.meta.url), "utf8");
const table = (name) => source.slice(source.indexOf(name), source.indexOf("};", source.indexOf(name)));
const colours = [...table("kColours").matchAll(/\{(\d+), (\d+), (\d+)\}/g)].map((match) => match.slice(1, 4).map(Number));
const names = [...table("kNames").matchAll(/"([^"]*)"/g)].map((match) => match[1]);
if (colours.length !== 150 || names.length !== 150) throw new Error(`found ${colours.length} colours and ${names.length} names, 150 are wanted`);

const rows = names.map((name, i) => `  [${JSON.stringify(name)}, [${colours[i].join(", ")}]],`);
writeFileSync(
  new URL("../src/segments/ade20k.ts", import.meta.url),
  `// SPDX-License-Identifier: Apache-2.0
// The 150 classes of ADE20K: name and colour of each index. Written by scripts/ade20k.mjs from src/annotators/ade20k_palette.cc.

export type Rgb = readonly [number, number, number];

export const ADE20K: readonly (readonly [name: string, rgb: Rgb])[] = [
${rows.join("\n")}
];
`,
);
