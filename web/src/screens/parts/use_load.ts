// SPDX-License-Identifier: Apache-2.0
// A list that is fetched when its screen is opened and again when something happened; the old one stays meanwhile.
import { useEffect, useRef, useState } from "preact/hooks";
import { error_text } from "../../state/errors.ts";

export interface Load<T> {
  value: T | null; // of the last try that went well
  error: string; // of the last try; "" where it went well
  loading: boolean;
  reload(): Promise<void>;
}

// `key`: whatever it depends on. A change of `tick` alone keeps the value on the page until the new one is there.
export function useLoad<T>(load: () => Promise<T>, key: string, tick = 0): Load<T> {
  const [state, setState] = useState<{ key: string; value: T | null; error: string; loading: boolean }>({ key, value: null, error: "", loading: true });
  const newest = useRef(0);
  const run = async () => {
    newest.current += 1;
    const mine = newest.current;
    setState((before) => (before.key === key ? { ...before, loading: true } : { key, value: null, error: "", loading: true }));
    try {
      const value = await load();
      if (mine === newest.current) setState({ key, value, error: "", loading: false });
    } catch (error) {
      if (mine === newest.current) setState((before) => ({ ...before, error: error_text(error), loading: false }));
    }
  };
  useEffect(() => {
    void run();
  }, [key, tick]);
  useEffect(() => () => void (newest.current += 1), []);
  return { value: state.key === key ? state.value : null, error: state.error, loading: state.loading, reload: run };
}

// The time now, again every so often, for "3 minutes ago".
export function useNow(every_ms: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && setNow(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}

// At most one rise of the counter in `every_ms`, the last one always: a storm of events asks once.
export function useCalm(count: number, every_ms: number): number {
  const [calm, setCalm] = useState(count);
  const last = useRef(0);
  useEffect(() => {
    if (count === calm) return;
    const wait = Math.max(0, last.current + every_ms - Date.now());
    const timer = setTimeout(() => {
      last.current = Date.now();
      setCalm(count);
    }, wait);
    return () => clearTimeout(timer);
  }, [count, calm]);
  return calm;
}
