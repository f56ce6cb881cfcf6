// SPDX-License-Identifier: Apache-2.0
// What stored documents of all editors share: bytes, cached PNG files, and the maps that an editor knows. No DOM.
import { crc32 } from "./png.ts";

/** Maps that this editor made or took in already, by length and checksum: its own work must not come back as news. */
export class KnownMaps {
  private keys: string[];
  constructor(keys: unknown = []) {
    this.keys = Array.isArray(keys) ? keys.filter((key): key is string => typeof key === "string") : [];
  }
  add(bytes: Uint8Array): void {
    const key = this.key(bytes);
    if (!this.keys.includes(key)) this.keys = [...this.keys, key].slice(-64);
  }
  has(bytes: Uint8Array): boolean {
    return this.keys.includes(this.key(bytes));
  }
  list(): string[] {
    return [...this.keys];
  }
  private key(bytes: Uint8Array): string {
    return `${bytes.length}-${crc32(bytes).toString(16)}`;
  }
}

/** Bytes out of a stored document: typed arrays, or what became of one on a way through JSON. */
export function bytes_of(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (!value || typeof value !== "object") return null;
  const numbers = Object.values(value);
  return numbers.every((n) => typeof n === "number") ? Uint8Array.from(numbers as number[]) : null;
}

const cache = new WeakMap<object, { sum: number; png: Uint8Array }>();

/** Encodes a plane, unless it is the same as the last time. `encode` gets a copy, since drawing goes on meanwhile. */
export async function cached_png<T extends Uint8Array | Uint16Array>(plane: { data: T }, encode: (data: T) => Promise<Uint8Array>): Promise<Uint8Array> {
  const data = plane.data.slice() as T;
  const sum = crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const kept = cache.get(plane);
  if (kept?.sum === sum) return kept.png;
  const png = await encode(data);
  cache.set(plane, { sum, png });
  return png;
}
