// SPDX-License-Identifier: Apache-2.0
// A map over the picture that was to follow it: lines in the colour of their kind, areas as they are; and in a second colour what the
// picture made of it.
import { asset_url } from "../api/client.ts";
import { kind_color, Icon } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { Viewport } from "../screens/create/viewport.tsx";
import { is_line_map } from "./choices.ts";
import { map_of_result } from "./pixels.ts";
import { useAsync } from "./use_async.ts";
import type { PairProps } from "./compare.tsx";

function Tint({ url, color, opacity }: { url: string; color: string; opacity: number }) {
  const image = `url("${url}")`;
  return <div class="cs-viewport-layer compare-tint" style={{ background: color, opacity, maskImage: image, WebkitMaskImage: image }} />;
}

export function OverlayView({ image, chosen, label, url, strength, measured }: PairProps & { strength: number; measured: boolean }) {
  const map = chosen.what === "map" ? chosen : null;
  const lines = map !== null && is_line_map(map.kind);
  const got = useAsync(map && measured ? `${image.id} ${map.kind}` : null, () => map_of_result(image.id, map!.kind));
  const second = map && measured && got.state === "ready" ? asset_url(got.value.map) : null;
  return (
    <Viewport
      picture={image}
      label={t("create.tab_compare")}
      overlay={
        map && measured && (
          <div class="compare-legend">
            {got.state === "failed" ? (
              <p class="compare-problem"><Icon name="circle-alert" size={13} /> {got.error}</p>
            ) : (
              <>
                <p class="compare-key"><span style={{ background: lines ? kind_color(map.kind) : "var(--text-muted)" }} />{t("compare.asked")}</p>
                <p class="compare-key"><span class="compare-key-got" />{got.state === "loading" ? t("compare.counting") : t("compare.got")}</p>
              </>
            )}
          </div>
        )
      }
    >
      <img src={image.url} alt={image.prompt} draggable={false} class={lines ? "compare-under" : ""} />
      {lines ? <Tint url={url} color={kind_color(map.kind)} opacity={strength} /> : <img src={url} alt={label} draggable={false} class="compare-second" style={{ opacity: strength }} />}
      {second && (lines ? <Tint url={second} color="var(--compare-got)" opacity={strength} /> : <img src={second} alt={t("compare.got")} draggable={false} class="compare-second compare-half" style={{ opacity: strength }} />)}
    </Viewport>
  );
}
