// SPDX-License-Identifier: Apache-2.0
// What an editor works on, read out of its layer's document: asynchronous, again for another layer, fitted to another size.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { EditorProps } from "../layers/editor.ts";
import { words_of } from "./exporting.ts";

interface State<T> {
  value: T;
  key: string;
  /** The size is another than that of the stored map: a new one has to be made. */
  changed: boolean;
}

export interface Loading<T> {
  value: T | null;
  /** For the component that works on it: it begins anew with each. */
  key: string;
  changed: boolean;
  placeholder: JSX.Element;
}

function size_of(document: unknown): { width: unknown; height: unknown } | null {
  return document && typeof document === "object" ? (document as { width: unknown; height: unknown }) : null;
}

export function use_loaded<T>(
  props: EditorProps,
  load: (props: EditorProps) => Promise<T>,
  refit: (value: T, props: EditorProps) => Promise<T>,
  blank: () => T,
): Loading<T> {
  const { layer, size } = props;
  const [state, setState] = useState<State<T> | null>(null);
  const last = useRef<{ layer: string; value: T } | null>(null);
  useEffect(() => {
    let live = true;
    const key = `${layer.id}-${size.width}x${size.height}`;
    const before = last.current?.layer === layer.id ? last.current.value : null;
    const stored = size_of(layer.document);
    const changed = before !== null || (stored !== null && (stored.width !== size.width || stored.height !== size.height));
    (before ? refit(before, props) : load(props))
      .catch((error: unknown) => {
        toast({ kind: "error", title: t("stage.document_unreadable"), detail: words_of(error) });
        return blank();
      })
      .then((value) => {
        if (!live) return;
        last.current = { layer: layer.id, value };
        setState({ value, key, changed });
      });
    return () => {
      live = false;
    };
  }, [layer.id, size.width, size.height]);
  return {
    value: state?.value ?? null,
    key: state?.key ?? "",
    changed: state?.changed ?? false,
    placeholder: (
      <div class="stage-loading" role="status">
        <Icon name="loader-circle" class="spin" /> {t("common.loading")}
      </div>
    ),
  };
}
