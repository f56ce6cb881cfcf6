// SPDX-License-Identifier: Apache-2.0
// Answers made whole: lists are lists and requests are objects, also for pictures that an older version kept. No network in here.
import type { Job, Receipt, StudioImage } from "./types.ts";

type Loose<T> = { [Name in keyof T]?: T[Name] | null };

function number_or_null(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function tidy_receipt(raw: Loose<Receipt>): Receipt {
  return { ...raw, kind: String(raw.kind ?? ""), metric: String(raw.metric ?? ""), value: number_or_null(raw.value ?? raw.obeys), baseline: number_or_null(raw.baseline), strength: raw.strength ?? undefined };
}

export function tidy_image(raw: Loose<StudioImage>): StudioImage {
  return {
    ...(raw as StudioImage),
    kinds: raw.kinds ?? [],
    maps: raw.maps ?? [],
    request: raw.request ?? {},
    receipts: (Array.isArray(raw.receipts) ? raw.receipts : []).flat().map((receipt) => tidy_receipt(receipt)),
    infotext: raw.infotext ?? "",
  };
}

export function tidy_job(raw: Loose<Job>): Job {
  return {
    ...(raw as Job),
    created: raw.created ?? 0,
    request: raw.request ?? {},
    images: (raw.images ?? []).map(tidy_image),
    warnings: raw.warnings ?? [],
    seconds: raw.seconds ?? {},
  };
}
