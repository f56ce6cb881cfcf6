// SPDX-License-Identifier: Apache-2.0
// The histogram of a photograph's edges, to be shown above the two handles of Canny's thresholds.
import { useEffect, useMemo, useState } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { photo_pixels } from "./files.ts";
import { gradient_histogram, share_above } from "./gradient.ts";

interface Props {
  /** Address of the photograph. */
  photo: string;
  low: number;
  high: number;
  max?: number;
}

const SIZE = { width: 256, height: 256 };

/** Bars of the weak, the middle and the strong edges; the heights are logarithmic, since most of a photograph is flat. */
export function GradientHistogram({ photo, low, high, max = 255 }: Props) {
  const [histogram, setHistogram] = useState<Uint32Array | null>(null);
  useEffect(() => {
    let live = true;
    void photo_pixels(photo, SIZE).then((pixels) => live && setHistogram(pixels && gradient_histogram(pixels)));
    return () => {
      live = false;
    };
  }, [photo]);
  const bars = useMemo(() => {
    if (!histogram) return [];
    const top = Math.log1p(Math.max(...histogram));
    return [...histogram].slice(1, max + 1).map((count) => (top ? Math.log1p(count) / top : 0));
  }, [histogram, max]);
  if (!histogram) return null;
  const share = (100 * share_above(histogram, high)).toFixed(1);
  return (
    <svg class="stage-histogram" viewBox={`0 0 ${max} 40`} preserveAspectRatio="none" role="img" aria-label={t("stage.histogram", { share })}>
      {bars.map((height, i) => (
        <rect key={i} x={i} y={40 - 40 * height} width={1} height={40 * height} class={i + 1 >= high ? "stage-bar-strong" : i + 1 >= low ? "stage-bar-middle" : "stage-bar-weak"} />
      ))}
    </svg>
  );
}
