// SPDX-License-Identifier: Apache-2.0
// How strong the edges of a picture are, counted: what lies under the two handles of the canny thresholds. No page in here.

// Counts of |gx| + |gy| (Sobel, the strongest channel) over 0..255 in `bins` equal parts; stronger ones fall into the last.
export function gradient_histogram(rgba: Uint8ClampedArray, width: number, height: number, bins = 64): Uint32Array {
  const counts = new Uint32Array(bins);
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      let strongest = 0;
      for (let channel = 0; channel < 3; channel += 1) {
        const at = (dx: number, dy: number) => rgba[((y + dy) * width + x + dx) * 4 + channel]!;
        const gx = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1);
        const gy = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1);
        strongest = Math.max(strongest, Math.abs(gx) + Math.abs(gy));
      }
      counts[Math.min(bins - 1, Math.floor((strongest / 256) * bins))]! += 1;
    }
  }
  return counts;
}

// Heights 0..1 for drawing: logarithms, since almost everything is flat; the overflow bin does not set the scale.
export function histogram_heights(counts: Uint32Array): number[] {
  const logs = [...counts].map((count) => Math.log1p(count));
  const top = Math.max(1e-9, ...logs.slice(1, -1));
  return logs.map((value) => Math.min(1, value / top));
}
