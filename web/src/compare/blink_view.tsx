// SPDX-License-Identifier: Apache-2.0
// Two pictures by turns, at a pace that is no flicker; by hand where the system asks for less motion.
import { useEffect, useState } from "preact/hooks";
import { Button, IconButton } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { Viewport } from "../screens/create/viewport.tsx";
import type { PairProps } from "./compare.tsx";

const kEveryMs = 700; // slower than three flashes a second

export function BlinkView({ image, label, url }: PairProps) {
  const [second, setSecond] = useState(false);
  const [runs, setRuns] = useState(() => !matchMedia("(prefers-reduced-motion: reduce)").matches);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => setSecond((before) => !before), kEveryMs);
    return () => clearInterval(timer);
  }, [runs]);
  return (
    <Viewport
      picture={image}
      label={t("create.tab_compare")}
      overlay={
        <div class="compare-blink" role="group" aria-label={t("compare.mode_blink")}>
          <IconButton small icon={runs ? "pause" : "play"} label={t(runs ? "compare.pause" : "compare.play")} onClick={() => setRuns(!runs)} />
          <Button small kind="quiet" class="compare-blink-name" onClick={() => { setRuns(false); setSecond(!second); }} tip={t("compare.swap")}>
            {second ? label : t("compare.result")}
          </Button>
        </div>
      }
    >
      <img src={image.url} alt={second ? "" : image.prompt} draggable={false} />
      <img src={url} alt={second ? label : ""} draggable={false} class="compare-second" style={{ visibility: second ? "visible" : "hidden" }} />
    </Viewport>
  );
}
