// SPDX-License-Identifier: Apache-2.0
// Which draft a tab works on, so that two tabs never write the same one. No page in here.

export interface TabMemory {
  get(): string | null; // of this tab alone; survives a reload
  set(id: string): void;
}

// Holds a name until the tab is closed; false where another tab holds it.
export type Hold = (id: string) => Promise<boolean>;

export interface Choice {
  id: string;
  copyOf: string | null; // the draft to begin with when there is none of that id yet
}

export const kMainDraft = "main";

// The tab's own draft of before the reload, if nobody else has it (a duplicated tab brings its twin's memory along);
// else the main one; else a new one that begins as a copy of the main one.
export async function choose_draft(memory: TabMemory, hold: Hold, fresh: () => string): Promise<Choice> {
  const own = memory.get();
  for (const id of own ? [own, kMainDraft] : [kMainDraft]) {
    if (await hold(id)) {
      memory.set(id);
      return { id, copyOf: null };
    }
  }
  const id = fresh();
  await hold(id);
  memory.set(id);
  return { id, copyOf: own ?? kMainDraft };
}
