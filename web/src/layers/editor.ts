// SPDX-License-Identifier: Apache-2.0
// What an editor of a control map is given and gives back, and where the editors are found.
import type { ComponentType } from "preact";
import type { OpenPoseJson } from "../api/types.ts";
import type { ControlLayer } from "../state/layers.ts";

export type { OpenPoseJson } from "../api/types.ts";

export interface EditorResult {
  // The finished map exactly as the ControlNet gets it, encoded by stage/png.ts, never read back from a canvas.
  png?: Uint8Array;
  pose?: OpenPoseJson;
  // Whatever the editor needs to go on later: plain data, typed arrays allowed (it is stored in IndexedDB).
  document: unknown;
}

export interface EditorProps {
  layer: ControlLayer;
  size: { width: number; height: number };
  background?: string; // address of the photograph to draw over; never a part of the result
  // The drawing changed. `make` is called when the hand rests, also after the editor is closed, and says what it is by then.
  onChange(make: () => EditorResult | Promise<EditorResult>): void;
}

// One scene of the 3D editor as maps of several conditions.
export interface BakedScene {
  pose?: OpenPoseJson;
  depth?: Uint8Array;
  normal?: Uint8Array;
  canny?: Uint8Array;
  seg?: Uint8Array;
}
export interface PoseEditorProps extends EditorProps {
  onBake?(scene: BakedScene): void;
}

export type EditorName = "scribble" | "lines" | "depth" | "segments" | "pose" | "mask";

export interface EditorModules {
  ScribbleEditor: ComponentType<EditorProps>;
  LineEditor: ComponentType<EditorProps>;
  DepthEditor: ComponentType<EditorProps>;
  MaskEditor: ComponentType<EditorProps>;
  SegmentEditor: ComponentType<EditorProps>;
  PoseEditor: ComponentType<PoseEditorProps>;
}

const homes: Record<EditorName, { module: string; component: keyof EditorModules }> = {
  scribble: { module: "../stage/index.ts", component: "ScribbleEditor" },
  lines: { module: "../stage/index.ts", component: "LineEditor" },
  depth: { module: "../stage/index.ts", component: "DepthEditor" },
  mask: { module: "../stage/index.ts", component: "MaskEditor" },
  segments: { module: "../segments/index.ts", component: "SegmentEditor" },
  pose: { module: "../pose/index.ts", component: "PoseEditor" },
};

// Kinds of maps that can be made by hand; every other kind (canny, soft edges) is drawn like a scribble.
export function editor_of(kind: string): EditorName {
  switch (kind) {
    case "pose":
    case "openpose":
      return "pose";
    case "seg":
    case "segmentation":
      return "segments";
    case "depth":
    case "normal":
      return "depth";
    case "mlsd":
      return "lines";
    default:
      return "scribble";
  }
}

const modules = import.meta.glob<Partial<EditorModules>>([
  "../stage/index.ts",
  "../segments/index.ts",
  "../pose/index.ts",
]);

// Fetches an editor's code; null where this build has none.
export async function load_editor(name: EditorName): Promise<ComponentType<PoseEditorProps> | null> {
  const home = homes[name];
  const module = await modules[home.module]?.();
  return (module?.[home.component] as ComponentType<PoseEditorProps> | undefined) ?? null;
}
