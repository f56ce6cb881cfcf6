// SPDX-License-Identifier: Apache-2.0
// Maps of classes and palettes out of files and into them.
import { useState } from "preact/hooks";
import { type MenuEntry, toast } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { words_of } from "../stage/exporting.ts";
import { file_bytes, has_suffix, pick_file, read_picture, save_file } from "../stage/files.ts";
import { decodePng } from "../stage/png.ts";
import { import_png, import_rgb, type Imported } from "./import.ts";
import { share_words } from "./class_panel.tsx";
import { ADE, read_palette, type SegClass } from "./palette.ts";
import type { SegState } from "./segment_editor.tsx";
import { segments_png } from "./work.ts";

interface Question {
  found: Imported;
  group: readonly SegClass[];
}

/** Says how well the colours fitted. */
function report(found: Imported): void {
  const { exact, near, unlabelled, farthest } = found.report;
  const pixels = exact + near + unlabelled;
  const fits = near === 0 && unlabelled === 0;
  toast({
    kind: unlabelled > pixels / 5 ? "warn" : "ok",
    title: t(fits ? "segments.import_exact" : "segments.import_done"),
    ...(fits ? {} : { detail: t("segments.import_report", { exact: share_words(exact, pixels), near: share_words(near, pixels), unlabelled: share_words(unlabelled, pixels), farthest: Math.round(farthest) }) }),
    seconds: fits ? 4 : 10,
  });
}

export function use_menu(state: SegState): { entries: MenuEntry[]; take: (file: File | null) => void; question: Question | null; answered: () => void } {
  const [question, setQuestion] = useState<Question | null>(null);
  const { work, palette } = state;
  const failed = (error: unknown) => toast({ kind: "error", title: t("stage.file_failed"), detail: words_of(error) });

  const put = (found: Imported) => {
    state.put(found, t("segments.step_import"));
    report(found);
  };
  const read_map = async (file: File) => {
    const png = file.type === "image/png" || has_suffix(file, ".png");
    const found = png ? import_png(await decodePng(await file_bytes(file)), palette) : import_rgb(await read_picture(file, state.map), palette);
    const group = found.ambiguous[0];
    if (group) setQuestion({ found, group });
    else put(found);
  };
  const read_classes = async (file: File) => {
    const next = read_palette(await file.text());
    state.set_palette(next);
    toast({ kind: "ok", title: t("segments.palette_read", { name: next.name || file.name, count: next.classes.length }) });
  };
  const take = (file: File | null) => {
    if (file) (has_suffix(file, ".json") ? read_classes(file) : read_map(file)).catch(failed);
  };
  const save = async () => save_file(await segments_png(work), "segments.png", "image/png");
  return {
    take,
    question,
    answered: () => {
      if (question) put(question.found);
      setQuestion(null);
    },
    entries: [
      { id: "import", label: t("segments.import"), icon: "image-plus", detail: t("segments.import_detail"), onSelect: () => void pick_file("image/*").then(take) },
      { id: "png", label: t("segments.save"), icon: "download", detail: t("segments.save_detail"), onSelect: () => void save().catch(failed) },
      { separator: true },
      { id: "palette", label: t("segments.palette_import"), icon: "palette", detail: t("segments.palette_import_detail"), onSelect: () => void pick_file(".json,application/json").then(take) },
      { id: "ade", label: t("segments.palette_ade"), icon: "rotate-ccw", disabled: palette === ADE, onSelect: () => state.set_palette(ADE) },
    ],
  };
}
