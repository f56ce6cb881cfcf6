// SPDX-License-Identifier: Apache-2.0
// What can be taken hold of on the stage: joints as focusable circles, and the box around a selection.
// Their sizes are pixels of the screen, so everything is divided by the scale.
import type { BoxHandle } from "./gestures.ts";
import { JOINT_COLOURS, parse_key, PARTS, type Box, type JointRef, type Part, type Person, type Point } from "./skeleton.ts";
import { joint_name, joint_sentence } from "./words.ts";

interface HandleProps {
  person: Person;
  name: string;
  active: boolean;
  selection: ReadonlySet<string>;
  scale: number;
}

const RADIUS: Record<Part, number> = { body: 6, left: 3.2, right: 3.2, face: 2.2 };
const COLOUR: Record<Exclude<Part, "body">, string> = { left: "#5c7cff", right: "#5c7cff", face: "#ffffff" };

// Only the active person's joints are in the order of the Tab key; the list of people leads to the others.
export function PersonHandles({ person, name, active, selection, scale }: HandleProps) {
  if (person.hidden || person.locked) return null;
  return (
    <g class={active ? "pose-handles" : "pose-handles pose-handles-other"} role="group" aria-label={name}>
      {(active ? PARTS : (["body"] as const)).map((part) =>
        person[part]?.map((joint, index) => {
          const key = `${person.id}.${part}.${index}`;
          const selected = selection.has(key);
          const colour = part === "body" ? JOINT_COLOURS[index]! : COLOUR[part];
          const radius = (RADIUS[part] * (active ? 1 : 0.7)) / scale;
          return (
            <g key={key} class="pose-joint" role="button" data-joint={key} tabindex={active && part === "body" ? 0 : -1}
              data-hidden={joint.visible ? undefined : ""} aria-pressed={selected}
              aria-label={joint_sentence(joint_name({ part, index }), joint)}
              transform={`translate(${joint.x} ${joint.y})`}>
              <circle class="pose-hit" r={Math.max(radius, (part === "body" ? 12 : 4) / scale)} />
              {selected && <circle class="pose-ring" r={radius + 3.5 / scale} stroke-width={2 / scale} />}
              <circle class="pose-focus" r={radius + 6.5 / scale} stroke-width={2 / scale} />
              <circle class="pose-dot" r={radius} stroke-width={1.5 / scale}
                style={joint.visible ? { fill: colour } : { stroke: colour, strokeDasharray: `${3 / scale} ${2.4 / scale}` }} />
            </g>
          );
        }),
      )}
    </g>
  );
}

const PLACES: Record<Exclude<BoxHandle, "rotate" | "move">, readonly [number, number]> = {
  nw: [0, 0], n: [0.5, 0], ne: [1, 0], e: [1, 0.5], se: [1, 1], s: [0.5, 1], sw: [0, 1], w: [0, 0.5],
};

export const BOX_PADDING = 14; // pixels of the screen

export function padded(box: Box, scale: number): Box {
  const by = BOX_PADDING / scale;
  return { left: box.left - by, top: box.top - by, right: box.right + by, bottom: box.bottom + by };
}

export function SelectionBox({ box, scale }: { box: Box; scale: number }) {
  const { left, top, right, bottom } = padded(box, scale);
  const side = 8 / scale;
  const middle = (left + right) / 2;
  const knob = top - 24 / scale;
  return (
    <g class="pose-box">
      <rect class="pose-box-dark" x={left} y={top} width={right - left} height={bottom - top} stroke-width={3 / scale} />
      <rect class="pose-box-line" data-box="move" x={left} y={top} width={right - left} height={bottom - top} stroke-width={1.25 / scale} />
      <line class="pose-box-line" x1={middle} y1={top} x2={middle} y2={knob} stroke-width={1.25 / scale} />
      <circle class="pose-box-handle" data-box="rotate" cx={middle} cy={knob} r={5.5 / scale} stroke-width={1.25 / scale} />
      {Object.entries(PLACES).map(([name, [x, y]]) => (
        <rect key={name} class="pose-box-handle" data-box={name} width={side} height={side} stroke-width={1.25 / scale}
          x={left + (right - left) * x - side / 2} y={top + (bottom - top) * y - side / 2} rx={1.5 / scale} />
      ))}
    </g>
  );
}

export function Marquee({ from, to, scale }: { from: Point; to: Point; scale: number }) {
  return (
    <rect class="pose-marquee" x={Math.min(from.x, to.x)} y={Math.min(from.y, to.y)} width={Math.abs(to.x - from.x)}
      height={Math.abs(to.y - from.y)} stroke-width={1 / scale} />
  );
}

// The joint to which an element of the page belongs.
export function joint_of_element(target: EventTarget | null): JointRef | null {
  const key = target instanceof Element ? target.closest("[data-joint]")?.getAttribute("data-joint") : null;
  return key ? parse_key(key) : null;
}
