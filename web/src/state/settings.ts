// SPDX-License-Identifier: Apache-2.0
// What this browser remembers of its user: looks and habits, kept in localStorage.
import { effect, signal } from "@preact/signals";
import { best_language, languages, set_language, type Language } from "../i18n/index.ts";

export type Theme = "auto" | "dark" | "light";

export interface LocalSettings {
  theme: Theme;
  language: Language | "auto";
  confirmDelete: boolean;
  notify: boolean; // a message of the system when a job ends while the page is hidden
  liveDelayMs: number;
  keys: Record<string, string>; // remapped shortcuts, by action
}

const kName = "zeroconv.settings";
const initial: LocalSettings = { theme: "auto", language: "auto", confirmDelete: true, notify: false, liveDelayMs: 300, keys: {} };

function read(): LocalSettings {
  try {
    return { ...initial, ...(JSON.parse(localStorage.getItem(kName) ?? "{}") as Partial<LocalSettings>) };
  } catch {
    return { ...initial }; // storage is off, or holds something foreign
  }
}

export const settings = signal<LocalSettings>(read());

export function set_setting<Name extends keyof LocalSettings>(name: Name, value: LocalSettings[Name]): void {
  settings.value = { ...settings.value, [name]: value };
  try {
    localStorage.setItem(kName, JSON.stringify(settings.value));
  } catch {
    // A private window may refuse; the setting then holds until the page is closed.
  }
}

const dark_system = matchMedia("(prefers-color-scheme: dark)");
export const systemDark = signal(dark_system.matches);
dark_system.addEventListener("change", () => (systemDark.value = dark_system.matches));

// Another tab changed something.
window.addEventListener("storage", (event) => {
  if (event.key === kName) settings.value = read();
});

export function follow_settings(): void {
  effect(() => {
    const { theme } = settings.value;
    document.documentElement.dataset.theme = theme === "auto" ? (systemDark.value ? "dark" : "light") : theme;
  });
  effect(() => {
    const wanted = settings.value.language;
    void set_language(wanted !== "auto" && wanted in languages ? wanted : best_language(navigator.languages));
  });
}
