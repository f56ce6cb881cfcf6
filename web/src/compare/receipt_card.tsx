// SPDX-License-Identifier: Apache-2.0
// How well the picture obeys one of its maps: as it was measured when it was made, else measured on request.
import { useState } from "preact/hooks";
import type { StudioImage } from "../api/types.ts";
import { Button } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { ReceiptLine } from "../screens/create/result_view.tsx";
import { map_of_result } from "./pixels.ts";
import { useAsync } from "./use_async.ts";

export function ReceiptCard({ image, kind }: { image: StudioImage; kind: string }) {
  const known = image.receipts.find((receipt) => receipt.kind === kind);
  const [wanted, setWanted] = useState(false);
  const got = useAsync(!known && wanted ? `${image.id} ${kind}` : null, () => map_of_result(image.id, kind));
  const receipt = known ?? (wanted && got.state === "ready" ? got.value.receipt : null);
  return (
    <div class="compare-receipt" role="group" aria-label={t("create.receipts")}>
      {receipt ? (
        <ReceiptLine receipt={receipt} />
      ) : wanted && got.state === "failed" ? (
        <p class="compare-problem">{got.error}</p>
      ) : (
        <Button small kind="quiet" icon="gauge" busy={wanted} onClick={() => setWanted(true)}>{t("compare.measure")}</Button>
      )}
    </div>
  );
}
