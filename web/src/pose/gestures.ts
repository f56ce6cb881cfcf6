// SPDX-License-Identifier: Apache-2.0
// What a drag does to the people: from the document at its beginning and the place of the pointer, the document now.
import { dragged_limb, middle_of, mirrored, rotated, scaled, scaled_limb, translated } from "./edit.ts";
import { joint_of, PARTS, type Box, type JointRef, type Point, type PoseDocument } from "./skeleton.ts";

export type Tool = "move" | "limb" | "scale";
export type BoxHandle = "nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w" | "rotate" | "move";
export const BOX_HANDLES: readonly BoxHandle[] = ["nw", "n", "ne", "e", "se", "s", "sw", "w", "rotate"];

export interface Keys {
  shift: boolean;
  alt: boolean;
}

export type Drag =
  | { kind: "joint"; ref: JointRef; refs: readonly JointRef[]; from: Point; start: PoseDocument }
  | { kind: "box"; handle: BoxHandle; refs: readonly JointRef[]; box: Box; from: Point; start: PoseDocument };

// The held keys win over the chosen tool.
export function tool_now(tool: Tool, keys: Keys): Tool {
  return keys.alt ? "scale" : keys.shift ? "limb" : tool;
}

function dragged_joint(drag: Drag & { kind: "joint" }, to: Point, tool: Tool): PoseDocument {
  const { start, ref, refs, from } = drag;
  const joint = joint_of(start, ref);
  if (!joint) return start;
  // The joint keeps its distance from the pointer, which rarely hits its middle.
  const target = { x: joint.x + to.x - from.x, y: joint.y + to.y - from.y };
  if (refs.length > 1) return translated(start, refs, to.x - from.x, to.y - from.y);
  if (tool === "limb") return dragged_limb(start, ref, target);
  if (tool === "scale") return scaled_limb(start, ref, target);
  return translated(start, [ref], to.x - from.x, to.y - from.y);
}

const STEP = Math.PI / 12; // 15 degrees

function rotation(drag: Drag & { kind: "box" }, to: Point, keys: Keys): PoseDocument {
  const centre = middle_of(drag.box);
  const angle = Math.atan2(to.y - centre.y, to.x - centre.x) - Math.atan2(drag.from.y - centre.y, drag.from.x - centre.x);
  const turn = keys.shift ? Math.round(angle / STEP) * STEP : angle;
  return rotated(drag.start, drag.refs, centre, turn);
}

// The factor by which a side of the box grows; a box without width stays without. Pulling past the opposite side
// stops shortly before it: mirroring is what flip is for, which also swaps left and right.
function factor(fixed: number, side: number, moved: number): number {
  const before = side - fixed;
  return Math.abs(before) < 1e-6 ? 1 : Math.max(0.02, (before + moved) / before);
}

function resized(drag: Drag & { kind: "box" }, to: Point, keys: Keys): PoseDocument {
  const { handle, box, from, start, refs } = drag;
  const centre = middle_of(box);
  const west = handle.includes("w"), east = handle.includes("e");
  const north = handle.includes("n"), south = handle.includes("s");
  // Alt grows about the middle, otherwise the opposite side stays.
  const fixed = {
    x: keys.alt ? centre.x : west ? box.right : box.left,
    y: keys.alt ? centre.y : north ? box.bottom : box.top,
  };
  let fx = west || east ? factor(fixed.x, west ? box.left : box.right, to.x - from.x) : 1;
  let fy = north || south ? factor(fixed.y, north ? box.top : box.bottom, to.y - from.y) : 1;
  if ((west || east) && (north || south) && !keys.shift) {
    // Corners keep the shape; the side that was pulled further decides. Shift lets them stretch.
    const both = Math.abs(fx - 1) > Math.abs(fy - 1) ? fx : fy;
    fx = both;
    fy = both;
  }
  return scaled(start, refs, fixed, fx, fy);
}

// With `mirror` the other arm or leg follows as in a mirror.
export function dragged(drag: Drag, to: Point, tool: Tool, keys: Keys, mirror: boolean): PoseDocument {
  if (drag.kind === "joint") {
    const next = dragged_joint(drag, to, tool_now(tool, keys));
    return mirror ? mirrored(next, moved_refs(drag.start, next)) : next;
  }
  if (drag.handle === "rotate") return rotation(drag, to, keys);
  if (drag.handle === "move") return translated(drag.start, drag.refs, to.x - drag.from.x, to.y - drag.from.y);
  return resized(drag, to, keys);
}

// The joints of bodies that are elsewhere now.
export function moved_refs(before: PoseDocument, after: PoseDocument): JointRef[] {
  return after.people.flatMap((person, k) =>
    person === before.people[k] ? [] : person.body.flatMap((joint, index) => {
      const old = before.people[k]?.body[index];
      const same = old !== undefined && old.x === joint.x && old.y === joint.y && old.visible === joint.visible;
      return same ? [] : [{ person: person.id, part: "body" as const, index }];
    }),
  );
}

// Everything that can be taken hold of in a rectangle.
export function within(document: PoseDocument, from: Point, to: Point): JointRef[] {
  const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
  const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  return document.people
    .filter((person) => !person.locked && !person.hidden)
    .flatMap((person) => PARTS.flatMap((part) => (person[part] ?? []).flatMap((joint, index) => {
      const inside = joint.x >= left && joint.x <= right && joint.y >= top && joint.y <= bottom;
      return inside ? [{ person: person.id, part, index }] : [];
    })));
}
