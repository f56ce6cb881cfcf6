// SPDX-License-Identifier: Apache-2.0
// What makes maps of photographs, by kind of map: which can be used, and which want the file in which their network was published.
import { Chip, Icon, kind_color } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { kind_label } from "../../layers/layer_actions.ts";
import { controlKinds } from "../../state/capabilities.ts";
import { annotator_lines } from "./model_list.ts";

export function Annotators({ search }: { search: string }) {
  return (
    <section class="page-card" aria-labelledby="models-annotators">
      <header class="page-card-head"><h2 id="models-annotators">{t("models.annotators")}</h2></header>
      <ul class="models-list">
        {annotator_lines(controlKinds.value, search).map((line) => (
          <li key={line.kind} class="models-kind">
            <p class="models-title"><span class="models-mark" style={{ background: kind_color(line.kind) }} />{kind_label(line.kind)}<span class="muted mono models-kind-name">{line.kind}</span></p>
            <ul class="models-annotators">
              {line.annotators.map((annotator) => (
                <li key={annotator.name}>
                  <span class="models-annotator">
                    {annotator.label}
                    <span class="muted mono">{annotator.name}</span>
                  </span>
                  {annotator.state === "ready" ? (
                    <Chip tone="ok" icon="circle-check">{t("models.ready")}</Chip>
                  ) : (
                    <span class="models-needs">
                      {annotator.weights && <span class="mono muted">{annotator.weights}</span>}
                      <Chip tone="warn" icon="triangle-alert" tip={t("models.needs_weights_help")}>{t(annotator.state === "needs_weights" ? "models.needs_weights" : "models.missing")}</Chip>
                    </span>
                  )}
                </li>
              ))}
            </ul>
            {line.why_not && <p class="models-problem"><Icon name="triangle-alert" size={13} /> {line.why_not}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}
