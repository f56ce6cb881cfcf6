// SPDX-License-Identifier: Apache-2.0
// For the first minute: examples of the server that need one click and nothing to download.
import type { Example } from "../../api/types.ts";
import { t, t_or } from "../../i18n/index.ts";
import { kind_color, names } from "../../design/index.ts";
import { capabilities } from "../../state/capabilities.ts";
import { layers, selectedLayer } from "../../state/layers.ts";
import { set_recipe } from "../../state/recipe.ts";
import { recall } from "../../state/request.ts";
import { kind_of, model_by_id } from "../../state/capabilities.ts";
import { styles_for } from "../../state/styles.ts";
import { sessionImages } from "../../state/gallery.ts";
import { chosenModel, currentJob, generate } from "../../state/submit.ts";
import { stageTab } from "../../state/view.ts";

// The whole request is taken over and started.
export async function run_example(example: Example): Promise<void> {
  const model = (example.request.model ? model_by_id(example.request.model) : undefined) ?? chosenModel.value;
  const change = recall(example.request, ["prompt", "seed", "size", "settings", "controls", "init"], styles_for(model), { kind_of });
  set_recipe(change.recipe);
  layers.value = change.layers ?? [];
  selectedLayer.value = null;
  await generate();
  // The next click shall show something new.
  set_recipe({ seedFixed: false });
}

// `compact`: in the recipe; else large on the empty stage of a wide window, where the compact ones are then left out.
export function Examples({ compact }: { compact?: boolean }) {
  const examples = (capabilities.value?.examples ?? []).slice(0, 3);
  if (!examples.length) return null;
  const on_stage = compact && sessionImages.value.length === 0 && stageTab.value === "result" && !currentJob.value;
  return (
    <section class={names("examples", compact ? "recipe-section" : "recipe-examples-large", on_stage && "recipe-examples-twice")} aria-label={t("create.examples")}>
      <header class="recipe-head"><h2>{t("create.examples")}</h2></header>
      <div class="recipe-examples-row">
        {examples.map((example) => {
          const kinds = (example.request.controls ?? []).map((unit) => kind_of(unit.kind).kind);
          return (
            <button key={example.id} type="button" class="recipe-example" onClick={() => void run_example(example)}>
              <img src={example.thumb} alt="" loading="lazy" />
              <span class="recipe-example-title">{t_or(`create.example_${example.id}`, example.title)}</span>
              <span class="recipe-example-kinds" aria-hidden="true">
                {kinds.map((kind) => (
                  <span key={kind} style={{ background: kind_color(kind) }} />
                ))}
              </span>
            </button>
          );
        })}
      </div>
    </section>
  );
}
