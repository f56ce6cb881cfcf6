// SPDX-License-Identifier: Apache-2.0
// The binary frame that follows a preview event: u32 big-endian 1, u32 big-endian 1 (JPEG) or 2 (PNG), then the picture.

export interface PreviewFrame {
  media_type: "image/jpeg" | "image/png";
  bytes: Uint8Array<ArrayBuffer>;
}

// Null for anything else than a preview, so that newer kinds of frames do no harm.
export function read_preview_frame(frame: ArrayBuffer): PreviewFrame | null {
  if (frame.byteLength <= 8) return null;
  const head = new DataView(frame);
  if (head.getUint32(0) !== 1) return null;
  const format = head.getUint32(4);
  if (format !== 1 && format !== 2) return null;
  return { media_type: format === 1 ? "image/jpeg" : "image/png", bytes: new Uint8Array(frame, 8) };
}
