// SPDX-License-Identifier: Apache-2.0
// Where two pictures differ, as heat. Of a map: where the map asked for and the one taken from the result differ.
import { useEffect, useRef } from "preact/hooks";
import { Button, Chip, Icon } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { Viewport } from "../screens/create/viewport.tsx";
import { difference_of, first_gain, heatStops, paint_heat, type Difference, type Rgb } from "./difference.ts";
import { map_of_result, pixels_of } from "./pixels.ts";
import { heatGain } from "./state.ts";
import { useAsync } from "./use_async.ts";
import type { PairProps } from "./compare.tsx";

type Result = { size: Rgb; difference: Difference } | { sizes: [Rgb, Rgb] };

async function look(image: PairProps["image"], chosen: PairProps["chosen"]): Promise<Result> {
  const first = chosen.what === "map" ? (await map_of_result(image.id, chosen.kind)).map : image.sha;
  const [a, b] = await Promise.all([pixels_of(first), pixels_of(chosen.sha)]);
  if (a.width !== b.width || a.height !== b.height) return { sizes: [a, b] };
  return { size: a, difference: difference_of(a, b) };
}

function Heat({ difference, size, gain }: { difference: Difference; size: Rgb; gain: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const pixels = context.createImageData(size.width, size.height);
    paint_heat(difference.levels, gain, pixels.data);
    context.putImageData(pixels, 0, 0);
  }, [difference, gain]);
  return <canvas ref={canvas} class="cs-viewport-layer" width={size.width} height={size.height} role="img" aria-label={t("compare.heat")} />;
}

function Numbers({ difference }: { difference: Difference }) {
  if (difference.identical) return <Chip tone="ok" icon="circle-check">{t("create.rerun_identical")}</Chip>;
  const share = difference.changed * 100;
  return (
    <dl class="compare-numbers num">
      <div><dt>PSNR</dt><dd>{difference.psnr!.toFixed(1)} dB</dd></div>
      <div><dt>{t("compare.changed")}</dt><dd>{share < 1 ? share.toFixed(2) : share.toFixed(0)} %</dd></div>
      <div><dt>{t("compare.largest")}</dt><dd>{difference.largest}</dd></div>
    </dl>
  );
}

const ramp = `linear-gradient(to right, ${heatStops.map((rgb) => `rgb(${rgb.join(" ")})`).join(", ")})`;

export function DifferenceView({ image, chosen, gain }: PairProps & { gain: number }) {
  const got = useAsync(`${image.id} ${chosen.id} ${chosen.sha}`, () => look(image, chosen));
  const found = got.state === "ready" && "difference" in got.value ? got.value.difference : null;
  // Another pair begins with a strength of its own.
  useEffect(() => {
    if (found) heatGain.value = first_gain(found.largest);
  }, [found]);
  if (got.state === "loading") {
    return (
      <div class="cs-empty" role="status">
        <Icon name="loader-circle" class="spin" size={26} />
        <p>{t("compare.counting")}</p>
      </div>
    );
  }
  if (got.state === "failed") {
    return (
      <div class="cs-empty" role="alert">
        <Icon name="circle-alert" size={34} />
        <p>{got.error}</p>
        <Button icon="refresh-cw" onClick={got.again}>{t("common.retry")}</Button>
      </div>
    );
  }
  const result = got.value;
  if ("sizes" in result) {
    const [a, b] = result.sizes;
    return (
      <div class="cs-empty">
        <Icon name="ruler" size={34} />
        <p class="cs-empty-title">{t("compare.sizes")}</p>
        <p class="num">{t("compare.sizes_detail", { first: `${a.width} × ${a.height}`, second: `${b.width} × ${b.height}` })}</p>
      </div>
    );
  }
  return (
    <Viewport
      picture={result.size}
      label={t("compare.heat")}
      overlay={
        <div class="compare-legend">
          {chosen.what === "map" && <p class="muted">{t("compare.map_difference")}</p>}
          <Numbers difference={result.difference} />
          <div class="compare-ramp num" aria-hidden="true">
            <span>0</span>
            <span class="compare-ramp-bar" style={{ background: ramp }} />
            <span>{Math.round(255 / gain)}</span>
          </div>
        </div>
      }
    >
      <Heat difference={result.difference} size={result.size} gain={gain} />
    </Viewport>
  );
}
