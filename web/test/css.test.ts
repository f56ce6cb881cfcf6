// SPDX-License-Identifier: Apache-2.0
// Style sheets share one page: no class belongs to two features, and colours come from the tokens.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";

const source = join(process.cwd(), "src");

function sheets(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sheets(join(folder, entry.name)) : entry.name.endsWith(".css") ? [join(folder, entry.name)] : [],
  );
}

const feature = (file: string) => relative(source, file).split("/").slice(0, -1).join("/");
const plain = (file: string) => readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");

// A rule that begins with a class defines it; one that only mentions it after another class places it.
test("a class that begins a rule belongs to one folder", () => {
  const owner = new Map<string, string>();
  const clashes: string[] = [];
  for (const file of sheets(source)) {
    for (const [, selectors] of plain(file).matchAll(/(?:^|[{}])\s*([^{}@]+)\{/g)) {
      for (const selector of selectors!.split(",")) {
        const name = /^\s*\.([\w-]+)\s*$/.exec(selector)?.[1];
        if (!name) continue;
        const known = owner.get(name) ?? feature(file);
        owner.set(name, known);
        if (known !== feature(file)) clashes.push(`.${name} in ${known} and ${feature(file)}`);
      }
    }
  }
  assert.deepEqual(clashes, []);
});

test("every colour variable that is used is defined in both themes", () => {
  const tokens = readFileSync(join(source, "design/tokens.css"), "utf8");
  const defined = new Set([...tokens.matchAll(/(--[\w-]+):/g)].map(([, name]) => name));
  const dark = tokens.slice(tokens.indexOf('[data-theme="dark"]'));
  const light = tokens.slice(tokens.indexOf('[data-theme="light"]'), tokens.indexOf('[data-theme="dark"]'));
  for (const [, name] of light.matchAll(/(--[\w-]+):/g)) assert.ok(dark.includes(`${name}:`), `${name} is missing in the dark theme`);
  for (const file of sheets(source)) {
    const text = plain(file);
    const own = new Set([...text.matchAll(/(--[\w-]+)\s*:/g)].map(([, name]) => name));
    for (const [whole, name, fallback] of text.matchAll(/var\((--[\w-]+)(\s*,)?/g)) {
      const set_by_code = ["--part", "--from", "--to", "--marks", "--kind", "--scale"].includes(name!) || /^--(seg|pose|stage|gallery|train)/.test(name!);
      assert.ok(fallback || defined.has(name!) || own.has(name!) || set_by_code, `${relative(source, file)}: ${whole} is defined nowhere`);
    }
  }
});

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
const contrast = (one: string, other: string) => {
  const [a, b] = [luminance(one), luminance(other)].sort((x, y) => y - x);
  return (a! + 0.05) / (b! + 0.05);
};

for (const theme of ["light", "dark"]) {
  test(`the ${theme} theme has AA contrast`, () => {
    const tokens = readFileSync(join(source, "design/tokens.css"), "utf8");
    const block = tokens.slice(tokens.indexOf(`[data-theme="${theme}"]`)).split("}")[0]!;
    const value = (name: string) => new RegExp(`--${name}:\\s*(#[0-9a-f]{6})`).exec(block)?.[1] ?? assert.fail(`--${name}`);
    for (const ground of ["bg", "surface", "surface-2", "surface-3"]) {
      for (const ink of ["text", "text-muted"]) assert.ok(contrast(value(ink), value(ground)) >= 4.5, `${ink} on ${ground}: ${contrast(value(ink), value(ground)).toFixed(2)}`);
    }
    for (const [ink, ground] of [["accent-text", "accent"], ["accent-text", "accent-hover"], ["accent-soft-text", "accent-soft"], ["accent", "surface"], ["danger", "danger-soft"], ["danger", "surface"], ["ok", "ok-soft"], ["warn", "warn-soft"], ["warn", "surface"]] as const) {
      assert.ok(contrast(value(ink), value(ground)) >= 4.5, `${ink} on ${ground}: ${contrast(value(ink), value(ground)).toFixed(2)}`);
    }
    assert.ok(contrast(value("border-strong"), value("surface")) >= 3, "border-strong on surface");
  });
}
