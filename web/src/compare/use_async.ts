// SPDX-License-Identifier: Apache-2.0
// Something that is fetched while a component stands on the page.
import { useEffect, useState } from "preact/hooks";
import { error_text } from "../state/errors.ts";

export type Loaded<T> = { state: "loading" } | { state: "ready"; value: T } | { state: "failed"; error: string };

// Runs `load` whenever `key` changes; null as key: nothing is wanted. An answer that comes too late is dropped.
export function useAsync<T>(key: string | null, load: () => Promise<T>): Loaded<T> & { again(): void } {
  const [got, setGot] = useState<{ key: string | null; loaded: Loaded<T> }>({ key, loaded: { state: "loading" } });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (key === null) return;
    let gone = false;
    setGot({ key, loaded: { state: "loading" } });
    load().then(
      (value) => !gone && setGot({ key, loaded: { state: "ready", value } }),
      (error: unknown) => !gone && setGot({ key, loaded: { state: "failed", error: error_text(error) } }),
    );
    return () => {
      gone = true;
    };
  }, [key, tries]);
  const loaded: Loaded<T> = got.key === key ? got.loaded : { state: "loading" };
  return { ...loaded, again: () => setTries(tries + 1) };
}
