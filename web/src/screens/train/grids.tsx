// SPDX-License-Identifier: Apache-2.0
// Sample pictures of a training, step by step: the newest, unless somebody goes back with the slider.
import { useEffect } from "preact/hooks";
import type { TrainRunDetails } from "../../api/types.ts";
import { IconButton } from "../../design/index.ts";
import { language, t } from "../../i18n/index.ts";
import { Note } from "../parts/note.tsx";
import { whole } from "../parts/time.ts";

export interface GridsProps {
  grids: TrainRunDetails["grids"];
  chosen: number | null; // index; null: the newest
  running: boolean;
  onChoose(index: number | null): void;
}

export function Grids({ grids, chosen, running, onChoose }: GridsProps) {
  const at = Math.min(chosen ?? grids.length - 1, grids.length - 1);
  const shown = grids[at];
  // Those beside it are fetched ahead, so that the slider shows pictures and not gaps.
  useEffect(() => {
    for (const near of [grids[at - 1], grids[at + 1]]) if (near) new Image().src = near.url;
  }, [at, grids.length]);
  const go = (to: number) => onChoose(to >= grids.length - 1 ? null : Math.max(0, to));
  return (
    <section class="page-card" aria-labelledby="train-grids">
      <header class="page-card-head">
        <h2 id="train-grids">{t("train.samples")}</h2>
        {shown && <span class="muted num">{t("train.at_step", { step: whole(shown.step, language.value) })}</span>}
      </header>
      {!shown ? (
        <Note small icon="images" title={t("train.no_samples")} text={running ? t("train.no_samples_yet") : undefined} />
      ) : (
        <div class="train-grids">
          <a class="train-grid" href={shown.url} target="_blank" rel="noreferrer" data-tip={t("train.open_large")}>
            <img src={shown.url} alt={t("train.samples_at", { step: whole(shown.step, language.value) })} />
          </a>
          {grids.length > 1 && (
            <div class="train-scrub">
              <IconButton small icon="chevron-left" label={t("train.earlier")} disabled={at === 0} onClick={() => go(at - 1)} />
              <input
                class="range"
                type="range"
                min={0}
                max={grids.length - 1}
                step={1}
                value={at}
                style={{ "--part": `${(at / (grids.length - 1)) * 100}%` }}
                aria-label={t("train.step_of_samples")}
                aria-valuetext={t("train.at_step", { step: whole(shown.step, language.value) })}
                onInput={(event) => go(Number(event.currentTarget.value))}
              />
              <IconButton small icon="chevron-right" label={t("train.later")} disabled={at === grids.length - 1} onClick={() => go(at + 1)} />
            </div>
          )}
        </div>
      )}
    </section>
  );
}
