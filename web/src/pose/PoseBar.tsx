// SPDX-License-Identifier: Apache-2.0
// The tools above the stage.
import bone from "lucide-static/icons/bone.svg?raw";
import scaling from "lucide-static/icons/scaling.svg?raw";
import { useRef } from "preact/hooks";
import { Button, IconButton, Menu, type MenuEntry } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import type { ExportKind } from "./files.ts";
import type { Tool } from "./gestures.ts";
import { redo, undo } from "./model.ts";
import { canvas_of, zoom_by, type Stage } from "./pointer.ts";
import { fit } from "./view.ts";

const TOOLS: readonly { tool: Tool; svg?: string; key: string; shortcut?: string }[] = [
  { tool: "move", key: "pose.tool_move" },
  { tool: "limb", svg: bone, key: "pose.tool_limb", shortcut: "Shift" },
  { tool: "scale", svg: scaling, key: "pose.tool_scale", shortcut: "Alt" },
];

function Tools({ stage }: { stage: Stage }) {
  const { model } = stage;
  return (
    <div class="pose-group" role="group" aria-label={t("pose.tools")}>
      {TOOLS.map(({ tool, svg, key, shortcut }) => (
        <IconButton key={tool} icon="mouse-pointer-2" svg={svg} label={shortcut ? `${t(key)} (${shortcut})` : t(key)}
          pressed={model.tool.value === tool} onClick={() => (model.tool.value = tool)} />
      ))}
      <span class="pose-gap" />
      <IconButton icon="columns-2" label={t("pose.symmetry")} shortcut="M" pressed={model.mirror.value}
        onClick={() => (model.mirror.value = !model.mirror.value)} />
    </div>
  );
}

function Steps({ stage }: { stage: Stage }) {
  const { past, future } = stage.model.history.value;
  return (
    <div class="pose-group" role="group" aria-label={t("pose.steps")}>
      <IconButton icon="undo-2" label={t("pose.undo")} shortcut="Ctrl+Z" disabled={past.length === 0} onClick={() => undo(stage.model)} />
      <IconButton icon="redo-2" label={t("pose.redo")} shortcut="Shift+Ctrl+Z" disabled={future.length === 0} onClick={() => redo(stage.model)} />
    </div>
  );
}

function Zoom({ stage }: { stage: Stage }) {
  const percent = Math.round(stage.view.value.zoom * 100);
  return (
    <div class="pose-group pose-zoom" role="group" aria-label={t("pose.zoom")}>
      <IconButton icon="zoom-out" label={t("pose.zoom_out")} shortcut="-" onClick={() => zoom_by(stage, 0.8)} />
      <button type="button" class="button button-quiet button-small num" data-tip={t("pose.zoom_fit")} aria-label={`${t("pose.zoom_fit")}: ${percent} %`}
        onClick={() => (stage.view.value = fit(canvas_of(stage)))}>
        {percent} %
      </button>
      <IconButton icon="zoom-in" label={t("pose.zoom_in")} shortcut="+" onClick={() => zoom_by(stage, 1.25)} />
    </div>
  );
}

interface FileMenusProps {
  busy: boolean;
  hasPhoto: boolean;
  onDetect(): void; // people in the photograph behind
  onFile(file: File): void;
  onExport(kind: ExportKind): void;
}

function FileMenus({ busy, hasPhoto, onDetect, onFile, onExport }: FileMenusProps) {
  const photo = useRef<HTMLInputElement>(null);
  const file = useRef<HTMLInputElement>(null);
  const take = (input: HTMLInputElement) => {
    const [first] = input.files ?? [];
    input.value = "";
    if (first) onFile(first);
  };
  const imports: MenuEntry[] = [
    { id: "layer", label: t("pose.import_layer"), detail: t("pose.import_layer_help"), icon: "scan", disabled: !hasPhoto || busy, onSelect: onDetect },
    { id: "photo", label: t("pose.import_photo"), detail: t("pose.import_photo_help"), icon: "image", disabled: busy, onSelect: () => photo.current?.click() },
    { id: "file", label: t("pose.import_file"), detail: t("pose.import_file_help"), icon: "file-json", disabled: busy, onSelect: () => file.current?.click() },
  ];
  const exports: MenuEntry[] = [
    { id: "json", label: t("pose.export_json"), icon: "file-json", note: ".json", onSelect: () => onExport("json") },
    { id: "png", label: t("pose.export_png"), icon: "image", note: ".png", onSelect: () => onExport("png") },
    { id: "svg", label: t("pose.export_svg"), icon: "pen-tool", note: ".svg", onSelect: () => onExport("svg") },
  ];
  return (
    <div class="pose-group">
      <Menu label={t("pose.import")} align="end" items={imports} button={({ buttonRef, ...rest }) => (
        <Button small kind="quiet" icon="upload" iconEnd="chevron-down" busy={busy} buttonRef={buttonRef} {...rest}><span class="pose-word">{t("pose.import")}</span></Button>
      )} />
      <Menu label={t("pose.export")} align="end" items={exports} button={({ buttonRef, ...rest }) => (
        <Button small kind="quiet" icon="download" iconEnd="chevron-down" buttonRef={buttonRef} {...rest}><span class="pose-word">{t("pose.export")}</span></Button>
      )} />
      <input ref={photo} hidden type="file" accept="image/*" tabIndex={-1} onChange={(event) => take(event.currentTarget)} />
      <input ref={file} hidden type="file" accept=".json,application/json,image/png" tabIndex={-1} onChange={(event) => take(event.currentTarget)} />
    </div>
  );
}

export function PoseBar({ stage, ...files }: { stage: Stage } & FileMenusProps) {
  return (
    <>
      <Tools stage={stage} />
      <Steps stage={stage} />
      <Zoom stage={stage} />
      <span class="pose-spring" />
      <FileMenus {...files} />
    </>
  );
}
