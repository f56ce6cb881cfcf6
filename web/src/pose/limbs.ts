// SPDX-License-Identifier: Apache-2.0
// Limbs as sticks of fixed length: two-bone inverse kinematics, turning and scaling of what hangs on a joint.
import { distance, type Point } from "./skeleton.ts";

export function turned(p: Point, centre: Point, angle: number, scale = 1): Point {
  const c = Math.cos(angle) * scale;
  const s = Math.sin(angle) * scale;
  const x = p.x - centre.x;
  const y = p.y - centre.y;
  return { x: centre.x + c * x - s * y, y: centre.y + s * x + c * y };
}

// The angle by which a turn about `centre` brings the direction of `from` to that of `to`.
export function turn_between(centre: Point, from: Point, to: Point): number {
  const before = Math.atan2(from.y - centre.y, from.x - centre.x);
  const after = Math.atan2(to.y - centre.y, to.x - centre.x);
  return after - before;
}

// Twice the area of the triangle; positive when the way a, b, c turns clockwise on the screen.
export function cross(a: Point, b: Point, c: Point): number {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

export interface TwoBones {
  root: Point; // shoulder or hip: stays
  middle: Point; // elbow or knee
  end: Point; // wrist or ankle
}

// The limb with its end at the target, or as near as its bones reach. The bend stays on its side; `bend` (+1 or -1, the
// sign of cross(root, end, middle)) decides where the limb is straight.
export function reach(limb: TwoBones, target: Point, bend = 1): TwoBones {
  const { root, middle, end } = limb;
  const upper = distance(root, middle);
  const lower = distance(middle, end);
  if (upper + lower === 0) return limb;
  const wanted = distance(root, target);
  const direction = wanted > 0 ? target : end;
  const angle = Math.atan2(direction.y - root.y, direction.x - root.x);
  const length = Math.min(Math.max(wanted, Math.abs(upper - lower)), upper + lower);
  const area = cross(root, end, middle);
  const side = Math.abs(area) > 1e-3 * upper * lower ? Math.sign(area) : Math.sign(bend) || 1;
  // The law of cosines; with one bone of no length the joint coincides with the root or the end.
  const cosine = upper * length > 0 ? (upper * upper + length * length - lower * lower) / (2 * upper * length) : 1;
  const open = Math.acos(Math.min(1, Math.max(-1, cosine))) * side;
  return {
    root,
    middle: { x: root.x + upper * Math.cos(angle + open), y: root.y + upper * Math.sin(angle + open) },
    end: { x: root.x + length * Math.cos(angle), y: root.y + length * Math.sin(angle) },
  };
}

// The point in the direction of `target` at the distance that `point` has from `centre`: a bone that keeps its length.
export function on_circle(centre: Point, point: Point, target: Point): Point {
  const length = distance(centre, point);
  const wanted = distance(centre, target);
  if (wanted === 0) return point;
  const scale = length / wanted;
  return { x: centre.x + (target.x - centre.x) * scale, y: centre.y + (target.y - centre.y) * scale };
}
