// SPDX-License-Identifier: Apache-2.0
// The hand of the jointed figure: 21 points in the frame of the wrist, for given bends of the fingers.
// At rest the hand hangs down (-y), its thumb points forward (+z) and its palm to the body.
type Vec3 = readonly [number, number, number];

// Along the hand, towards the thumb, and the angle in the palm's plane, metres and degrees.
const FINGERS = [
  { along: 0.028, across: 0.03, angle: 40, bones: [0.036, 0.03, 0.025] },
  { along: 0.088, across: 0.025, angle: 7, bones: [0.04, 0.025, 0.021] },
  { along: 0.09, across: 0.005, angle: 0, bones: [0.044, 0.027, 0.021] },
  { along: 0.086, across: -0.014, angle: -6, bones: [0.04, 0.025, 0.021] },
  { along: 0.078, across: -0.031, angle: -13, bones: [0.031, 0.019, 0.017] },
] as const;
const FIST = [80, 170, 225];
const THUMB_FIST = [20, 55, 85];

const radians = (degrees: number) => (degrees * Math.PI) / 180;

// The palm of the left hand (which is at +x) looks to -x, of the right hand to +x.
export function hand_shape_3d(side: "left" | "right", curl: readonly number[]): Vec3[] {
  const palm = side === "left" ? -1 : 1;
  const points: Vec3[] = [[0, 0, 0]];
  FINGERS.forEach(({ along, across, angle, bones }, finger) => {
    const bent = Math.min(1, Math.max(0, curl[finger] ?? 0));
    const bend = finger === 0 ? THUMB_FIST : FIST;
    let at: Vec3 = [0, -along, across];
    points.push(at);
    bones.forEach((length, k) => {
      const fold = radians(bend[k]! * bent);
      const spread = radians(angle * (finger === 0 ? 1 - 0.8 * bent : 1 - 0.5 * bent));
      const straight = length * Math.cos(fold);
      at = [
        at[0] + palm * length * Math.sin(fold),
        at[1] - straight * Math.cos(spread),
        at[2] + straight * Math.sin(spread),
      ];
      points.push(at);
    });
  });
  return points;
}
