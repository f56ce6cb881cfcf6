// SPDX-License-Identifier: Apache-2.0
// Drawings that the recipe does not hold yet. They are stored when the hand rests; whoever sends the recipe away asks for that at once.
import { computed, signal } from "@preact/signals";

const kRestMs = 150;

const open = signal<ReadonlySet<Outbox>>(new Set());

// What is drawn and not stored, by the names that `editing` has for it.
export const unsaved = computed<ReadonlySet<string>>(() => new Set([...open.value].map(({ what }) => what)));

// Stores a drawing as it is by then: one at a time, so that an older one never comes last.
export class Outbox {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;
  private waiting = false;

  constructor(
    readonly what: string,
    private readonly store: () => Promise<void>,
  ) {}

  // The drawing changed. What an earlier editor of the same drawing could not store is out of date with it.
  changed(): void {
    this.waiting = true;
    open.value = new Set([...open.value].filter((other) => other.what !== this.what).concat(this));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush().catch(() => undefined), kRestMs);
  }

  // Resolves when everything that changed before the call is stored. Rejects as `store` does, and the drawing waits on.
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    await this.running?.catch(() => undefined);
    if (this.waiting) this.running ??= this.run();
    await this.running;
  }

  private async run(): Promise<void> {
    this.waiting = false;
    try {
      await this.store();
    } catch (error) {
      this.waiting = true;
      throw error;
    } finally {
      this.running = null;
    }
    if (!this.waiting) open.value = new Set([...open.value].filter((other) => other !== this));
  }
}

// Rejects with the first fault.
export async function all_saved(): Promise<void> {
  await Promise.all([...open.value].map((outbox) => outbox.flush()));
}
