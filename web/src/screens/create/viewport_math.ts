// SPDX-License-Identifier: Apache-2.0
// Zoom and pan of a picture in a frame. The place of a point p of the picture is p * scale + (x, y). No page in here.

export interface Size {
  width: number;
  height: number;
}
export interface View {
  scale: number;
  x: number;
  y: number;
}

export const kMinScale = 0.05;
export const kMaxScale = 32;

// The whole picture in the middle; small ones are shown up to `up` times their size.
export function fit(picture: Size, frame: Size, margin = 24, up = 4): View {
  const room = { width: Math.max(1, frame.width - 2 * margin), height: Math.max(1, frame.height - 2 * margin) };
  const scale = Math.min(room.width / picture.width, room.height / picture.height, up);
  return centred(picture, frame, scale);
}

export function centred(picture: Size, frame: Size, scale: number): View {
  return { scale, x: (frame.width - picture.width * scale) / 2, y: (frame.height - picture.height * scale) / 2 };
}

// Zooms so that what lies at (x, y) of the frame stays there.
export function zoom_at(view: View, factor: number, x: number, y: number): View {
  const scale = Math.max(kMinScale, Math.min(kMaxScale, view.scale * factor));
  const real = scale / view.scale;
  return { scale, x: x - (x - view.x) * real, y: y - (y - view.y) * real };
}

// Keeps a part of the picture in the frame, so that it cannot be lost.
export function keep_near(view: View, picture: Size, frame: Size, least = 60): View {
  const width = picture.width * view.scale;
  const height = picture.height * view.scale;
  const cut = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));
  return { scale: view.scale, x: cut(view.x, least - width, frame.width - least), y: cut(view.y, least - height, frame.height - least) };
}

// Two fingers before and after: both stay on their points of the picture.
export function pinch(view: View, before: [Point, Point], after: [Point, Point]): View {
  const distance = ([a, b]: [Point, Point]) => Math.hypot(a.x - b.x, a.y - b.y);
  const middle = ([a, b]: [Point, Point]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const from = middle(before);
  const to = middle(after);
  const zoomed = zoom_at(view, distance(after) / Math.max(1, distance(before)), from.x, from.y);
  return { scale: zoomed.scale, x: zoomed.x + to.x - from.x, y: zoomed.y + to.y - from.y };
}
export interface Point {
  x: number;
  y: number;
}
