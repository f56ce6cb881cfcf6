// SPDX-License-Identifier: Apache-2.0
// The stage: the map of the chosen layer, the result, or both compared; and the editor while a map is drawn.
import { Tabs } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { editing, stageTab, type StageTab } from "../../state/view.ts";
import { CompareView } from "./compare_view.tsx";
import { EditorHost } from "./editor_host.tsx";
import { MapActions, MapView } from "./map_view.tsx";
import { ResultActions, ResultView } from "./result_view.tsx";
import "./stage.css";

const kPanel = "stage-panel";

export function Stage() {
  const tab = stageTab.value;
  const open = editing.value;
  if (open !== null) {
    return (
      <section class="cs cs-edits" aria-label={t("create.editor")}>
        <EditorHost key={open} what={open} />
      </section>
    );
  }
  return (
    <section class={"cs"} aria-label={t("create.stage")}>
      <header class="cs-head">
        <Tabs<StageTab>
          label={t("create.stage")}
          panelId={kPanel}
          value={tab}
          tabs={[
            { value: "map", label: t("create.tab_map") },
            { value: "result", label: t("create.tab_result") },
            { value: "compare", label: t("create.tab_compare") },
          ]}
          onChange={(value) => (stageTab.value = value)}
        />
        <div class="cs-actions">{tab === "map" ? <MapActions /> : <ResultActions />}</div>
      </header>
      <div class="cs-panel" id={kPanel} role="tabpanel" aria-labelledby={`${kPanel}-${tab}`}>
        {tab === "map" ? <MapView /> : tab === "result" ? <ResultView /> : <CompareView />}
      </div>
    </section>
  );
}
