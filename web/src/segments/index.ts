// SPDX-License-Identifier: Apache-2.0
// The painter of segmentation maps.
export { SegmentEditor } from "./segment_editor.tsx";
