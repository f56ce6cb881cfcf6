// SPDX-License-Identifier: Apache-2.0
// Names of joints and people in the language of the page.
import { t } from "../i18n/index.ts";
import { JOINT_NAMES, type Joint, type JointRef, type Person } from "./skeleton.ts";

const FINGERS = ["thumb", "index", "middle", "ring", "little"] as const;

export function finger_name(finger: number): string {
  return t(`pose.finger_${FINGERS[finger]!}`);
}

// "Right elbow", "Left hand, index finger 2", "Face, point 31".
export function joint_name(ref: Pick<JointRef, "part" | "index">): string {
  if (ref.part === "body") return t(`pose.joint_${JOINT_NAMES[ref.index]!}`);
  if (ref.part === "face") return t("pose.face_point", { number: ref.index + 1 });
  const hand = t(ref.part === "left" ? "pose.left_hand" : "pose.right_hand");
  if (ref.index === 0) return t("pose.hand_root", { hand });
  return t("pose.hand_point", {
    hand, finger: finger_name(Math.floor((ref.index - 1) / 4)), number: ((ref.index - 1) % 4) + 1,
  });
}

// By its id, so that a name stays when the order changes.
export function person_name(person: Person): string {
  return person.name || t("pose.person", { number: person.id });
}

// What a screen reader says of a joint, and the line under the stage.
export function joint_sentence(name: string, joint: Joint): string {
  const values = { name, x: Math.round(joint.x), y: Math.round(joint.y) };
  return t(joint.visible ? "pose.joint_at" : "pose.joint_hidden_at", values);
}

export function preset_name(id: string): string {
  return t(`pose.preset_${id}`);
}
