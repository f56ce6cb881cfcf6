// SPDX-License-Identifier: Apache-2.0
// Is a line drawing dark on light? No page in here.

const lines = new Set(["canny", "hed", "softedge", "mlsd", "scribble", "fake_scribble", "lineart", "lineart_anime"]);

export function wants_white_on_black(kind: string): boolean {
  return lines.has(kind);
}

// Mostly light, with some dark in it: paper. An even light grey is no drawing.
export function is_paper(grey: Uint8Array): boolean {
  let light = 0;
  let dark = 0;
  for (const value of grey) {
    if (value > 170) light += 1;
    else if (value < 100) dark += 1;
  }
  return light > grey.length * 0.6 && dark > 0 && light > dark * 2;
}
