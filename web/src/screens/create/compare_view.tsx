// SPDX-License-Identifier: Apache-2.0
// The Compare tab: the chosen result beside its maps and the other results of the session.
import { lazy, Suspense } from "preact/compat";
import { Icon } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { sessionImages } from "../../state/gallery.ts";
import { shown_image } from "./result_view.tsx";

const Compare = lazy(() => import("../../compare/index.ts").then((module) => ({ default: module.Compare })));

export function CompareView() {
  const image = shown_image();
  if (!image) {
    return (
      <div class="cs-empty">
        <Icon name="columns-2" size={34} />
        <p class="cs-empty-title">{t("create.compare_none")}</p>
        <p>{t("create.compare_hint")}</p>
      </div>
    );
  }
  return (
    <Suspense fallback={<div class="cs-empty" role="status"><Icon name="loader-circle" class="spin" size={26} /></div>}>
      <Compare image={image} others={sessionImages.value} />
    </Suspense>
  );
}
