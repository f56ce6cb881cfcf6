// SPDX-License-Identifier: Apache-2.0
// People drawn as the maps of version 1.1 show them: sticks dimmed to 60 %, joints above. The exact map is the server's.
import { ellipse_of, LIMB_HALF_WIDTH } from "./svg_export.ts";
import { HAND_BONES, HAND_COLOURS, JOINT_COLOURS, LIMBS, type Joint, type Person } from "./skeleton.ts";

export function Sticks({ body }: { body: readonly Joint[] }) {
  return (
    <g opacity={0.6}>
      {LIMBS.map(([a, b], i) => {
        const [from, to] = [body[a]!, body[b]!];
        if (!from.visible || !to.visible) return null;
        const stick = ellipse_of(from, to);
        return (
          <ellipse key={i} cx={0} cy={0} rx={stick.length / 2} ry={LIMB_HALF_WIDTH} fill={JOINT_COLOURS[i]}
            transform={`translate(${stick.x} ${stick.y}) rotate(${stick.degrees})`} />
        );
      })}
    </g>
  );
}

export function HandBones({ hand }: { hand: readonly Joint[] }) {
  return (
    <g stroke-width={2}>
      {HAND_BONES.map(([a, b], i) => {
        const [from, to] = [hand[a]!, hand[b]!];
        if (!from.visible || !to.visible) return null;
        return <line key={i} x1={from.x} y1={from.y} x2={to.x} y2={to.y} stroke={HAND_COLOURS[i]} />;
      })}
    </g>
  );
}

// Without handles: what belongs to the picture.
export function PersonDrawing({ person }: { person: Person }) {
  return (
    <g>
      <Sticks body={person.body} />
      {person.body.map((j, i) => j.visible && <circle key={i} cx={j.x} cy={j.y} r={4} fill={JOINT_COLOURS[i]} />)}
      {(["left", "right"] as const).map((side) => {
        const hand = person[side];
        return hand && (
          <g key={side}>
            <HandBones hand={hand} />
            {hand.map((j, i) => j.visible && <circle key={i} cx={j.x} cy={j.y} r={4} fill="#0000ff" />)}
          </g>
        );
      })}
      {person.face?.map((j, i) => j.visible && <circle key={i} cx={j.x} cy={j.y} r={3} fill="#ffffff" />)}
    </g>
  );
}
