// SPDX-License-Identifier: Apache-2.0
// docs/studio.md tells the truth about the keys. UPDATE_DOCS=1 writes the table anew.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import words from "../src/i18n/en/keys.ts";
import { key_caps, keyActions, type KeyAction } from "../src/state/keys.ts";

// The bundled test lies in web/build/test and is run in web/.
const kPage = "../docs/studio.md";
const named: Record<string, string> = words;

function caps(action: KeyAction): string {
  const shown = action.keys.map((combo) => `\`${key_caps(combo).join("+").replace("↵", "Enter")}\``);
  return action.id === "toggle_layer" ? `${shown[0]} to ${shown.at(-1)}` : shown.join(" ");
}

function table(): string {
  const lines = keyActions.map((action) => `| ${named[`group_${action.group}`]} | ${caps(action)} | ${named[action.id]} |`);
  return ["| where | key | what it does |", "|---|---|---|", ...lines].join("\n");
}

test("the page of the studio lists every key as it is", { skip: existsSync(kPage) ? false : "the docs are not here" }, () => {
  const text = readFileSync(kPage, "utf8");
  const [before, rest] = text.split("<!-- keys -->\n");
  const [now, after] = (rest ?? "").split("<!-- /keys -->");
  if (process.env.UPDATE_DOCS) writeFileSync(kPage, `${before}<!-- keys -->\n${table()}\n<!-- /keys -->${after}`);
  else assert.equal(now?.trimEnd(), table());
});
