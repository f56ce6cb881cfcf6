// SPDX-License-Identifier: Apache-2.0
// What can be done to a whole mask: growing, shrinking, softening. 255 is inside. No DOM.
import { dilate } from "./raster.ts";

export function inverted(data: Uint8Array): Uint8Array {
  return data.map((value) => 255 - value);
}

/** Wider by `by` pixels, narrower when negative. Soft edges become hard at the half. */
export function grown(data: Uint8Array, width: number, height: number, by: number): Uint8Array {
  const radius = Math.abs(Math.round(by));
  const inside = data.map((value) => (value >= 128 === by >= 0 ? 1 : 0));
  const wider = dilate(inside, width, height, radius);
  return wider.map((mark) => ((mark === 1) === by >= 0 ? 255 : 0));
}

/** Edges softened over about `radius` pixels to both sides: three means in a row are close to a bell curve. */
export function feathered(data: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  const r = Math.max(1, Math.round(radius / 2));
  let plane = Float32Array.from(data);
  for (let i = 0; i < 3; ++i) plane = mean(mean(plane, width, height, r, true), width, height, r, false);
  return Uint8Array.from(plane, (value) => Math.round(value));
}

/** Mean along rows or columns over 2 r + 1 samples; the border sample is repeated outside. */
function mean(from: Float32Array<ArrayBuffer>, width: number, height: number, r: number, across: boolean): Float32Array<ArrayBuffer> {
  const out = new Float32Array(from.length);
  const [count, step] = across ? [width, 1] : [height, width];
  const [lines, stride] = across ? [height, width] : [width, 1];
  for (let line = 0; line < lines; ++line) {
    const at = (i: number) => from[line * stride + Math.min(count - 1, Math.max(0, i)) * step]!;
    let sum = 0;
    for (let i = -r; i <= r; ++i) sum += at(i);
    for (let i = 0; i < count; ++i) {
      out[line * stride + i * step] = sum / (2 * r + 1);
      sum += at(i + r + 1) - at(i - r);
    }
  }
  return out;
}
