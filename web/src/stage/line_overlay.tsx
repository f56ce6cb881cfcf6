// SPDX-License-Identifier: Apache-2.0
// Selected lines with their ends, vanishing points, the marquee and what an end snaps to.
import { t } from "../i18n/index.ts";
import type { Segment } from "./lines.ts";
import type { LineWork } from "./lines_work.ts";
import { Handle, path_of } from "./overlays.tsx";
import type { Point } from "./raster.ts";
import { to_window, type View } from "./view.ts";

/** The middle of a pixel, in the corners' numbers that the view uses. */
const middle = (x: number, y: number): Point => ({ x: x + 0.5, y: y + 0.5 });

interface Props {
  work: LineWork;
  view: View;
  onMoveEnd: (id: number, part: "start" | "end", p: Point) => void;
  onDelete: () => void;
}

function Ends({ line, view, onMoveEnd, onDelete }: Omit<Props, "work"> & { line: Segment }) {
  const end = (part: "start" | "end", x: number, y: number) => (
    <Handle
      name={`line-${part}`}
      p={middle(x, y)}
      view={view}
      label={t(`stage.line_${part}`)}
      onMove={(p) => onMoveEnd(line.id, part, { x: p.x - 0.5, y: p.y - 0.5 })}
      onDelete={onDelete}
      passive
    />
  );
  return (
    <>
      {end("start", line.x1, line.y1)}
      {end("end", line.x2, line.y2)}
    </>
  );
}

export function LineOverlay({ work, view, onMoveEnd, onDelete }: Props) {
  const chosen = work.segments.filter((s) => work.selected.has(s.id));
  const { drag, snapped } = work;
  const at = snapped && snapped.to === "end" ? to_window(view, middle(snapped.x, snapped.y)) : null;
  return (
    <g>
      {chosen.map((s) => (
        <path key={`out-${s.id}`} d={path_of([middle(s.x1, s.y1), middle(s.x2, s.y2)], view)} class="stage-line-chosen-out" />
      ))}
      {chosen.map((s) => (
        <path key={s.id} d={path_of([middle(s.x1, s.y1), middle(s.x2, s.y2)], view)} class="stage-line-chosen" />
      ))}
      {chosen.length === 1 && <Ends line={chosen[0]!} view={view} onMoveEnd={onMoveEnd} onDelete={onDelete} />}
      {snapped?.to === "vanishing" && chosen[0] && work.vanishing.map((p, i) => <path key={i} d={path_of([middle(chosen[0]!.x1, chosen[0]!.y1), p], view)} class="stage-axis" />)}
      {at && <circle cx={at.x} cy={at.y} r={9} class="stage-snap" />}
      {work.vanishing.map((p, i) => {
        const w = to_window(view, p);
        return <path key={i} d={`M${w.x - 9} ${w.y}h18M${w.x} ${w.y - 9}v18`} class="stage-vanishing" />;
      })}
      {drag?.kind === "marquee" && (
        <path class="stage-marquee" d={`${path_of([drag.from, { x: drag.to.x, y: drag.from.y }, drag.to, { x: drag.from.x, y: drag.to.y }], view)}Z`} />
      )}
    </g>
  );
}
