// SPDX-License-Identifier: Apache-2.0
// Where the joints that nobody found probably are: the editor shows them as ghosts that can be brought back.
import { BODY_PARENTS, bounds, distance, type Joint, type Person, type Point } from "./skeleton.ts";

// A person who stands with the arms down, from the front, in units of the length from the neck to the middle of the
// hips; the neck is at (0, 0).
export const STANDING: readonly Point[] = [
  [0, -0.42], [0, 0], [-0.37, 0.02], [-0.47, 0.58], [-0.52, 1.06], [0.37, 0.02], [0.47, 0.58], [0.52, 1.06],
  [-0.2, 1], [-0.22, 1.83], [-0.24, 2.64], [0.2, 1], [0.22, 1.83], [0.24, 2.64], [-0.07, -0.5], [0.07, -0.5],
  [-0.16, -0.45], [0.16, -0.45],
].map(([x, y]) => ({ x: x!, y: y! }));

// Pixels for one unit of STANDING: the median over the bones that are known, or what fits the points' box.
function unit_of(body: readonly Joint[]): number {
  const ratios = BODY_PARENTS.flatMap((parent, i) => {
    if (parent < 0 || !body[i]!.visible || !body[parent]!.visible) return [];
    return [distance(body[i]!, body[parent]!) / distance(STANDING[i]!, STANDING[parent]!)];
  }).sort((a, b) => a - b);
  if (ratios.length > 0) return Math.max(4, ratios[Math.floor(ratios.length / 2)]!);
  const box = bounds(body.filter((joint) => joint.visible));
  return box ? Math.max(20, box.bottom - box.top, box.right - box.left) / 2 : 60;
}

// Whether the person shows their back: left shoulder or hip on the left of the picture.
function faces_away(body: readonly Joint[]): boolean {
  for (const [right, left] of [[2, 5], [8, 11]] as const)
    if (body[right]!.visible && body[left]!.visible) return body[right]!.x > body[left]!.x;
  return false;
}

// The known joints as they are; the others as a standing person's beside the nearest known ones.
export function guessed_body(body: readonly Joint[]): Joint[] {
  const unit = unit_of(body);
  const side = faces_away(body) ? -1 : 1;
  const shape = STANDING.map((p) => ({ x: p.x * unit * side, y: p.y * unit }));
  const known = body.map((joint, i) => ({ joint, i })).filter(({ joint }) => joint.visible);
  if (known.length === 0) return [...body];
  const result = body.map((joint) => ({ ...joint }));
  const done = new Set(known.map(({ i }) => i));
  while (done.size < result.length) {
    // The unknown joint that is nearest to a known one in the tree, so that errors do not add up.
    const next = result.findIndex((_, i) => !done.has(i) && neighbours(i).some((n) => done.has(n)));
    const i = next < 0 ? result.findIndex((_, k) => !done.has(k)) : next;
    const anchor = neighbours(i).find((n) => done.has(n)) ?? known[0]!.i;
    result[i] = {
      x: result[anchor]!.x + shape[i]!.x - shape[anchor]!.x,
      y: result[anchor]!.y + shape[i]!.y - shape[anchor]!.y,
      visible: false,
    };
    done.add(i);
  }
  return result;
}

function neighbours(i: number): number[] {
  const parent = BODY_PARENTS[i]!;
  const children = BODY_PARENTS.flatMap((p, k) => (p === i ? [k] : []));
  return parent >= 0 ? [parent, ...children] : children;
}

// The whole person with ghosts in plausible places; points of hands and faces go to the middle of those around them.
export function with_guesses(person: Person): Person {
  const fill = (joints: readonly Joint[] | null) => {
    const box = joints && bounds(joints.filter((joint) => joint.visible));
    if (!joints || !box) return joints;
    const middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
    return joints.map((joint) => (joint.visible ? joint : { ...middle, visible: false }));
  };
  return {
    ...person,
    body: person.body.some((joint) => joint.visible) ? guessed_body(person.body) : around(person),
    left: fill(person.left),
    right: fill(person.right),
    face: fill(person.face),
  };
}

// A body for hands or a face that came alone: a small ghost about them.
function around(person: Person): Joint[] {
  const box = bounds([...(person.face ?? []), ...(person.left ?? []), ...(person.right ?? [])].filter((j) => j.visible));
  const at = box ? { x: (box.left + box.right) / 2, y: box.bottom } : { x: 0, y: 0 };
  const unit = box ? Math.max(20, box.bottom - box.top) : 60;
  return STANDING.map((p) => ({ x: at.x + p.x * unit, y: at.y + p.y * unit, visible: false }));
}
