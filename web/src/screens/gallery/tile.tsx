// SPDX-License-Identifier: Apache-2.0
// A picture in the grid. It is an option of a list, so nothing in it takes the focus; each mark that can be clicked has a key too.
import { useRef } from "preact/hooks";
import { Icon, kind_color, names } from "../../design/index.ts";
import { language, t } from "../../i18n/index.ts";
import { jobs } from "../../state/jobs.ts";
import { rerun_outcome, rerunJobs } from "../../state/reruns.ts";
import { date_time } from "../parts/time.ts";
import type { FeedImage } from "./feed.ts";

export interface TileProps {
  image: FeedImage;
  index: number;
  count: number;
  left: number;
  side: number;
  chosen: boolean;
  current: boolean; // the keys work at it
  choosing: boolean; // some are chosen: a click chooses too
  onOpen(index: number): void;
  onToggle(index: number): void;
  onExtend(index: number): void;
  onMenu(index: number, at: { left: number; top: number }): void;
}

const kLongPressMs = 450;
const kSlack = 10; // pixels that a resting finger may move

export function tile_id(image: { id: string }): string {
  return `gal-${image.id}`;
}

function RerunMark({ id }: { id: string }) {
  const outcome = rerun_outcome(id, jobs.value, rerunJobs.value);
  if (!outcome || outcome.state === "failed") return null;
  if (outcome.state === "running") return <span class="gal-mark"><Icon name="loader-circle" class="spin" size={12} /></span>;
  const same = outcome.state === "identical";
  return (
    <span class={names("gal-mark", same ? "gal-mark-ok" : "gal-mark-warn")} data-tip={t(same ? "create.rerun_identical" : "create.rerun_differs")}>
      <Icon name={same ? "check" : "triangle-alert"} size={12} />
    </span>
  );
}

// A finger that rests on a tile chooses it, as in the galleries of phones.
function useLongPress(hold: () => void) {
  const timer = useRef(0);
  const start = useRef<{ x: number; y: number } | null>(null);
  const held = useRef(false);
  const end = () => {
    clearTimeout(timer.current);
    start.current = null;
  };
  return {
    held,
    onPointerDown(event: PointerEvent) {
      held.current = false;
      if (event.pointerType !== "touch") return;
      start.current = { x: event.clientX, y: event.clientY };
      timer.current = window.setTimeout(() => {
        held.current = true;
        start.current = null;
        hold();
      }, kLongPressMs);
    },
    onPointerMove(event: PointerEvent) {
      const from = start.current;
      if (from && Math.hypot(event.clientX - from.x, event.clientY - from.y) > kSlack) end();
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}

export function Tile({ image, index, count, left, side, chosen, current, choosing, onOpen, onToggle, onExtend, onMenu }: TileProps) {
  const { held, ...press } = useLongPress(() => onToggle(index));
  const click = (event: MouseEvent) => {
    if (held.current) return;
    const check = (event.target as Element).closest("[data-part=check]") !== null;
    if (event.shiftKey) onExtend(index);
    else if (check || choosing || event.ctrlKey || event.metaKey) onToggle(index);
    else onOpen(index);
  };
  const menu = (event: MouseEvent) => {
    event.preventDefault();
    if (!held.current) onMenu(index, { left: event.clientX, top: event.clientY });
  };
  const named = t("create.result_named", { prompt: image.prompt || t("create.no_prompt"), seed: image.seed });
  const words = [named, date_time(image.created, language.value), image.starred && t("gallery.starred")].filter(Boolean).join(", ");
  return (
    <div
      id={tile_id(image)}
      role="option"
      class={names("gal-tile", chosen && "gal-tile-chosen", current && "gal-tile-current")}
      aria-selected={chosen}
      aria-label={words}
      aria-posinset={index + 1}
      aria-setsize={count}
      style={{ insetInlineStart: `${left}px`, inlineSize: `${side}px`, blockSize: `${side}px` }}
      onClick={click}
      onContextMenu={menu}
      {...press}
    >
      <img src={image.thumb} alt="" loading="lazy" decoding="async" draggable={false} />
      <span class="gal-tile-check" data-part="check"><Icon name="check" size={14} /></span>
      <span class="gal-tile-marks">
        <RerunMark id={image.id} />
        {image.starred && <Icon name="star" size={15} class="gal-tile-star" />}
      </span>
      <span class="gal-tile-kinds">
        {image.kinds.map((kind, at) => <span key={at} style={{ background: kind_color(kind) }} />)}
      </span>
      <span class="gal-tile-words">{image.prompt || t("create.no_prompt")}</span>
    </div>
  );
}
