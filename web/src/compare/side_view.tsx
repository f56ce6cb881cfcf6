// SPDX-License-Identifier: Apache-2.0
// Two pictures beside one another; zooming and moving one moves both.
import { signal } from "@preact/signals";
import { t } from "../i18n/index.ts";
import { Viewport } from "../screens/create/viewport.tsx";
import type { View } from "../screens/create/viewport_math.ts";
import type { PairProps } from "./compare.tsx";

const view = signal<View | null>(null);

export function SideView({ image, label, url }: PairProps) {
  const first = t("create.result_named", { prompt: image.prompt || t("create.no_prompt"), seed: image.seed });
  return (
    <div class="compare-side">
      <Viewport picture={image} label={first} view={view} follows overlay={<p class="compare-name">{t("compare.result")}</p>}>
        <img src={image.url} alt={image.prompt} draggable={false} />
      </Viewport>
      <Viewport picture={image} label={label} view={view} overlay={<p class="compare-name">{label}</p>}>
        <img src={url} alt={label} draggable={false} class="compare-second" />
      </Viewport>
    </div>
  );
}
