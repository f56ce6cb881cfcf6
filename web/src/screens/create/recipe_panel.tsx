// SPDX-License-Identifier: Apache-2.0
// Everything that decides what the picture becomes, from the words down to what few people change.
import { useState } from "preact/hooks";
import { Button, Chip, Icon, IconButton, NumberField, Select, Slider, Switch, TextArea } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { LayerList } from "../../layers/list.tsx";
import { capabilities } from "../../state/capabilities.ts";
import { weigh_selection } from "../../state/keys.ts";
import { random_seed, recipe, set_recipe, initialRecipe } from "../../state/recipe.ts";
import { layers } from "../../state/layers.ts";
import { base_size_of, locked_side, on_grid, shapes, size_of_shape } from "../../state/sizes.ts";
import { styles_for } from "../../state/styles.ts";
import { chosenModel, clear_field_error, fieldErrors } from "../../state/submit.ts";
import { toast } from "../../design/toast.tsx";
import { Examples } from "./examples.tsx";
import { ExtraFields } from "./extra_fields.tsx";
import { StartPicture } from "./start_picture.tsx";
import "./recipe.css";

function weigh(event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }, field: "prompt" | "negative"): void {
  if (!(event.ctrlKey || event.metaKey) || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  event.preventDefault();
  const area = event.currentTarget;
  const next = weigh_selection(area.value, area.selectionStart, area.selectionEnd, event.key === "ArrowUp" ? 0.1 : -0.1);
  area.value = next.text;
  area.setSelectionRange(next.start, next.end);
  set_recipe({ [field]: next.text });
}

function Prompt() {
  const { prompt, negative, styles } = recipe.value;
  const [showNegative, setShowNegative] = useState(false);
  const available = styles_for(chosenModel.value);
  const open = showNegative || negative !== "";
  return (
    <section class="recipe-section recipe-prompt" aria-label={t("create.prompt")}>
      <TextArea
        name="prompt"
        label={t("create.prompt")}
        placeholder={t("create.prompt_placeholder")}
        rows={3}
        value={prompt}
        error={fieldErrors.value.prompt}
        onChange={(text) => {
          clear_field_error("prompt");
          set_recipe({ prompt: text });
        }}
        onKeyDown={(event) => weigh(event, "prompt")}
        aside={
          <>
            {(prompt || negative || layers.value.length > 0) && (
              <Button small kind="quiet" class="recipe-clear" icon="rotate-ccw" onClick={start_over} tip={t("create.start_over_tip")}>
                {t("create.start_over")}
              </Button>
            )}
          </>
        }
      />
      {open ? (
        <TextArea
          name="negative"
          label={t("create.negative")}
          placeholder={t("create.negative_placeholder")}
          rows={1}
          value={negative}
          error={fieldErrors.value.negative}
          onChange={(text) => set_recipe({ negative: text })}
          onKeyDown={(event) => weigh(event, "negative")}
          aside={<IconButton small icon="minus" label={t("create.negative_remove")} onClick={() => { setShowNegative(false); set_recipe({ negative: "" }); }} />}
        />
      ) : null}
      <div class="recipe-chips" role="group" aria-label={t("create.styles")}>
        {!open && (
          <Chip icon="plus" onClick={() => setShowNegative(true)}>
            {t("create.negative_add")}
          </Chip>
        )}
        {available.map((style) => {
          const on = styles.includes(style.id);
          return (
            <Chip key={style.id} pressed={on} tip={style.prompt} onClick={() => set_recipe({ styles: on ? styles.filter((id) => id !== style.id) : [...styles, style.id] })}>
              {t(`create.style_${style.id}`)}
            </Chip>
          );
        })}
      </div>
    </section>
  );
}

function start_over(): void {
  const before = { recipe: recipe.value, layers: layers.value };
  const { model, width, height } = recipe.value;
  recipe.value = { ...initialRecipe, model, width, height };
  layers.value = [];
  toast({
    title: t("create.started_over"),
    action: { label: t("common.undo"), run: () => { recipe.value = before.recipe; layers.value = before.layers; } },
  });
}

function ShapeIcon({ ratio: [x, y] }: { ratio: readonly [number, number] }) {
  const scale = 13 / Math.max(x, y);
  const width = x * scale;
  const height = y * scale;
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
      <rect x={9 - width / 2} y={9 - height / 2} width={width} height={height} rx="1.5" fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
}

function Size() {
  const { width, height, aspectLock } = recipe.value;
  const max = capabilities.value?.limits.max_side ?? 2048;
  const model = chosenModel.value;
  const base = base_size_of(model?.family ?? "", model?.id);
  const set_width = (value: number) => {
    clear_field_error("width");
    const next = on_grid(value, max);
    set_recipe({ width: next, ...(aspectLock ? { height: locked_side(next, width, height, max) } : {}) });
  };
  const set_height = (value: number) => {
    clear_field_error("height");
    const next = on_grid(value, max);
    set_recipe({ height: next, ...(aspectLock ? { width: locked_side(next, height, width, max) } : {}) });
  };
  return (
    <section class="recipe-section" aria-labelledby="size-title">
      <header class="recipe-head">
        <h2 id="size-title">{t("create.size")}</h2>
        <span class="recipe-space" />
        <div class="recipe-shapes" role="group" aria-label={t("create.shapes")}>
          {shapes.map((shape) => {
            const size = size_of_shape(shape.ratio, base, max);
            const on = size.width === width && size.height === height;
            return (
              <button key={shape.id} type="button" class="recipe-shape" aria-pressed={on} aria-label={`${t(`create.shape_${shape.id}`)} ${size.width} × ${size.height}`} data-tip={`${t(`create.shape_${shape.id}`)} · ${size.width} × ${size.height}`} onClick={() => set_recipe(size)}>
                <ShapeIcon ratio={shape.ratio} />
              </button>
            );
          })}
        </div>
      </header>
      <div class="recipe-size-row">
        <NumberField label={t("create.width")} hideLabel value={width} min={64} max={max} step={8} suffix="W" error={fieldErrors.value.width} onChange={set_width} />
        <IconButton small icon={aspectLock ? "link" : "unlink"} label={t("create.aspect_lock")} pressed={aspectLock} onClick={() => set_recipe({ aspectLock: !aspectLock })} />
        <NumberField label={t("create.height")} hideLabel value={height} min={64} max={max} step={8} suffix="H" error={fieldErrors.value.height} onChange={set_height} />
        <IconButton small icon="arrow-left-right" label={t("create.swap_sides")} onClick={() => set_recipe({ width: height, height: width })} />
      </div>
    </section>
  );
}

function Basics() {
  const { steps, fast, cfg, count, seed, seedFixed } = recipe.value;
  const limits = capabilities.value?.limits;
  const errors = fieldErrors.value;
  const change = (field: string, values: Parameters<typeof set_recipe>[0]) => {
    clear_field_error(field);
    set_recipe(values);
  };
  return (
    <section class="recipe-section" aria-labelledby="basics-title">
      <header class="recipe-head"><h2 id="basics-title">{t("create.basics")}</h2></header>
      <Slider
        label={t("create.steps")}
        help={t("create.steps_help")}
        min={1}
        max={limits?.max_steps ?? 150}
        step={1}
        initial={20}
        value={steps}
        error={errors.steps}
        onChange={(value) => change("steps", { steps: value })}
        aside={
          <Chip pressed={fast} onClick={() => set_recipe({ fast: !fast })} tip={t("create.fast_help")}>
            {t("create.fast")}
          </Chip>
        }
      />
      <Slider
        label={t("create.cfg")}
        help={t("create.cfg_help")}
        min={1}
        max={20}
        step={0.5}
        value={cfg ?? 7}
        disabled={cfg === null}
        error={errors.cfg}
        onChange={(value) => change("cfg", { cfg: value })}
        aside={
          <Chip pressed={cfg === null} onClick={() => set_recipe({ cfg: cfg === null ? 7 : null })} tip={t("create.cfg_auto_help")}>
            {t("common.auto")}
          </Chip>
        }
      />
      <div class="recipe-seed-row">
        <NumberField
          label={t("create.seed")}
          help={t("create.seed_help")}
          value={seed}
          min={0}
          max={Number.MAX_SAFE_INTEGER}
          step={1}
          error={errors.seed}
          onChange={(value) => change("seed", { seed: value, seedFixed: true })}
        />
        <IconButton icon="dices" label={t("create.seed_random")} onClick={() => set_recipe({ seed: random_seed() })} />
        <IconButton icon={seedFixed ? "lock" : "lock-open"} label={t(seedFixed ? "create.seed_fixed" : "create.seed_free")} pressed={seedFixed} onClick={() => set_recipe({ seedFixed: !seedFixed })} />
        <NumberField label={t("create.count")} help={t("create.count_help")} class="recipe-seed-count" value={count} min={1} max={limits?.max_batch ?? 16} step={1} error={errors.batch} onChange={(value) => change("batch", { count: value })} />
      </div>
    </section>
  );
}

function Advanced() {
  const [open, setOpen] = useState(false);
  const { sampler, eta, addedWords } = recipe.value;
  const samplers = capabilities.value?.samplers ?? [];
  return (
    <section class="recipe-section">
      <button type="button" class="recipe-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? "chevron-down" : "chevron-right"} size={15} />
        <h2>{t("create.advanced")}</h2>
      </button>
      {open && (
        <div class="recipe-folded">
          <Select
            label={t("create.sampler")}
            value={sampler}
            error={fieldErrors.value.sampler}
            options={[{ value: "", label: t("common.auto") }, ...samplers.map(({ name, label }) => ({ value: name, label }))]}
            onChange={(value) => set_recipe({ sampler: value })}
          />
          <Slider label={t("create.eta")} help={t("create.eta_help")} min={0} max={1} step={0.05} initial={0} value={eta} onChange={(value) => set_recipe({ eta: value })} />
          <Switch label={t("create.added_words")} help={t("create.added_words_help")} checked={addedWords} onChange={(on) => set_recipe({ addedWords: on })} />
          <ExtraFields />
        </div>
      )}
    </section>
  );
}

export function RecipePanel() {
  const empty = recipe.value.prompt === "" && layers.value.length === 0;
  return (
    <div class="recipe">
      <Prompt />
      {empty && <Examples compact />}
      <LayerList />
      <StartPicture />
      <Size />
      <Basics />
      <Advanced />
    </div>
  );
}

