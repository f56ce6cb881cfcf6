// SPDX-License-Identifier: Apache-2.0
// From an editor to its layer and back: results are sent when the hand rests, and maps that come from elsewhere are noticed.
import { useCallback, useEffect, useRef } from "preact/hooks";
import { api } from "../api/client.ts";
import { toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { EditorProps, EditorResult } from "../layers/editor.ts";
import type { KnownMaps } from "./documents.ts";
import { decodePng, type Png } from "./png.ts";

const REST_MS = 90;

export function words_of(error: unknown): string {
  return error instanceof Error && error.message ? error.message : String(error);
}

/**
 * Calls `build` and then onChange some time after the last `schedule`, one at a time; what is waiting when the editor closes
 * is still sent. Whoever calls `schedule` has changed something.
 */
export function use_results(build: () => Promise<EditorResult>, onChange: (result: EditorResult) => void): () => void {
  const state = useRef({ timer: 0, busy: false, again: false, build, onChange });
  Object.assign(state.current, { build, onChange });
  const send = useCallback(async () => {
    const now = state.current;
    now.timer = 0;
    if (now.busy) {
      now.again = true;
      return;
    }
    now.busy = true;
    const { build: make, onChange: report } = now;
    try {
      report(await make());
    } catch (error) {
      toast({ kind: "error", title: t("stage.export_failed"), detail: words_of(error) });
    }
    now.busy = false;
    if (now.again) {
      now.again = false;
      void send();
    }
  }, []);
  useEffect(
    () => () => {
      if (!state.current.timer) return;
      clearTimeout(state.current.timer);
      void send();
    },
    [],
  );
  return useCallback(() => {
    clearTimeout(state.current.timer);
    state.current.timer = window.setTimeout(() => void send(), REST_MS);
  }, []);
}

/** Watches the layer's map; `take` gets those that the editor does not know, decoded. */
export function use_new_maps({ layer }: EditorProps, ready: boolean, known: KnownMaps, take: (png: Png) => void): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    if (!layer.map || !ready) return;
    const stop = new AbortController();
    api
      .asset_bytes(layer.map, stop.signal)
      .then(async (bytes) => {
        if (known.has(bytes)) return;
        const png = await decodePng(bytes);
        if (stop.signal.aborted) return;
        known.add(bytes);
        latest.current(png);
      })
      .catch((error: unknown) => {
        if (!stop.signal.aborted) toast({ kind: "error", title: t("stage.map_unreadable"), detail: words_of(error) });
      });
    return () => stop.abort();
  }, [layer.map, ready, known]);
}
