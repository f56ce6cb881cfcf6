// SPDX-License-Identifier: Apache-2.0
// From an editor to its layer and back: changes are told, and maps that come from elsewhere are noticed.
import { useCallback, useEffect, useRef } from "preact/hooks";
import { api } from "../api/client.ts";
import { toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { EditorProps, EditorResult } from "../layers/editor.ts";
import type { KnownMaps } from "./documents.ts";
import { decodePng, type Png } from "./png.ts";

export function words_of(error: unknown): string {
  return error instanceof Error && error.message ? error.message : String(error);
}

/** What tells the frame that the drawing changed; the last render's `build` makes the map when it is asked for. */
export function use_results(build: () => Promise<EditorResult>, onChange: EditorProps["onChange"]): () => void {
  const latest = useRef({ build, onChange });
  latest.current = { build, onChange };
  return useCallback(() => latest.current.onChange(() => latest.current.build()), []);
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
