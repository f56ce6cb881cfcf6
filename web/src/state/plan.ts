// SPDX-License-Identifier: Apache-2.0
// Will it fit, and how long will it take? Asked a moment after the last change.
import { effect, signal } from "@preact/signals";
import { api, ApiError, is_abort } from "../api/client.ts";
import type { JobPlan } from "../api/types.ts";
import { capabilities } from "./capabilities.ts";
import { connection } from "./session.ts";
import { currentRequest } from "./submit.ts";

export const plan = signal<JobPlan | null>(null);
export const planError = signal<string>("");

const kWaitMs = 500;

// Bytes out of a plan whose names may differ: the peak, else the largest phase.
export function peak_of(memory: Record<string, unknown>): number {
  for (const name of ["peak", "peak_bytes", "total"]) {
    const value = memory[name];
    if (typeof value === "number") return value;
  }
  const numbers = Object.entries(memory).filter(([name, value]) => typeof value === "number" && !/available|limit|free/.test(name)).map(([, value]) => value as number);
  return numbers.length ? Math.max(...numbers) : 0;
}

export function limit_of(memory: Record<string, unknown>, fallback: number): number {
  for (const name of ["available", "available_bytes", "limit", "limit_bytes"]) {
    const value = memory[name];
    if (typeof value === "number" && value > 0) return value;
  }
  return fallback;
}

// Begins to follow the recipe; returns a function that ends it.
export function follow_plan(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking: AbortController | null = null;
  const stop = effect(() => {
    // The words and the seed change no plan.
    const { prompt: _p, negative: _n, seed: _s, ...request } = currentRequest.value;
    const key = JSON.stringify(request);
    if (!capabilities.value || connection.value !== "open") return;
    if (key === asked) return;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      asking?.abort();
      asking = new AbortController();
      try {
        plan.value = await api.plan({ ...request, prompt: "", seed: 0 }, asking.signal);
        planError.value = "";
        asked = key;
      } catch (error) {
        if (is_abort(error)) return;
        plan.value = null;
        planError.value = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 404 ? error.detail : "";
        asked = key;
      }
    }, kWaitMs);
  });
  return () => {
    clearTimeout(timer);
    asking?.abort();
    stop();
  };
}

let asked = "";
