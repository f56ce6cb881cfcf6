// SPDX-License-Identifier: Apache-2.0
// A long list of pictures, fetched page by page behind a cursor while it is scrolled, and kept up to date by events. No page in here.
import { signal } from "@preact/signals";
import type { ImageFilter, ImagePage, StudioImage } from "../../api/types.ts";
import { fits } from "./filter.ts";

// What a tile needs; the record of a picture is fetched when it is opened, since 100,000 of them would fill the memory.
export interface FeedImage {
  id: string;
  job: string;
  sha: string;
  width: number;
  height: number;
  created: number;
  starred: boolean;
  trashed: boolean;
  seed: number;
  prompt: string;
  model: string;
  kinds: string[];
  index: number;
  thumb: string;
  url: string;
}

const kPromptLength = 200;

export function slim(image: StudioImage): FeedImage {
  const { id, job, sha, width, height, created, starred, trashed, seed, model, kinds, index, thumb, url } = image;
  return { id, job, sha, width, height, created, starred, trashed, seed, prompt: image.prompt.slice(0, kPromptLength), model, kinds, index, thumb, url };
}

export type Fetch = (query: ImageFilter, signal: AbortSignal) => Promise<ImagePage>;

const kFirst = 60;
const kLeast = 100;
const kMost = 1000; // in one page, as many as the server gives

export class Feed {
  readonly images = signal<readonly FeedImage[]>([]);
  readonly waiting = signal<readonly FeedImage[]>([]); // newer ones that are not put in yet, so that nothing moves under the eyes
  readonly total = signal<number | null>(null); // on all pages, as the server said; null: not known yet
  readonly loading = signal(false);
  readonly error = signal<unknown>(null);

  private known = new Set<string>();
  private cursor: string | undefined;
  private ended = false;
  private wanted = 0; // the list is to reach beyond this index
  private running: Promise<void> = Promise.resolve();
  private readonly stop = new AbortController();

  constructor(
    readonly query: ImageFilter,
    private readonly fetch: Fetch,
  ) {}

  get complete(): boolean {
    return this.ended;
  }

  // Fetches until the picture at `index` is there; a later call with a smaller one ends it earlier.
  want(index: number): void {
    this.wanted = index;
    const enough = this.total.value !== null && this.images.value.length > index;
    if (!enough && !this.loading.value && !this.ended && this.error.value === null) this.running = this.run();
  }

  // Everything there is; what was fetched until then where a page fails.
  async all(): Promise<readonly FeedImage[]> {
    this.want(Number.MAX_SAFE_INTEGER);
    await this.running;
    return this.images.value;
  }

  retry(): void {
    this.error.value = null;
    this.running = this.run();
  }

  close(): void {
    this.stop.abort();
  }

  private async run(): Promise<void> {
    this.loading.value = true;
    try {
      do await this.next_page();
      while (!this.ended && !this.stop.signal.aborted && this.images.value.length <= this.wanted);
    } catch (error) {
      if (!this.stop.signal.aborted) this.error.value = error;
    } finally {
      this.loading.value = false;
    }
  }

  private async next_page(): Promise<void> {
    const missing = this.wanted + 1 - this.images.value.length;
    const limit = this.cursor === undefined ? Math.max(kFirst, Math.min(kMost, missing)) : Math.max(kLeast, Math.min(kMost, missing));
    const page = await this.fetch({ ...this.query, limit, ...(this.cursor === undefined ? {} : { cursor: this.cursor }) }, this.stop.signal);
    if (this.stop.signal.aborted) return;
    const fresh = page.images.filter((image) => !this.known.has(image.id)).map(slim);
    for (const image of fresh) this.known.add(image.id);
    this.images.value = [...this.images.value, ...fresh];
    // Those that came meanwhile are counted by the server and stand in `waiting`.
    this.total.value = Math.max(page.total - this.waiting.value.length, this.images.value.length);
    this.ended = page.next === null || page.images.length === 0;
    if (this.ended) this.total.value = this.images.value.length;
    this.cursor = page.next ?? undefined;
  }

  // A picture that is new or has changed. `now`: puts a new one in at once, at the front.
  take(image: StudioImage, now: boolean): void {
    const belongs = fits(image, this.query);
    if (this.known.has(image.id)) {
      if (!belongs) return this.drop(image.id);
      const change = (list: readonly FeedImage[]) => list.map((one) => (one.id === image.id ? slim(image) : one));
      if (this.waiting.value.some((one) => one.id === image.id)) this.waiting.value = change(this.waiting.value);
      else this.images.value = change(this.images.value);
      return;
    }
    if (!belongs) return;
    // Before the first page has come it may be on it; older than what is here, it comes with its page.
    const oldest = this.images.value.at(-1);
    if (this.total.value === null || (oldest && !this.ended && image.created < oldest.created)) return;
    this.known.add(image.id);
    const newest = this.images.value[0];
    if (!now && (!newest || image.created >= newest.created)) this.waiting.value = in_order([slim(image), ...this.waiting.value]);
    else this.put([slim(image)]);
  }

  // Puts in what waits.
  flush(): void {
    const waiting = this.waiting.value;
    if (!waiting.length) return;
    this.waiting.value = [];
    this.put(waiting);
  }

  private put(images: readonly FeedImage[]): void {
    this.images.value = in_order([...images, ...this.images.value]);
    this.total.value = (this.total.value ?? 0) + images.length;
  }

  drop(id: string): void {
    if (!this.known.delete(id)) return;
    const before = this.images.value.length;
    this.images.value = this.images.value.filter((image) => image.id !== id);
    this.waiting.value = this.waiting.value.filter((image) => image.id !== id);
    if (this.images.value.length < before) this.total.value = Math.max(this.images.value.length, (this.total.value ?? 1) - 1);
  }

  // Changes fields of pictures that are here: a star that is set before the server has said so.
  patch(ids: ReadonlySet<string>, change: Partial<FeedImage>): void {
    this.images.value = this.images.value.map((image) => (ids.has(image.id) ? { ...image, ...change } : image));
  }
}

function in_order(images: readonly FeedImage[]): readonly FeedImage[] {
  for (let at = 1; at < images.length; at += 1) {
    const [a, b] = [images[at - 1]!, images[at]!];
    if (a.created < b.created) return [...images].sort((x, y) => y.created - x.created || (x.id < y.id ? 1 : -1));
  }
  return images;
}
