// SPDX-License-Identifier: Apache-2.0
// A frame in which a picture is zoomed (wheel, pinch, keys) and moved (drag, arrow keys).
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { IconButton } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { useViewport } from "./use_viewport.ts";
import type { Size, View } from "./viewport_math.ts";
import "./viewport.css";

export interface ViewportProps {
  picture: Size;
  label: string;
  children: ComponentChildren; // laid over one another, each as large as the picture
  overlay?: ComponentChildren; // in the frame, not zoomed
  pixelsFrom?: number; // the zoom from which single pixels are shown as squares
  view?: Signal<View | null>; // shared with another frame, so that both show the same part
  follows?: boolean; // the other one has the buttons
}

export function Viewport({ picture, label, children, overlay, pixelsFrom = 4.01, view, follows }: ViewportProps) {
  const frame = useRef<HTMLDivElement>(null);
  const { ready, shown, gestures, zoom, fit_all, show_pixels } = useViewport(frame, picture, view, follows);
  const percent = Math.round(shown.scale * 100);
  return (
    <div class="cs-viewport-box">
      <div
        ref={frame}
        class="cs-viewport"
        role="region"
        aria-label={label}
        tabIndex={0}
        {...gestures}
      >
        {ready && (
          <div class="cs-viewport-picture" style={{ width: `${picture.width}px`, height: `${picture.height}px`, transform: `translate(${shown.x}px, ${shown.y}px) scale(${shown.scale})`, "--scale": shown.scale }} data-pixels={shown.scale >= pixelsFrom || undefined}>
            {children}
          </div>
        )}
      </div>
      {overlay}
      {!follows && (
        <div class="cs-viewport-zoom" role="group" aria-label={t("create.zoom")}>
          <IconButton small icon="minus" label={t("create.zoom_out")} shortcut="-" onClick={() => zoom(0.8)} />
          <button type="button" class="cs-viewport-percent num" data-tip={t("create.zoom_100")} onClick={show_pixels}>{percent} %</button>
          <IconButton small icon="plus" label={t("create.zoom_in")} shortcut="+" onClick={() => zoom(1.25)} />
          <IconButton small icon="maximize" label={t("create.zoom_fit")} shortcut="0" onClick={fit_all} />
        </div>
      )}
    </div>
  );
}
