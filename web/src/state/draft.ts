// SPDX-License-Identifier: Apache-2.0
// Autosave: recipe and layers, with everything drawn, go to IndexedDB soon after a change and come back on reload.
import { effect, signal } from "@preact/signals";
import { choose_draft } from "./draft_names.ts";
import { layers, selectedLayer, type ControlLayer } from "./layers.ts";
import { initialRecipe, recipe, type Recipe } from "./recipe.ts";

const kDatabase = "zeroconv-studio";
const kStore = "drafts";
const kEveryMs = 1500;
const kForgetMs = 14 * 24 * 3600 * 1000;

interface Draft {
  id: string;
  saved: number;
  recipe: Recipe;
  layers: ControlLayer[];
  selected: string | null;
}

export const draftSaved = signal<number | null>(null); // when
export const draftIsCopy = signal(false); // another tab works on the main draft

function request<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function open(): Promise<IDBDatabase> {
  const asked = indexedDB.open(kDatabase, 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore(kStore, { keyPath: "id" });
  return request(asked);
}

function drafts(database: IDBDatabase, mode: IDBTransactionMode): IDBObjectStore {
  return database.transaction(kStore, mode).objectStore(kStore);
}

// The lock is kept as long as the tab lives; without Web Locks (plain http) there is one draft for all.
function hold(id: string): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    void navigator.locks.request(`zeroconv-draft-${id}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise<void>(() => {}) : undefined;
    });
  });
}

const memory = {
  get: () => sessionStorage.getItem("zeroconv.draft"),
  set: (id: string) => sessionStorage.setItem("zeroconv.draft", id),
};

// What a page that goes away writes to IndexedDB may come too late. The recipe is small and goes where writing is done at once.
const kLastWords = "zeroconv.recipe";

function keep_last_words(): void {
  try {
    sessionStorage.setItem(kLastWords, JSON.stringify({ saved: Date.now(), recipe: recipe.peek() }));
  } catch {
    // A full store: IndexedDB remains.
  }
}

function last_words(): { saved: number; recipe: Recipe } | null {
  try {
    return JSON.parse(sessionStorage.getItem(kLastWords) ?? "null") as { saved: number; recipe: Recipe } | null;
  } catch {
    return null;
  }
}

async function forget_old(database: IDBDatabase, own: string): Promise<void> {
  const all = (await request(drafts(database, "readonly").getAll())) as Draft[];
  for (const draft of all) {
    if (draft.id !== own && draft.saved < Date.now() - kForgetMs) await request(drafts(database, "readwrite").delete(draft.id));
  }
}

function restore(draft: Draft): void {
  recipe.value = { ...initialRecipe, ...draft.recipe };
  layers.value = draft.layers;
  selectedLayer.value = draft.selected;
}

// Brings the draft back and begins to save. True when there was one.
export async function start_draft(): Promise<boolean> {
  let database: IDBDatabase;
  try {
    database = await open();
  } catch {
    return false; // private windows of some browsers
  }
  const choice = await choose_draft(memory, hold, () => `tab-${Date.now().toString(36)}-${Math.floor(Math.random() * 1e6)}`);
  draftIsCopy.value = choice.copyOf !== null;
  const found =
    ((await request(drafts(database, "readonly").get(choice.id))) as Draft | undefined) ??
    (choice.copyOf ? ((await request(drafts(database, "readonly").get(choice.copyOf))) as Draft | undefined) : undefined);
  if (found) restore(found);
  const words = last_words();
  const newer = words !== null && words.saved > (found?.saved ?? 0);
  if (newer) recipe.value = { ...initialRecipe, ...words.recipe };
  follow(database, choice.id);
  void forget_old(database, choice.id).catch(() => {});
  return found !== undefined || newer;
}

function follow(database: IDBDatabase, id: string): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let first = true;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    const draft: Draft = { id, saved: Date.now(), recipe: recipe.peek(), layers: layers.peek(), selected: selectedLayer.peek() };
    try {
      const store = drafts(database, "readwrite");
      const asked = store.put(draft);
      // At once, since a page that goes away does not come to it: what was not committed would be undone.
      store.transaction.commit();
      asked.onsuccess = () => (draftSaved.value = draft.saved);
    } catch {
      // A document that cannot be cloned, or a full disk: the page goes on, the next change tries again.
    }
  };
  effect(() => {
    void [recipe.value, layers.value, selectedLayer.value];
    if (first) {
      first = false;
      return;
    }
    timer ??= setTimeout(save, kEveryMs);
  });
  const leave = () => {
    if (!timer) return;
    keep_last_words();
    save();
  };
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());
  window.addEventListener("pagehide", leave);
}
