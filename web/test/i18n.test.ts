// SPDX-License-Identifier: Apache-2.0
// Every word that the page asks for is there, in every language.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const source = join(process.cwd(), "src");
const folder = join(source, "i18n");
const languages = readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory());

// The files are flat objects of strings; they are read as text so that a key that stands twice is seen.
function words_of(file: string): Map<string, string> {
  const words = new Map<string, string>();
  for (const [, quoted, plain, text] of readFileSync(file, "utf8").matchAll(/^\s*(?:"([^"]+)"|([\w$]+)):\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)/gm)) {
    const key = quoted ?? plain!;
    assert.ok(!words.has(key), `${file} has "${key}" twice`);
    words.set(key, text!);
  }
  return words;
}

// Plural forms of English that other languages may not need.
const base = (key: string) => key.replace(/_(zero|one|two|few|many|other)$/, "");
const placeholders = (text: string) => [...text.matchAll(/\{\{\s*(\w+)/g)].map(([, name]) => name).sort().join(" ");

function files_of(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? files_of(join(directory, entry.name)) : [join(directory, entry.name)]));
}

const features = readdirSync(join(folder, "en")).filter((name) => name.endsWith(".ts"));
const english = new Map(features.map((file) => [file.slice(0, -3), words_of(join(folder, "en", file))]));

for (const language of languages.filter((name) => name !== "en")) {
  test(`${language} has every word of English, with the same values in it`, () => {
    for (const file of features) {
      const own = words_of(join(folder, language, file));
      const wanted = english.get(file.slice(0, -3))!;
      const have = new Set([...own.keys()].map(base));
      for (const [key, text] of wanted) {
        assert.ok(have.has(base(key)), `${language}/${file} lacks "${key}"`);
        const translated = own.get(key) ?? own.get(`${base(key)}_other`);
        if (translated !== undefined) assert.equal(placeholders(translated), placeholders(text), `${language}/${file} "${key}" has other values in {{}}`);
      }
      const known = new Set([...wanted.keys()].map(base));
      for (const key of own.keys()) assert.ok(known.has(base(key)), `${language}/${file} has "${key}", which English lacks`);
    }
  });

  test(`${language} has the files of English and no others`, () => {
    assert.deepEqual(readdirSync(join(folder, language)).sort(), [...features].sort());
  });
}

test("every key in the code is an English word", () => {
  const missing: string[] = [];
  for (const file of files_of(source).filter((name) => /\.tsx?$/.test(name) && !name.startsWith(folder))) {
    for (const [, key] of readFileSync(file, "utf8").matchAll(/\bt\(\s*(?:[^"'`()]*\?\s*)?"([a-z0-9_]+\.[\w-]+)"/g)) {
      const [feature, name] = key!.split(".") as [string, string];
      const words = english.get(feature);
      const there = words && [...words.keys()].some((word) => base(word) === name || word === name);
      if (!there) missing.push(`${file.slice(source.length + 1)}: ${key}`);
    }
  }
  assert.deepEqual(missing, []);
});

test("keys that are chosen between in the code are English words too", () => {
  const missing: string[] = [];
  for (const file of files_of(source).filter((name) => /\.tsx?$/.test(name) && !name.startsWith(folder))) {
    for (const [, first, second] of readFileSync(file, "utf8").matchAll(/\bt\([^()]*\?\s*"([a-z0-9_]+\.[\w-]+)"\s*:\s*"([a-z0-9_]+\.[\w-]+)"\s*[,)]/g)) {
      for (const key of [first!, second!]) {
        const [feature, name] = key.split(".") as [string, string];
        if (![...(english.get(feature)?.keys() ?? [])].some((word) => base(word) === name)) missing.push(`${file.slice(source.length + 1)}: ${key}`);
      }
    }
  }
  assert.deepEqual(missing, []);
});
