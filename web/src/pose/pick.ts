// SPDX-License-Identifier: Apache-2.0
// What lies under the pointer: the nearest joint rather than the topmost, so that joints close together can be told apart.
import {
  distance, HAND_PARENTS, LIMBS, PARTS, type JointRef, type Part, type Person, type Point,
  type PoseDocument,
} from "./skeleton.ts";

// How far a joint reaches compared with one of the body: hands and faces have many close together.
const REACH: Record<Part, number> = { body: 1, left: 0.6, right: 0.6, face: 0.4 };
// By how much of the reach another person's joint must be nearer than the active one's.
const ADVANTAGE = 0.4;

// Only the active person's hands and faces have handles; their bodies' joints come first.
export function pick_joint(document: PoseDocument, at: Point, radius: number, active: number | null): JointRef | null {
  let best: JointRef | null = null;
  let least = Infinity;
  for (const person of document.people) {
    if (person.locked || person.hidden) continue;
    const own = person.id === active;
    for (const part of own ? PARTS : (["body"] as const)) {
      (person[part] ?? []).forEach((joint, index) => {
        const away = distance(joint, at) / (radius * REACH[part]);
        const cost = away + (own ? 0 : ADVANTAGE);
        // Later people lie above earlier ones.
        if (away <= 1 && cost <= least) {
          least = cost;
          best = { person: person.id, part, index };
        }
      });
    }
  }
  return best;
}

function distance_to_line(at: Point, a: Point, b: Point): number {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = dx * dx + dy * dy;
  const along = length > 0 ? Math.min(1, Math.max(0, ((at.x - a.x) * dx + (at.y - a.y) * dy) / length)) : 0;
  return distance(at, { x: a.x + along * dx, y: a.y + along * dy });
}

function touches(person: Person, at: Point, radius: number): boolean {
  const near = (a: Point, b: Point) => distance_to_line(at, a, b) <= radius;
  const { body } = person;
  if (LIMBS.some(([a, b]) => body[a]!.visible && body[b]!.visible && near(body[a]!, body[b]!))) return true;
  return [person.left, person.right].some((hand) =>
    hand?.some((joint, i) => HAND_PARENTS[i]! >= 0 && near(joint, hand[HAND_PARENTS[i]!]!)),
  );
}

// The person one of whose limbs is under the pointer, the uppermost first.
export function pick_person(document: PoseDocument, at: Point, radius: number): number | null {
  const people = [...document.people].reverse();
  return people.find((person) => !person.hidden && !person.locked && touches(person, at, radius))?.id ?? null;
}

