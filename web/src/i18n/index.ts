// SPDX-License-Identifier: Apache-2.0
// Words of the page: t("create.generate") looks up `generate` in the file create.ts of the language, then in the English one.
// English is part of the page; other languages are fetched when they are chosen.
import { signal } from "@preact/signals";
import i18next from "i18next";

export const languages = {
  en: "English",
  "zh-CN": "简体中文",
} as const;
export type Language = keyof typeof languages;

type Words = Record<string, string>;
type Feature = { default: Words };

const english = import.meta.glob<Feature>("./en/*.ts", { eager: true });
const others = import.meta.glob<Feature>(["./*/*.ts", "!./en/*.ts"]);

function feature_of(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1, -".ts".length);
}

void i18next.init({
  lng: "en",
  fallbackLng: "en",
  ns: Object.keys(english).map(feature_of),
  nsSeparator: ".",
  keySeparator: false,
  initAsync: false,
  interpolation: { escapeValue: false }, // Preact escapes
  resources: { en: Object.fromEntries(Object.entries(english).map(([path, module]) => [feature_of(path), module.default])) },
});

// Components that call t() are drawn again when this changes.
export const language = signal<Language>("en");

export function t(key: string, values?: Record<string, unknown>): string {
  void language.value;
  return i18next.t(key, values ?? {});
}

// Words for a name out of the server (a kind, a phase): those of the page where it has them, else `fallback`.
export function t_or(key: string, fallback: string): string {
  void language.value;
  return i18next.exists(key) ? i18next.t(key) : fallback;
}

export function best_language(wanted: readonly string[]): Language {
  for (const name of wanted) {
    const lower = name.toLowerCase();
    if (lower.startsWith("zh")) return "zh-CN";
    if (lower.startsWith("en")) return "en";
  }
  return "en";
}

export async function set_language(next: Language): Promise<void> {
  if (next !== "en") {
    const files = Object.entries(others).filter(([path]) => path.startsWith(`./${next}/`));
    const loaded = await Promise.all(files.map(async ([path, load]) => [feature_of(path), (await load()).default] as const));
    for (const [feature, words] of loaded) i18next.addResourceBundle(next, feature, words);
  }
  await i18next.changeLanguage(next);
  document.documentElement.lang = next;
  language.value = next;
}
