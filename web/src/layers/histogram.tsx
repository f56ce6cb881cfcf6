// SPDX-License-Identifier: Apache-2.0
// The histogram of edge strengths behind the canny thresholds.
import { useEffect, useState } from "preact/hooks";
import { asset_url } from "../api/client.ts";
import { gradient_histogram, histogram_heights } from "./gradients.ts";

async function heights_of(sha: string): Promise<number[]> {
  const picture = new Image();
  picture.src = asset_url(sha, 256);
  await picture.decode();
  const width = Math.max(3, Math.min(256, picture.naturalWidth));
  const height = Math.max(3, Math.round((width * picture.naturalHeight) / picture.naturalWidth));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(picture, 0, 0, width, height);
  return histogram_heights(gradient_histogram(context.getImageData(0, 0, width, height).data, width, height));
}

export function EdgeHistogram({ sha, low, high }: { sha: string; low: number; high: number }) {
  const [heights, setHeights] = useState<number[] | null>(null);
  useEffect(() => {
    let gone = false;
    setHeights(null);
    heights_of(sha).then(
      (values) => !gone && setHeights(values),
      () => {},
    );
    return () => {
      gone = true;
    };
  }, [sha]);
  const bins = heights?.length ?? 64;
  return (
    <svg class="layer-histogram" viewBox={`0 0 ${bins} 20`} preserveAspectRatio="none" aria-hidden="true">
      {heights?.map((height, at) => {
        const value = (at / bins) * 256;
        const part = value >= high ? "strong" : value >= low ? "weak" : "none";
        return <rect key={at} class={`layer-edge-${part}`} x={at + 0.1} width={0.8} y={20 - height * 20} height={height * 20} />;
      })}
    </svg>
  );
}
