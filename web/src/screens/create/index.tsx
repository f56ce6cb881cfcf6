// SPDX-License-Identifier: Apache-2.0
// Create: the recipe on the left, the stage in the middle, the newest results on the right; below 800 px one of them at a time.
import { names, Tabs } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { openJobs } from "../../state/jobs.ts";
import { editing, pane, type Pane } from "../../state/view.ts";
import { GenerateBar } from "./generate_bar.tsx";
import { RecipePanel } from "./recipe_panel.tsx";
import { Session } from "./session.tsx";
import { Stage } from "./stage.tsx";
import "./create.css";

export function Create() {
  const at = pane.value;
  return (
    <div class={names("create", `create-at-${at}`, editing.value !== null && "create-editing")}>
      <h1 class="visually-hidden">{t("app.screen_create")}</h1>
      <section class="create-recipe" aria-label={t("create.recipe")}>
        <RecipePanel />
        <GenerateBar />
      </section>
      <Stage />
      <Session />
      <nav class="create-panes" aria-label={t("create.panes")}>
        <Tabs<Pane>
          label={t("create.panes")}
          value={at}
          tabs={[
            { value: "recipe", label: t("create.pane_recipe"), icon: "sliders-horizontal" },
            { value: "stage", label: t("create.pane_stage"), icon: "image" },
            { value: "results", label: t("create.pane_results"), icon: "images", badge: openJobs.value.length || null },
          ]}
          onChange={(value) => (pane.value = value)}
        />
      </nav>
    </div>
  );
}

export default Create;
