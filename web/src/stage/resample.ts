// SPDX-License-Identifier: Apache-2.0
// Planes at another size: averaged for drawings and depth, nearest for classes. No DOM.
import type { Plane } from "./raster.ts";

/** Where a picture lands when it is fitted whole into another size. */
export interface Placement {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The largest centred place with the aspect of `from` inside `to`, in whole pixels. */
export function contain(from: { width: number; height: number }, to: { width: number; height: number }): Placement {
  const scale = Math.min(to.width / from.width, to.height / from.height);
  const width = Math.max(1, Math.min(to.width, Math.round(from.width * scale)));
  const height = Math.max(1, Math.min(to.height, Math.round(from.height * scale)));
  return { x: Math.floor((to.width - width) / 2), y: Math.floor((to.height - height) / 2), width, height };
}

/** Weights of the source samples for each target sample along one side: linear upwards, the mean of an area downwards. */
function weights(from: number, to: number): { first: number; share: number[] }[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(from - 1, Math.floor(centre + reach));
    const share: number[] = [];
    for (let k = first; k <= last; ++k) share.push(Math.max(0, 1 - Math.abs(k - centre) / reach));
    const sum = share.reduce((a, b) => a + b, 0);
    return sum > 0 ? { first, share: share.map((w) => w / sum) } : { first: Math.min(from - 1, Math.max(0, Math.round(centre))), share: [1] };
  });
}

/** Scales smoothly. The same size gives the same samples. */
export function scaled<T extends Uint8Array | Uint16Array>(plane: Plane<T>, width: number, height: number): Plane<T> {
  const make = (n: number) => (plane.data instanceof Uint16Array ? new Uint16Array(n) : new Uint8Array(n)) as T;
  const out = make(width * height);
  if (plane.width === width && plane.height === height) {
    out.set(plane.data);
    return { width, height, data: out };
  }
  const across = weights(plane.width, width);
  const down = weights(plane.height, height);
  const rows = new Float32Array(width * plane.height);
  for (let y = 0; y < plane.height; ++y)
    for (let x = 0; x < width; ++x) {
      const { first, share } = across[x]!;
      let sum = 0;
      for (let k = 0; k < share.length; ++k) sum += plane.data[y * plane.width + first + k]! * share[k]!;
      rows[y * width + x] = sum;
    }
  for (let y = 0; y < height; ++y)
    for (let x = 0; x < width; ++x) {
      const { first, share } = down[y]!;
      let sum = 0;
      for (let k = 0; k < share.length; ++k) sum += rows[(first + k) * width + x]! * share[k]!;
      out[y * width + x] = Math.round(sum);
    }
  return { width, height, data: out };
}

/** Scales by taking the nearest sample, so that no new value appears. */
export function scaled_nearest<T extends Uint8Array | Uint16Array>(plane: Plane<T>, width: number, height: number): Plane<T> {
  const out = (plane.data instanceof Uint16Array ? new Uint16Array(width * height) : new Uint8Array(width * height)) as T;
  for (let y = 0; y < height; ++y) {
    const row = Math.min(plane.height - 1, Math.floor(((y + 0.5) * plane.height) / height)) * plane.width;
    for (let x = 0; x < width; ++x)
      out[y * width + x] = plane.data[row + Math.min(plane.width - 1, Math.floor(((x + 0.5) * plane.width) / width))]!;
  }
  return { width, height, data: out };
}

function is_two_valued(data: Uint8Array | Uint16Array): boolean {
  const top = data instanceof Uint16Array ? 65535 : 255;
  for (const value of data) if (value && value !== top) return false;
  return true;
}

/**
 * A drawing fitted whole into another size; what it does not cover becomes `rest`. Black-and-white stays black-and-white,
 * and classes (`nearest`) stay classes.
 */
export function fitted<T extends Uint8Array | Uint16Array>(
  plane: Plane<T>,
  size: { width: number; height: number },
  rest: number,
  nearest = false,
): Plane<T> {
  const place = contain(plane, size);
  const small = nearest ? scaled_nearest(plane, place.width, place.height) : scaled(plane, place.width, place.height);
  if (!nearest && is_two_valued(plane.data)) {
    const top = plane.data instanceof Uint16Array ? 65535 : 255;
    for (let i = 0; i < small.data.length; ++i) small.data[i] = small.data[i]! * 2 > top ? top : 0;
  }
  if (place.width === size.width && place.height === size.height) return small;
  const count = size.width * size.height;
  const data = (plane.data instanceof Uint16Array ? new Uint16Array(count) : new Uint8Array(count)) as T;
  data.fill(rest);
  for (let y = 0; y < place.height; ++y)
    data.set(small.data.subarray(y * place.width, (y + 1) * place.width), (y + place.y) * size.width + place.x);
  return { width: size.width, height: size.height, data };
}
