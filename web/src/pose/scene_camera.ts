// SPDX-License-Identifier: Apache-2.0
// Where points of the scene lie in the picture, by the same pinhole camera that the 3D mode draws with.
import type { Vec3 } from "./rig.ts";
import { camera_place, type Camera } from "./scene.ts";

export interface Projected {
  x: number; // pixels; whole numbers are the middles of pixels
  y: number;
  depth: number; // metres along the axis of view; not positive behind the camera
}

const minus = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vec3, b: Vec3): Vec3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

export function unit(a: Vec3): Vec3 {
  const length = Math.hypot(...a);
  return length > 0 ? [a[0] / length, a[1] / length, a[2] / length] : a;
}

export interface Projection {
  eye: Vec3;
  project(point: Vec3): Projected;
}

export function new_projection(camera: Camera, width: number, height: number): Projection {
  const { eye, target } = camera_place(camera);
  const forward = unit(minus(target, eye));
  const right = unit(cross(forward, [0, 1, 0]));
  const up = cross(right, forward);
  const focal = height / 2 / Math.tan((camera.fov * Math.PI) / 360); // pixels; they are square
  return {
    eye,
    project(point) {
      const from = minus(point, eye);
      const depth = dot(from, forward);
      return {
        x: (width - 1) / 2 + (focal * dot(from, right)) / depth,
        y: (height - 1) / 2 - (focal * dot(from, up)) / depth,
        depth,
      };
    },
  };
}
