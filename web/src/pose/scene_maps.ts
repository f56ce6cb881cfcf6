// SPDX-License-Identifier: Apache-2.0
// Control maps out of what a scene shows at each pixel: depth, normal and owner. Formats are those of our annotators:
// MiDaS's depth, the normals of both releases (red is left, green is up, blue is towards the viewer), ADE20K's classes.

export const NOTHING = 0;
export const FLOOR = 1;
export const FIRST_FIGURE = 2; // owner of the first figure's pixels

export interface Seen {
  width: number;
  height: number;
  depth: Float32Array; // metres along the axis of view, 0 where there is nothing
  owner: Uint8Array; // NOTHING, FLOOR or FIRST_FIGURE + the place of a figure in the scene
  part: Uint8Array; // which part of its figure
  normals: Float32Array; // x to the right, y up, z towards the viewer; unit length
}

// As the annotators' to_bytes: cut off, not rounded.
function to_byte(value: number): number {
  return Math.min(255, Math.max(0, Math.trunc(value * 255)));
}

// Near is white. As MiDaS gives it, grey is inverse depth; it ends in black `backdrop` metres behind the farthest figure, or infinitely
// far away for 0.
export function depth_map(seen: Seen, backdrop: number): Uint8Array {
  let nearest = Infinity;
  let farthest = 0;
  seen.depth.forEach((depth, i) => {
    if (depth <= 0) return;
    nearest = Math.min(nearest, depth);
    if (seen.owner[i]! >= FIRST_FIGURE) farthest = Math.max(farthest, depth);
  });
  const least = backdrop > 0 && farthest > 0 ? 1 / (farthest + backdrop) : 0;
  const range = 1 / nearest - least;
  return Uint8Array.from(seen.depth, (depth) => (depth > 0 && range > 0 ? to_byte((1 / depth - least) / range) : 0));
}

// Where there is nothing the normal faces the viewer, as MiDaS's background does.
export function normal_map(seen: Seen): Uint8Array {
  const out = new Uint8Array(seen.depth.length * 3);
  for (let i = 0; i < seen.depth.length; ++i) {
    const empty = seen.owner[i] === NOTHING;
    const n = seen.normals;
    out[3 * i] = to_byte((empty ? 0 : -n[3 * i]!) * 0.5 + 0.5);
    out[3 * i + 1] = to_byte((empty ? 0 : n[3 * i + 1]!) * 0.5 + 0.5);
    out[3 * i + 2] = to_byte((empty ? 1 : n[3 * i + 2]!) * 0.5 + 0.5);
  }
  return out;
}

const WALL_CLASS = 0, FLOOR_CLASS = 3, PERSON_CLASS = 12, NO_CLASS = 255;
type Colour = readonly [number, number, number];
const COLOURS: readonly (readonly [number, Colour])[] = [
  [WALL_CLASS, [120, 120, 120]], [FLOOR_CLASS, [80, 50, 50]], [PERSON_CLASS, [150, 5, 61]],
];

// ADE20K's class numbers with their colours: people, and with a floor also floor and wall; otherwise all else has no
// class and is black.
export function segment_map(seen: Seen, room: boolean): { indices: Uint8Array; palette: readonly Colour[] } {
  const rest = room ? WALL_CLASS : NO_CLASS;
  const indices = Uint8Array.from(seen.owner, (owner) =>
    owner >= FIRST_FIGURE ? PERSON_CLASS : owner === FLOOR ? FLOOR_CLASS : rest,
  );
  const palette: Colour[] = Array.from({ length: room ? PERSON_CLASS + 1 : 256 }, () => [0, 0, 0]);
  for (const [index, colour] of COLOURS) palette[index] = colour;
  return { indices, palette };
}

// --- lines ---

const JUMP_BETWEEN_PARTS = 0.03; // metres between neighbours that belong to different parts of a body
const JUMP = 0.08; // metres between neighbours of the same part

// Whether a line runs between two neighbours, and on which of them: the nearer one, whose outline it is.
function line_between(seen: Seen, a: number, b: number): number | null {
  const [depthA, depthB] = [seen.depth[a]!, seen.depth[b]!];
  const nearer = depthB === 0 || (depthA !== 0 && depthA <= depthB) ? a : b;
  const figure = seen.owner[a]! >= FIRST_FIGURE || seen.owner[b]! >= FIRST_FIGURE;
  if (!figure) return null;
  if (seen.owner[a] !== seen.owner[b]) return nearer;
  const least = seen.part[a] === seen.part[b] ? JUMP : JUMP_BETWEEN_PARTS;
  return Math.abs(depthA - depthB) > least ? nearer : null;
}

// White outlines of figures and of limbs before bodies, one pixel wide, as a Canny detector would draw them.
export function canny_map(seen: Seen): Uint8Array {
  const { width, height } = seen;
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x) {
      const at = y * width + x;
      const across = x + 1 < width ? line_between(seen, at, at + 1) : null;
      const down = y + 1 < height ? line_between(seen, at, at + width) : null;
      if (across !== null) out[across] = 255;
      if (down !== null) out[down] = 255;
    }
  }
  thin(out, width, height);
  return out;
}

// Takes away the inner corners of stairs, so that lines are connected by edges or corners but nowhere thicker.
function thin(map: Uint8Array, width: number, height: number): void {
  for (let y = 1; y + 1 < height; ++y) {
    for (let x = 1; x + 1 < width; ++x) {
      const at = y * width + x;
      if (!map[at]) continue;
      const [n, s, w, e] = [map[at - width], map[at + width], map[at - 1], map[at + 1]];
      const corner =
        (n && e && !s && !w && !map[at + width - 1]) || (n && w && !s && !e && !map[at + width + 1]) ||
        (s && e && !n && !w && !map[at - width - 1]) || (s && w && !n && !e && !map[at - width + 1]);
      if (corner) map[at] = 0;
    }
  }
}
