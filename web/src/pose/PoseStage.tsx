// SPDX-License-Identifier: Apache-2.0
// The stage of the flat editor: the canvas, the people on it, and their handles, all in one SVG.
import { useComputed, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ResizeMode } from "../api/types.ts";
import { names } from "../design/class_names.ts";
import { t } from "../i18n/index.ts";
import { PersonDrawing } from "./drawing.tsx";
import { joint_of_element, Marquee, PersonHandles, SelectionBox } from "./handles.tsx";
import { press_key, release_key } from "./keys.ts";
import { cancel, canvas_of, move, press, release, selection_box, stage_scale, wheel, type Stage } from "./pointer.ts";
import { parse_key, type JointRef } from "./skeleton.ts";
import { view_box } from "./view.ts";
import { person_name } from "./words.ts";

const CURSORS: Record<string, string> = {
  pan: "grabbing", joint: "grabbing", move: "move", rotate: "grabbing", n: "ns-resize", s: "ns-resize", e: "ew-resize",
  w: "ew-resize", ne: "nesw-resize", sw: "nesw-resize", nw: "nwse-resize", se: "nwse-resize",
};

function use_window(stage: Stage) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = root.current!;
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width > 0 && height > 0) stage.window.value = { width, height };
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    // Preact's wheel listeners cannot be made to stop the page from scrolling.
    const turn = (event: WheelEvent) => wheel(stage, event as WheelEvent & { currentTarget: Element });
    element.addEventListener("wheel", turn, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener("wheel", turn);
    };
  }, [stage]);
  return root;
}

// The photograph lies where the annotator would see it.
const PHOTO_FIT: Record<ResizeMode, string> = { just: "none", crop: "xMidYMid slice", fill: "xMidYMid meet" };

export function PoseStage({ stage, background, resize }: { stage: Stage; background: string | undefined; resize: ResizeMode }) {
  const { model } = stage;
  const root = use_window(stage);
  const document = model.document.value;
  const canvas = canvas_of(stage);
  const scale = useComputed(() => (stage.window.value.width > 0 ? stage_scale(stage) : 1)).value;
  const box = selection_box(model);
  const dragging = stage.dragging.value;
  const hovered = stage.hovered.value;

  // After a press the keys shall act on what was pressed.
  useSignalEffect(() => {
    const refs = [...model.selection.value];
    if (stage.dragging.peek() !== "joint" || refs.length !== 1) return;
    queueMicrotask(() => root.current?.querySelector<SVGElement>(`[data-joint="${refs[0]}"]`)?.focus({ preventScroll: true }));
  });

  const focus = (event: FocusEvent) => {
    const ref = joint_of_element(event.target);
    if (ref) stage.hovered.value = ref;
  };
  return (
    <div ref={root} class={names("pose-stage", dragging && "pose-busy")} tabIndex={-1}
      style={{ cursor: dragging ? CURSORS[dragging] : hovered ? "grab" : undefined }}
      onKeyDown={(event) => press_key(stage, event)} onKeyUp={(event) => release_key(stage, event)} onFocusIn={focus}>
      <svg class="pose-svg" viewBox={stage.window.value.width > 0 ? view_box(stage.view.value, canvas, stage.window.value) : `0 0 ${canvas.width} ${canvas.height}`}
        role="group" aria-label={t("pose.stage_label", { count: document.people.length, width: canvas.width, height: canvas.height })}
        onPointerDown={(event) => {
          if (!root.current?.contains(globalThis.document.activeElement)) root.current?.focus({ preventScroll: true });
          press(stage, event);
        }}
        onPointerMove={(event) => move(stage, event)} onPointerUp={(event) => release(stage, event)}
        onPointerCancel={() => cancel(stage)} onPointerLeave={() => (stage.hovered.value = null)}
        onContextMenu={(event) => event.preventDefault()}>
        <rect class="pose-canvas" x={-0.5} y={-0.5} width={canvas.width} height={canvas.height} />
        {background && model.onion.value > 0 && (
          <image href={background} x={-0.5} y={-0.5} width={canvas.width} height={canvas.height} opacity={model.onion.value}
            preserveAspectRatio={PHOTO_FIT[resize]} />
        )}
        {document.people.map((person) => !person.hidden && <PersonDrawing key={person.id} person={person} />)}
        <rect class="pose-frame" x={-0.5} y={-0.5} width={canvas.width} height={canvas.height} stroke-width={1 / scale} />
        {box && dragging !== "rotate" && <SelectionBox box={box} scale={scale} />}
        {document.people.map((person) => (
          <PersonHandles key={person.id} person={person} name={person_name(person)} active={person.id === model.active.value}
            selection={model.selection.value} scale={scale} />
        ))}
        {stage.marquee.value && <Marquee {...stage.marquee.value} scale={scale} />}
      </svg>
    </div>
  );
}

// The joint that the line under the stage speaks of.
export function shown_joint(stage: Stage): JointRef | null {
  const keys = stage.model.selection.value;
  if (stage.hovered.value && stage.dragging.value === null) return stage.hovered.value;
  const [first] = keys;
  return keys.size === 1 && first ? parse_key(first) : null;
}
