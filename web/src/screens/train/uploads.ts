// SPDX-License-Identifier: Apache-2.0
// Own pairs for a training: files are sorted into pairs, sent as assets a few at a time, and kept until the training is started.
import { signal } from "@preact/signals";
import { api } from "../../api/client.ts";
import type { TrainPair } from "../../api/types.ts";
import { error_text } from "../../state/errors.ts";
import { is_picture_file, is_text_file, pair_files } from "./pairs.ts";

const kAtOnce = 4;

export interface UploadPair {
  id: number;
  name: string;
  text: string;
  picture: Blob;
  map: Blob | null; // null: an annotator makes it
  target?: string; // shas, when they have been sent
  source?: string;
  error?: string;
}

export const uploadPairs = signal<UploadPair[]>([]);
export const unusedFiles = signal<string[]>([]);

let next_id = 1;
let lanes = 0;

export function is_sent(pair: UploadPair): boolean {
  return pair.target !== undefined && (pair.map === null || pair.source !== undefined);
}

function change(id: number, values: Partial<UploadPair>): void {
  uploadPairs.value = uploadPairs.value.map((pair) => (pair.id === id ? { ...pair, ...values } : pair));
}

export function set_text(id: number, text: string): void {
  change(id, { text });
}

export function remove_pair(id: number): void {
  uploadPairs.value = uploadPairs.value.filter((pair) => pair.id !== id);
}

export function clear_pairs(): void {
  uploadPairs.value = [];
  unusedFiles.value = [];
}

export interface NamedFile {
  path: string;
  file: File;
}

export async function add_files(files: readonly NamedFile[]): Promise<void> {
  const sources = await Promise.all(files.map(async ({ path, file }) => (is_text_file(path) ? { path, text: await file.text() } : { path })));
  const by_path = new Map(files.map(({ path, file }) => [path, file]));
  const found = pair_files(sources);
  const made = found.pairs.map((pair): UploadPair => {
    next_id += 1;
    return { id: next_id, name: pair.name, text: pair.text, picture: by_path.get(pair.picture)!, map: pair.map ? by_path.get(pair.map)! : null };
  });
  uploadPairs.value = [...uploadPairs.value, ...made];
  unusedFiles.value = [...unusedFiles.value, ...found.unused.filter((path) => !/(^|\/)\./.test(path))];
  send_all();
}

export function retry_failed(): void {
  uploadPairs.value = uploadPairs.value.map(({ error: _, ...pair }) => pair);
  send_all();
}

function send_all(): void {
  while (lanes < kAtOnce && next_unsent()) void lane();
}

const busy = new Set<number>();
function next_unsent(): UploadPair | undefined {
  return uploadPairs.value.find((pair) => !is_sent(pair) && !pair.error && !busy.has(pair.id));
}

async function lane(): Promise<void> {
  lanes += 1;
  for (let pair = next_unsent(); pair; pair = next_unsent()) {
    busy.add(pair.id);
    try {
      const target = (await api.put_asset(pair.picture)).sha;
      const source = pair.map ? (await api.put_asset(pair.map)).sha : undefined;
      change(pair.id, { target, ...(source ? { source } : {}) });
    } catch (error) {
      change(pair.id, { error: error_text(error) });
    } finally {
      busy.delete(pair.id);
    }
  }
  lanes -= 1;
}

export function train_pairs(pairs: readonly UploadPair[]): TrainPair[] {
  return pairs.filter(is_sent).map((pair) => ({ target: `asset:${pair.target}`, ...(pair.source ? { map: `asset:${pair.source}` } : {}), text: pair.text }));
}

// All files of what was dropped, with the folders in which they lie.
export async function files_of_drop(data: DataTransfer): Promise<NamedFile[]> {
  // The list is emptied when the event is over, so the entries are taken first.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null).filter((entry): entry is FileSystemEntry => entry !== null);
  if (!entries.length) return [...data.files].map((file) => ({ path: file.name, file }));
  const found: NamedFile[] = [];
  for (const entry of entries) await walk(entry, found);
  return found.filter(({ path }) => is_picture_file(path) || is_text_file(path));
}

async function walk(entry: FileSystemEntry, found: NamedFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader gives a hundred at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await walk(one, found);
  }
}
