// SPDX-License-Identifier: Apache-2.0
// The list of control layers, and the button that adds one.
import { useRef, useState } from "preact/hooks";
import { Button, Chip, HelpMark, kind_color, Menu, Switch, type MenuEntry } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { capabilities, controlKinds } from "../state/capabilities.ts";
import { dropped_image, drags_image } from "../state/drag.ts";
import { add_layer, layers, move_layer, new_layer } from "../state/layers.ts";
import { recipe, set_recipe } from "../state/recipe.ts";
import { send_to_layer } from "../state/recall.ts";
import { LayerCard } from "./card.tsx";
import { edit_map, kind_label } from "./layer_actions.ts";
import { stageTab } from "../state/view.ts";
import "./list.css";

export function add_items(): MenuEntry[] {
  const known = controlKinds.value;
  if (!known.length) return [{ heading: t("common.loading") }];
  const item = (info: (typeof known)[number]): MenuEntry => ({
    id: info.kind,
    label: kind_label(info.kind),
    detail: info.available ? t(`kinds.about_${info.kind}`, { defaultValue: "" }) || undefined : info.why_not,
    mark: kind_color(info.kind),
    disabled: !info.available,
    onSelect: () => {
      // A scribble is mostly drawn; everything else mostly comes from a picture.
      const layer = new_layer(info.kind, info.kind === "scribble" ? { source: "drawing" } : {});
      add_layer(layer);
      if (layer.source === "drawing") edit_map(layer);
      else stageTab.value = "map";
    },
  } as MenuEntry);
  return [...known.filter((info) => info.available).map(item), ...(known.some((info) => !info.available) ? [{ heading: t("create.not_available") }] : []), ...known.filter((info) => !info.available).map(item)];
}

function GuessMode() {
  const { guess, steps, cfg, addedWords } = recipe.value;
  const advice = guess && (steps < 50 || cfg === null || cfg < 3 || cfg > 5 || addedWords);
  return (
    <div class="layers-guess">
      <Switch label={t("create.guess")} help={t("create.guess_help")} checked={guess} onChange={(on) => set_recipe({ guess: on })} />
      {advice && (
        <Chip tone="accent" icon="sparkles" onClick={() => set_recipe({ steps: 50, cfg: 4, addedWords: false })}>
          {t("create.guess_advice")}
        </Chip>
      )}
    </div>
  );
}

export function LayerList() {
  const [dragged, setDragged] = useState<string | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const limit = capabilities.value?.limits.max_layers ?? 8;
  const full = layers.value.length >= limit;
  return (
    <section
      class="recipe-section layers"
      aria-labelledby="layers-title"
      onDragOver={(event) => event.dataTransfer && drags_image(event.dataTransfer) && event.preventDefault()}
      onDrop={(event) => {
        const image = event.dataTransfer && dropped_image(event.dataTransfer);
        if (!image || event.defaultPrevented) return;
        event.preventDefault();
        send_to_layer(image);
      }}
    >
      <header class="recipe-head">
        <h2 id="layers-title">{t("create.layers")}</h2>
        <HelpMark text={t("create.layers_help")} />
        {layers.value.length > 0 && <span class="recipe-count num">{layers.value.length}</span>}
        <span class="recipe-space" />
        <Menu
          label={t("create.add_layer")}
          align="end"
          items={add_items()}
          button={(props) => (
            <Button {...props} small icon="plus" disabled={full} tip={full ? t("create.layers_full", { count: limit }) : t("create.add_layer_tip")} data-action="add-layer">
              {t("create.add_layer")}
            </Button>
          )}
        />
      </header>
      {layers.value.length === 0 ? (
        <p class="layers-empty">{t("create.layers_empty")}</p>
      ) : (
        <div ref={list} class="layers-list">
          {layers.value.map((layer, at) => (
            <LayerCard
              key={layer.id}
              layer={layer}
              at={at}
              dragged={dragged === layer.id}
              onDragStart={(event) => {
                setDragged(layer.id);
                event.dataTransfer?.setData("application/x-zeroconv-layer", layer.id);
              }}
              onDragOver={(event) => {
                if (!dragged) return;
                event.preventDefault();
                if (dragged === layer.id) return;
                const box = event.currentTarget as HTMLElement;
                const half = box.getBoundingClientRect();
                const from = layers.value.findIndex((other) => other.id === dragged);
                const after = event.clientY > half.top + half.height / 2;
                const to = at + (after ? 1 : 0) - (from < at ? 1 : 0);
                if (to !== from) move_layer(dragged, to);
              }}
              onDragEnd={() => setDragged(null)}
            />
          ))}
        </div>
      )}
      {layers.value.length > 0 && <GuessMode />}
    </section>
  );
}
