// SPDX-License-Identifier: Apache-2.0
// The editors of lines, masks and depth.
export { DepthEditor } from "./depth_editor.tsx";
export { GradientHistogram } from "./gradient_histogram.tsx";
export { LineEditor } from "./line_editor.tsx";
export { MaskEditor } from "./mask_editor.tsx";
export { ScribbleEditor } from "./scribble_editor.tsx";
