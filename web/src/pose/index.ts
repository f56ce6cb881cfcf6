// SPDX-License-Identifier: Apache-2.0
// The pose editor.
export { PoseEditor, type FullPoseEditorProps } from "./PoseEditor.tsx";
export type { PoseServices } from "./files.ts";
