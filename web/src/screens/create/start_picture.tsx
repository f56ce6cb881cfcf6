// SPDX-License-Identifier: Apache-2.0
// Image to image: a picture to begin with, how much of it is made anew, and the part to which that is limited.
import { asset_url } from "../../api/client.ts";
import { Button, Dropzone, HelpMark, IconButton, Slider } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { capabilities } from "../../state/capabilities.ts";
import { dropped_image } from "../../state/drag.ts";
import { upload } from "../../state/import.ts";
import { recipe, set_recipe } from "../../state/recipe.ts";
import { base_size_of, size_like } from "../../state/sizes.ts";
import { chosenModel, fieldErrors } from "../../state/submit.ts";
import { editing, pane, stageTab } from "../../state/view.ts";

async function take(file: File): Promise<void> {
  const asset = await upload(file);
  if (!asset) return;
  const model = chosenModel.value;
  const size = size_like(asset.width, asset.height, base_size_of(model?.family ?? "", model?.id), capabilities.value?.limits.max_side ?? 2048);
  set_recipe({ init: asset.sha, mask: null, maskDocument: null, ...size });
}

function edit_mask(): void {
  stageTab.value = "map";
  pane.value = "stage";
  editing.value = "init";
}

export function StartPicture() {
  const { init, denoise, mask, maskBlur } = recipe.value;
  const drop = (data: DataTransfer) => {
    const image = dropped_image(data);
    if (!image) return false;
    set_recipe({ init: image.sha, mask: null, maskDocument: null, width: image.width, height: image.height });
    return true;
  };
  return (
    <section class="recipe-section" aria-labelledby="init-title">
      <header class="recipe-head">
        <h2 id="init-title">{t("create.init")}</h2>
        <HelpMark text={t("create.init_help")} />
        <span class="recipe-space" />
        {init && <IconButton small icon="x" label={t("create.init_remove")} onClick={() => set_recipe({ init: null, mask: null, maskDocument: null })} />}
      </header>
      {init === null ? (
        <Dropzone compact label={t("create.init_drop")} onFiles={([file]) => file && void take(file)} onDropData={drop} />
      ) : (
        <>
          <div class="recipe-init-row">
            <Dropzone class="recipe-init-thumb" label={t("create.replace_picture")} onFiles={([file]) => file && void take(file)} onDropData={drop}>
              <img src={asset_url(init, 256)} alt="" />
              {mask && <img class="recipe-init-mask" src={asset_url(mask, 256)} alt="" />}
            </Dropzone>
            <div class="recipe-init-side">
              <Button small icon="brush" onClick={edit_mask}>{t(mask ? "create.mask_edit" : "create.mask_add")}</Button>
              {mask && <Button small kind="quiet" icon="x" onClick={() => set_recipe({ mask: null, maskDocument: null })}>{t("create.mask_remove")}</Button>}
              <p class="muted recipe-init-note">{t(mask ? "create.mask_note" : "create.init_note")}</p>
            </div>
          </div>
          <Slider label={t("create.denoise")} help={t("create.denoise_help")} min={0} max={1} step={0.05} initial={0.75} value={denoise} error={fieldErrors.value.denoise} onChange={(value) => set_recipe({ denoise: value })} />
          {mask && <Slider label={t("create.mask_blur")} min={0} max={64} step={1} initial={5} value={maskBlur} suffix="px" onChange={(value) => set_recipe({ maskBlur: value })} />}
        </>
      )}
    </section>
  );
}
