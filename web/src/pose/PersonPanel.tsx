// SPDX-License-Identifier: Apache-2.0
// What can be done with the person whose joints are shown: mirror, hands and face, fingers.
import arrow_left_right from "lucide-static/icons/arrow-left-right.svg?raw";
import flip_vertical from "lucide-static/icons/flip-vertical-2.svg?raw";
import { useState } from "preact/hooks";
import { Button, IconButton, Slider, Switch } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { curled, type Side } from "./attachments.ts";
import { changed_person } from "./edit.ts";
import { commit, flip, set_attached, swap_sides, symmetric, type Model } from "./model.ts";
import type { Person } from "./skeleton.ts";
import { finger_name } from "./words.ts";

function curl(model: Model, person: Person, side: Side, finger: number, percent: number): void {
  const next = changed_person(model.document.value, person.id, (p) => curled(p, side, finger, percent / 100));
  commit(model, next, `curl ${person.id} ${side} ${finger}`);
}

function Fingers({ model, person, side }: { model: Model; person: Person; side: Side }) {
  const [each, setEach] = useState(false);
  const curls = person.curl[side];
  const mean = curls.reduce((sum, value) => sum + value, 0) / curls.length;
  const percent = (value: number) => Math.round(value * 100);
  return (
    <div class="pose-fingers">
      <Slider label={t("pose.curl_all")} value={percent(mean)} min={0} max={100} initial={0} suffix="%"
        onChange={(value) => curl(model, person, side, -1, value)}
        aside={<Button small kind="quiet" aria-expanded={each} onClick={() => setEach(!each)}>{t(each ? "pose.together" : "pose.each_finger")}</Button>} />
      {each && curls.map((value, finger) => (
        <Slider key={finger} label={finger_name(finger)} value={percent(value)} min={0} max={100} initial={0} suffix="%"
          onChange={(amount) => curl(model, person, side, finger, amount)} />
      ))}
    </div>
  );
}

// Left and right of the picture would be ambiguous, so the words always mean the person's own sides.
export function PersonPanel({ model, person }: { model: Model; person: Person }) {
  const fixed = person.locked;
  return (
    <>
      <div class="pose-buttons" role="group" aria-label={t("pose.mirror_group")}>
        <IconButton icon="flip-horizontal-2" kind="plain" label={t("pose.flip_x")} disabled={fixed} onClick={() => flip(model, "x")} />
        <IconButton svg={flip_vertical} kind="plain" label={t("pose.flip_y")} disabled={fixed} onClick={() => flip(model, "y")} />
        <IconButton svg={arrow_left_right} kind="plain" label={t("pose.swap_sides")} disabled={fixed} onClick={() => swap_sides(model)} />
        <Button small class="pose-copy" tip={t("pose.copy_side_help")} disabled={fixed} onClick={() => symmetric(model, "left")}>{t("pose.left_to_right")}</Button>
        <Button small class="pose-copy" tip={t("pose.copy_side_help")} disabled={fixed} onClick={() => symmetric(model, "right")}>{t("pose.right_to_left")}</Button>
      </div>
      {(["right", "left"] as const).map((side) => (
        <div key={side} class="pose-part">
          <Switch label={t(side === "left" ? "pose.left_hand" : "pose.right_hand")} checked={person[side] !== null} disabled={fixed}
            onChange={(on) => set_attached(model, side, on)} />
          {person[side] && !fixed && <Fingers model={model} person={person} side={side} />}
        </div>
      ))}
      <Switch label={t("pose.face")} checked={person.face !== null} disabled={fixed} onChange={(on) => set_attached(model, "face", on)} />
    </>
  );
}
