// SPDX-License-Identifier: Apache-2.0
// The skeletons as an SVG file, with the shapes, sizes and colours of version 1.1's drawing.
import { HAND_BONES, HAND_COLOURS, JOINT_COLOURS, LIMBS, type Joint, type Point, type PoseDocument } from "./skeleton.ts";

export const LIMB_HALF_WIDTH = 4; // pixels, whatever the size of the canvas
const JOINT_RADIUS = 4;
const FACE_RADIUS = 3;
const BONE_WIDTH = 2;

// A limb is an ellipse along the line between its joints.
export function ellipse_of(a: Point, b: Point): { x: number; y: number; length: number; degrees: number } {
  return {
    x: (a.x + b.x) / 2,
    y: (a.y + b.y) / 2,
    length: Math.hypot(a.x - b.x, a.y - b.y),
    degrees: (Math.atan2(a.y - b.y, a.x - b.x) * 180) / Math.PI,
  };
}

const n = (value: number) => String(Math.round(value * 100) / 100);

function limbs(body: readonly Joint[]): string[] {
  return LIMBS.flatMap(([a, b], i) => {
    const [from, to] = [body[a]!, body[b]!];
    if (!from.visible || !to.visible) return [];
    const { x, y, length, degrees } = ellipse_of(from, to);
    return [`<ellipse rx="${n(length / 2)}" ry="${LIMB_HALF_WIDTH}" fill="${JOINT_COLOURS[i]}" opacity="0.6" ` +
      `transform="translate(${n(x)} ${n(y)}) rotate(${n(degrees)})"/>`];
  });
}

function dots(joints: readonly Joint[], radius: number, colour: (i: number) => string): string[] {
  return joints.flatMap((j, i) =>
    j.visible ? [`<circle cx="${n(j.x)}" cy="${n(j.y)}" r="${radius}" fill="${colour(i)}"/>`] : []);
}

function hand_lines(hand: readonly Joint[]): string[] {
  const bones = HAND_BONES.flatMap(([a, b], i) => {
    const [from, to] = [hand[a]!, hand[b]!];
    if (!from.visible || !to.visible) return [];
    return [`<line x1="${n(from.x)}" y1="${n(from.y)}" x2="${n(to.x)}" y2="${n(to.y)}" stroke="${HAND_COLOURS[i]}" ` +
      `stroke-width="${BONE_WIDTH}"/>`];
  });
  return [...bones, ...dots(hand, JOINT_RADIUS, () => "#0000ff")];
}

// On black, like the map. Whole coordinates are the middles of pixels, hence the half pixel of the view box.
export function to_svg(document: PoseDocument): string {
  const { width, height } = document;
  const people = document.people.filter((person) => !person.hidden).map((person) => [
    ...limbs(person.body),
    ...dots(person.body, JOINT_RADIUS, (i) => JOINT_COLOURS[i]!),
    ...(person.left ? hand_lines(person.left) : []),
    ...(person.right ? hand_lines(person.right) : []),
    ...(person.face ? dots(person.face, FACE_RADIUS, () => "#ffffff") : []),
  ].join("\n"));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="-0.5 -0.5 ${width} ${height}">`,
    `<rect x="-0.5" y="-0.5" width="${width}" height="${height}" fill="#000000"/>`,
    ...people.map((shapes) => `<g>\n${shapes}\n</g>`),
    "</svg>\n",
  ].join("\n");
}
