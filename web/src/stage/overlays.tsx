// SPDX-License-Identifier: Apache-2.0
// What is shown above the drawing while a tool works: the shape to come, handles of a curve, axes of symmetry.
import { useRef } from "preact/hooks";
import { t } from "../i18n/index.ts";
import type { Point } from "./raster.ts";
import { CURVE_HANDLES, type CurveHandle } from "./scribble_tools.ts";
import { type Curve, curve_points, type Symmetry } from "./shapes.ts";
import { type Size, to_drawing, to_window, type View } from "./view.ts";

export function path_of(points: readonly Point[], view: View): string {
  return points.map((p, i) => `${i ? "L" : "M"}${(view.x + p.x * view.scale).toFixed(1)} ${(view.y + p.y * view.scale).toFixed(1)}`).join("");
}

export function ShapePreview({ points, view, width, white, filled }: { points: readonly Point[]; view: View; width: number; white: boolean; filled?: boolean }) {
  if (points.length < 2) return null;
  const d = path_of(points, view);
  if (!width)
    return (
      <g>
        {filled && <path d={d} class="stage-preview-area" />}
        <path d={d} class="stage-dashes-out" />
        <path d={d} class="stage-dashes-in" />
      </g>
    );
  return <path d={d} class={white ? "stage-preview-white" : "stage-preview-black"} style={{ strokeWidth: `${Math.max(1, width * view.scale)}px`, fill: filled ? "currentColor" : "none" }} />;
}

const KEYS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export interface HandleProps {
  p: Point;
  view: View;
  label: string;
  class?: string;
  name: string;
  onMove: (p: Point) => void;
  onAccept?: () => void;
  onDelete?: () => void;
  onFocus?: () => void;
  /** Pointers go through to the tool, which knows what lies below; only keys act here. */
  passive?: boolean;
}

/** A point that can be dragged, and moved by the arrow keys (Shift: ten pixels). */
export function Handle({ p, view, label, name, class: extra, onMove, onAccept, onDelete, onFocus, passive }: HandleProps) {
  const at = to_window(view, p);
  const held = useRef(false);
  const drag = (event: PointerEvent & { currentTarget: SVGCircleElement }) => {
    const box = event.currentTarget.ownerSVGElement!.getBoundingClientRect();
    onMove(to_drawing(view, { x: event.clientX - box.left, y: event.clientY - box.top }));
  };
  return (
    <g class={extra}>
      <circle cx={at.x} cy={at.y} r={6} class="stage-handle" />
      <circle
        cx={at.x}
        cy={at.y}
        r={14}
        class="stage-handle-reach"
        style={passive ? { pointerEvents: "none" } : undefined}
        data-handle={name}
        // Preact hands SVG attributes on as they are written, and only the lower case one exists.
        {...{ tabindex: 0 }}
        role="button"
        aria-label={`${label}, ${t("stage.place", { x: Math.round(p.x), y: Math.round(p.y) })}`}
        onFocus={onFocus}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.stopPropagation();
          event.currentTarget.setPointerCapture(event.pointerId);
          event.currentTarget.focus();
          held.current = true;
        }}
        onPointerMove={(event) => held.current && drag(event)}
        onPointerUp={() => (held.current = false)}
        onPointerCancel={() => (held.current = false)}
        onKeyDown={(event) => {
          const step = KEYS[event.key];
          if (step) onMove({ x: p.x + step[0] * (event.shiftKey ? 10 : 1), y: p.y + step[1] * (event.shiftKey ? 10 : 1) });
          else if (event.key === "Enter" && onAccept) onAccept();
          else if ((event.key === "Delete" || event.key === "Backspace") && onDelete) onDelete();
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
    </g>
  );
}

export function CurveHandles({ curve, view, width, white, onMove, onAccept }: {
  curve: Curve;
  view: View;
  width: number;
  white: boolean;
  onMove: (name: CurveHandle, p: Point) => void;
  onAccept: () => void;
}) {
  return (
    <g>
      <ShapePreview points={curve_points(curve)} view={view} width={width} white={white} />
      <path d={path_of([curve.from, curve.handle1], view)} class="stage-guide" />
      <path d={path_of([curve.to, curve.handle2], view)} class="stage-guide" />
      {CURVE_HANDLES.map((name) => (
        <Handle key={name} name={name} p={curve[name]} view={view} label={t(`stage.curve_${name}`)} onMove={(p) => onMove(name, p)} onAccept={onAccept} />
      ))}
    </g>
  );
}

/** The axes about which everything repeats. */
export function SymmetryLines({ symmetry, size, view }: { symmetry: Symmetry; size: Size; view: View }) {
  const centre = { x: size.width / 2, y: size.height / 2 };
  const lines: [Point, Point][] = [];
  if (symmetry.x) lines.push([{ x: centre.x, y: 0 }, { x: centre.x, y: size.height }]);
  if (symmetry.y) lines.push([{ x: 0, y: centre.y }, { x: size.width, y: centre.y }]);
  const reach = Math.min(size.width, size.height) / 2;
  if (symmetry.radial > 1)
    for (let k = 0; k < symmetry.radial; ++k) {
      const angle = (2 * Math.PI * k) / symmetry.radial - Math.PI / 2;
      lines.push([centre, { x: centre.x + reach * Math.cos(angle), y: centre.y + reach * Math.sin(angle) }]);
    }
  return (
    <g aria-hidden="true">
      {lines.map((line, i) => <path key={i} d={path_of(line, view)} class="stage-axis" />)}
    </g>
  );
}
