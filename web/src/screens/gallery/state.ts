// SPDX-License-Identifier: Apache-2.0
// What the gallery shows now: its filter, the list behind it, what is chosen, and where the keyboard stands.
import { signal } from "@preact/signals";
import { api } from "../../api/client.ts";
import { lastImage } from "../../state/start.ts";
import { emptyFilter, query_of, type GalleryFilter } from "./filter.ts";
import { Feed } from "./feed.ts";
import { noSelection, remaining, type Selection } from "./grid.ts";

const kTile = "zeroconv.gallery.tile";

export const filter = signal<GalleryFilter>(emptyFilter);
export const feed = signal<Feed | null>(null);
export const selection = signal<Selection>(noSelection);
export const focused = signal(0); // index of the tile at which the keys work
export const atTop = signal(true); // the list stands at its beginning, so that new pictures move nothing away
export const tileSize = signal(read_tile());

function read_tile(): number {
  const stored = Number(localStorage.getItem(kTile));
  return stored >= 90 && stored <= 400 ? stored : 190;
}

export function set_tile(size: number): void {
  tileSize.value = size;
  try {
    localStorage.setItem(kTile, String(size));
  } catch {
    // Then it holds until the page is closed.
  }
}

export function set_filter(change: Partial<GalleryFilter>): void {
  filter.value = { ...filter.value, ...change };
  selection.value = noSelection;
  focused.value = 0;
  open_feed();
}

// A new list for the filter; the old one is given up with all that it was fetching.
export function open_feed(): void {
  feed.value?.close();
  const made = new Feed(query_of(filter.value, Date.now()), (query, stop) => api.images(query, stop));
  feed.value = made;
  made.want(0);
}

// While the gallery is on the screen: follows events. Returns what ends that.
export function follow_gallery(): () => void {
  // What happened while another screen was open is not known here.
  open_feed();
  let first = true;
  const stop = lastImage.subscribe((event) => {
    const list = feed.peek();
    // The one that is there at the start is an old one.
    if (first || !event || !list) {
      first = false;
      return;
    }
    if ("removed" in event) list.drop(event.removed);
    else list.take(event.image, atTop.peek());
    selection.value = remaining(selection.peek(), list.images.peek());
  });
  return () => {
    stop();
    feed.value?.close();
    feed.value = null;
  };
}
