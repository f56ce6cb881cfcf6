// SPDX-License-Identifier: Apache-2.0
// Small drawings of the poses to begin with.
import { t } from "../i18n/index.ts";
import { preset_icon, PRESETS } from "./presets.ts";
import { JOINT_COLOURS, LIMBS } from "./skeleton.ts";
import { preset_name } from "./words.ts";

const SIDE = 44;
const icons = new Map(PRESETS.map((preset) => [preset.id, preset_icon(preset, SIDE)]));

function PresetIcon({ id }: { id: string }) {
  const body = icons.get(id)!;
  return (
    <svg viewBox={`0 0 ${SIDE} ${SIDE}`} width={SIDE} height={SIDE} stroke-width={2.2} stroke-linecap="round" aria-hidden="true">
      {LIMBS.slice(0, 13).map(([a, b], i) => (
        <line key={i} x1={body[a]!.x} y1={body[a]!.y} x2={body[b]!.x} y2={body[b]!.y} stroke={JOINT_COLOURS[i]} />
      ))}
      <circle cx={body[0]!.x} cy={body[0]!.y - 1} r={2.6} fill="#d9d9e3" />
    </svg>
  );
}

export function PresetGrid({ label, onPick }: { label: string; onPick(id: string): void }) {
  return (
    <div class="pose-presets" role="group" aria-label={label}>
      {PRESETS.map(({ id }) => (
        <button key={id} type="button" class="pose-preset" aria-label={t("pose.use_preset", { name: preset_name(id) })} data-tip={preset_name(id)} data-preset={id} onClick={() => onPick(id)}>
          <PresetIcon id={id} />
        </button>
      ))}
    </div>
  );
}
