// SPDX-License-Identifier: Apache-2.0
// The one question that an imported map of colours leaves open: which of two classes of the same colour is meant.
import { useState } from "preact/hooks";
import { Button, Dialog } from "../design/index.ts";
import { language, t } from "../i18n/index.ts";
import { rgb_css } from "./class_panel.tsx";
import { class_name, type SegClass } from "./palette.ts";

interface Props {
  /** Classes of one colour. */
  group: readonly SegClass[];
  onChosen: (index: number) => void;
}

export function TwinDialog({ group, onChosen }: Props) {
  const [chosen, setChosen] = useState(group[0]!.index);
  const listed = group.map((entry) => class_name(entry, language.value)).join(" / ");
  return (
    <Dialog title={t("segments.twins_title")} open onClose={() => onChosen(chosen)} footer={<Button kind="primary" onClick={() => onChosen(chosen)}>{t("segments.twins_use")}</Button>}>
      <p>{t("segments.twins_text", { names: listed })}</p>
      <div class="seg-twins" role="radiogroup" aria-label={t("segments.twins_title")}>
        {group.map((entry) => (
          <label key={entry.index} class="seg-twin">
            <input type="radio" name="twin" checked={chosen === entry.index} onChange={() => setChosen(entry.index)} />
            <span class="seg-swatch" style={{ background: rgb_css(entry.rgb) }} />
            <span>{class_name(entry, language.value)}</span>
            <small>{t("segments.index", { index: entry.index })}</small>
          </label>
        ))}
      </div>
    </Dialog>
  );
}
