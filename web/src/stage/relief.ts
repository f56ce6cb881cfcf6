// SPDX-License-Identifier: Apache-2.0
// A depth map as a relief that can be tilted: a small picture to judge depth by, drawn in software. No DOM.
/** Nearness 0..1 on a small grid; each value is one corner of the mesh. */
export interface ReliefGrid {
  width: number;
  height: number;
  near: Float32Array;
}

export interface Tilt {
  /** Degrees, -45..45: around the vertical and around the horizontal axis. */
  yaw: number;
  pitch: number;
  /** How far the nearest point stands out, in parts of the width. */
  height: number;
}

export interface ReliefView {
  width: number;
  height: number;
  /** Where the result goes: RGBA. */
  out: Uint8ClampedArray;
  /** Depth of each pixel so far. */
  z: Float32Array;
}

export function relief_view(width: number, height: number): ReliefView {
  return { width, height, out: new Uint8ClampedArray(width * height * 4), z: new Float32Array(width * height) };
}

interface Vertex {
  x: number;
  y: number;
  z: number;
}

const BACKGROUND = [24, 24, 28] as const;

/** Draws the relief lit from the upper left; `colour` (RGBA of the grid's size) is laid over it where given. */
export function draw_relief(grid: ReliefGrid, tilt: Tilt, view: ReliefView, colour: Uint8ClampedArray | Uint8Array | null = null): void {
  for (let i = 0; i < view.z.length; ++i) view.out.set([...BACKGROUND, 255], 4 * i);
  view.z.fill(-Infinity);
  const mesh = vertices(grid, tilt, view);
  const shade = new Float32Array(3);
  for (let row = 0; row + 1 < grid.height; ++row)
    for (let column = 0; column + 1 < grid.width; ++column) {
      const at = row * grid.width + column;
      const [a, b, c, d] = [mesh[at]!, mesh[at + 1]!, mesh[at + grid.width]!, mesh[at + grid.width + 1]!];
      if (colour) for (let k = 0; k < 3; ++k) shade[k] = colour[4 * at + k]!;
      else shade.fill(70 + grid.near[at]! * 150);
      light(a, b, c, shade);
      triangle(a, b, c, shade, view);
      triangle(b, d, c, shade, view);
    }
}

function vertices(grid: ReliefGrid, tilt: Tilt, view: ReliefView): Vertex[] {
  const aspect = grid.height / grid.width;
  const [cy, sy] = [Math.cos((tilt.yaw * Math.PI) / 180), Math.sin((tilt.yaw * Math.PI) / 180)];
  const [cp, sp] = [Math.cos((tilt.pitch * Math.PI) / 180), Math.sin((tilt.pitch * Math.PI) / 180)];
  const zoom = 0.78 * Math.min(view.width, view.height / aspect);
  const out: Vertex[] = [];
  for (let row = 0; row < grid.height; ++row)
    for (let column = 0; column < grid.width; ++column) {
      const near = grid.near[row * grid.width + column]!;
      const [x, y, z] = [column / (grid.width - 1) - 0.5, (row / (grid.height - 1) - 0.5) * aspect, (near - 0.5) * tilt.height];
      const [x1, z1] = [x * cy + z * sy, -x * sy + z * cy];
      const [y2, z2] = [y * cp - z1 * sp, y * sp + z1 * cp];
      const far = 2.4 / (2.4 - z2); // a camera 2.4 widths away
      out.push({ x: view.width / 2 + x1 * far * zoom, y: view.height / 2 + y2 * far * zoom, z: z2 });
    }
  return out;
}

/** Brighter where the surface looks to the upper left, darker where it looks away. */
function light(a: Vertex, b: Vertex, c: Vertex, shade: Float32Array): void {
  const nx = (b.y - a.y) * (c.z - a.z) - (b.z - a.z) * (c.y - a.y);
  const ny = (b.z - a.z) * (c.x - a.x) - (b.x - a.x) * (c.z - a.z);
  const nz = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  // x and y are pixels, z parts of the width: this brings a slope of 45 degrees to about one half.
  const slope = 120 * (nx + ny);
  const factor = 1 + 0.55 * (slope / (Math.abs(slope) + Math.abs(nz) + 1e-6));
  for (let k = 0; k < 3; ++k) shade[k] = shade[k]! * factor;
}

function triangle(a: Vertex, b: Vertex, c: Vertex, shade: Float32Array, view: ReliefView): void {
  const x0 = Math.max(0, Math.floor(Math.min(a.x, b.x, c.x)));
  const x1 = Math.min(view.width - 1, Math.ceil(Math.max(a.x, b.x, c.x)));
  const y0 = Math.max(0, Math.floor(Math.min(a.y, b.y, c.y)));
  const y1 = Math.min(view.height - 1, Math.ceil(Math.max(a.y, b.y, c.y)));
  const area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  if (Math.abs(area) < 1e-9) return;
  for (let y = y0; y <= y1; ++y)
    for (let x = x0; x <= x1; ++x) {
      const u = ((x - a.x) * (c.y - a.y) - (y - a.y) * (c.x - a.x)) / area;
      const v = ((b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x)) / area;
      if (u < -1e-6 || v < -1e-6 || u + v > 1 + 1e-6) continue;
      const z = a.z + u * (b.z - a.z) + v * (c.z - a.z);
      const i = y * view.width + x;
      if (z <= view.z[i]!) continue;
      view.z[i] = z;
      for (let k = 0; k < 3; ++k) view.out[4 * i + k] = shade[k]!;
    }
}
