// SPDX-License-Identifier: Apache-2.0
// From a picture back into the recipe: its settings, or the picture itself as a layer or as the start.
import { api } from "../api/client.ts";
import type { GenerateRequest, StudioImage } from "../api/types.ts";
import { toast } from "../design/toast.tsx";
import { t } from "../i18n/index.ts";
import { kind_of, model_by_id } from "./capabilities.ts";
import { error_text } from "./errors.ts";
import { put_job } from "./jobs.ts";
import { add_layer, layers, new_layer, selectedLayer } from "./layers.ts";
import { recipe, set_recipe } from "./recipe.ts";
import { recall, recallParts, type RecallPart } from "./request.ts";
import { rerunJobs } from "./reruns.ts";
import { chosenModel, myJobs } from "./submit.ts";
import { styles_for } from "./styles.ts";

// Takes parts of a request over; with an Undo.
export function recall_request(request: GenerateRequest, parts: readonly RecallPart[] = recallParts): void {
  const before = { recipe: recipe.value, layers: layers.value, selected: selectedLayer.value };
  const model = (request.model ? model_by_id(request.model) : undefined) ?? chosenModel.value;
  const change = recall(request, parts, styles_for(model), { kind_of });
  // A model that is not here would only make every try fail.
  if (change.recipe.model && !model_by_id(change.recipe.model)) {
    toast({ kind: "warn", title: t("create.recall_no_model", { model: change.recipe.model }) });
    delete change.recipe.model;
  }
  set_recipe(change.recipe);
  if (change.layers) {
    layers.value = change.layers;
    selectedLayer.value = change.layers[0]?.id ?? null;
  }
  toast({
    kind: "ok",
    title: t("create.recalled"),
    action: {
      label: t("common.undo"),
      run: () => {
        recipe.value = before.recipe;
        layers.value = before.layers;
        selectedLayer.value = before.selected;
      },
    },
  });
}

// The picture as the start of img2img.
export function send_to_init(image: Pick<StudioImage, "sha" | "width" | "height">): void {
  set_recipe({ init: image.sha, mask: null, maskDocument: null, width: image.width, height: image.height });
  toast({ kind: "ok", title: t("create.sent_to_init") });
}

// The picture as a layer of its own; its map is made at once. `map`: it is a finished map.
export function send_to_layer(image: Pick<StudioImage, "sha">, kind = "canny", map = false): void {
  add_layer(new_layer(kind, map ? { source: "map", map: image.sha } : { source: "result", image: image.sha }));
  toast({ kind: "ok", title: t("create.sent_to_layer") });
}

// Runs a picture's record again; whether it came out the same is told when the job is done.
export async function rerun(image: Pick<StudioImage, "id">): Promise<void> {
  try {
    const job = await api.rerun_image(image.id);
    put_job(job);
    myJobs.value = [...myJobs.value, job.id];
    rerunJobs.value = { ...rerunJobs.value, [image.id]: job.id };
    toast({ kind: "info", title: t("create.rerun_started") });
  } catch (error) {
    toast({ kind: "error", title: t("create.not_started"), detail: error_text(error) });
  }
}
