// SPDX-License-Identifier: Apache-2.0
// How strong the edges of a photograph are: the histogram on which Canny's two thresholds are chosen. No DOM.
import { luma, type Rgba } from "./pixels.ts";

/**
 * Pixels by the strength of their gradient, 256 steps of `unit`. As cv::Canny measures it: Sobel of 3 x 3, the sum of both
 * absolute slopes, so that the numbers of the thresholds (1..255 with unit 1) fit; what is stronger counts in the last step.
 */
export function gradient_histogram(picture: Rgba, unit = 1): Uint32Array {
  const { width, height } = picture;
  const gray = new Uint8Array(width * height);
  for (let i = 0; i < gray.length; ++i) gray[i] = luma(picture.data[4 * i]!, picture.data[4 * i + 1]!, picture.data[4 * i + 2]!);
  const out = new Uint32Array(256);
  for (let y = 1; y + 1 < height; ++y)
    for (let x = 1; x + 1 < width; ++x) {
      const at = (dx: number, dy: number) => gray[(y + dy) * width + x + dx]!;
      const across = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1);
      const down = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1);
      const step = Math.min(255, Math.floor((Math.abs(across) + Math.abs(down)) / unit));
      out[step] = out[step]! + 1;
    }
  return out;
}

/** Share of the pixels whose gradient is at least `threshold`, 0..1. */
export function share_above(histogram: Uint32Array, threshold: number): number {
  let [above, all] = [0, 0];
  histogram.forEach((count, step) => {
    all += count;
    if (step >= threshold) above += count;
  });
  return all ? above / all : 0;
}
