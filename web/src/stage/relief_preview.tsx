// SPDX-License-Identifier: Apache-2.0
// The depth map as a small relief in a corner: dragging tilts it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { IconButton, Slider } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { type Levels, nearness_of } from "./depth.ts";
import { photo_pixels } from "./files.ts";
import type { Plane } from "./raster.ts";
import { draw_relief, relief_view } from "./relief.ts";
import { scaled } from "./resample.ts";
import type { Size } from "./view.ts";

interface Props {
  plane: Plane<Uint16Array>;
  levels: Levels;
  /** Changes when the depth does. */
  version: number;
  photo: string | undefined;
  size: Size;
}

const WIDTH = 424; // shown at half of it
const MESH = 150; // cells along the longer side
const MOST = 40;
const limited = (value: number) => Math.min(MOST, Math.max(-MOST, value));

/** The photograph in the size of the mesh; null until it is there, and without one. */
function use_colours(photo: string | undefined, small: Size): Uint8ClampedArray | Uint8Array | null {
  const [colour, setColour] = useState<Uint8ClampedArray | Uint8Array | null>(null);
  useEffect(() => {
    let live = true;
    if (photo) void photo_pixels(photo, small).then((pixels) => live && setColour(pixels?.data ?? null));
    return () => {
      live = false;
    };
  }, [photo, small]);
  return colour;
}

export function ReliefPreview({ plane, levels, version, photo, size }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [tilt, setTilt] = useState({ yaw: -22, pitch: 14 });
  const [coloured, setColoured] = useState(false);
  const height = Math.round(Math.min(WIDTH, Math.max(160, (WIDTH * size.height) / size.width)));
  const view = useMemo(() => relief_view(WIDTH, height), [height]);
  const small = useMemo(() => {
    const factor = Math.min(1, MESH / Math.max(size.width, size.height));
    return { width: Math.max(2, Math.round(size.width * factor)), height: Math.max(2, Math.round(size.height * factor)) };
  }, [size.width, size.height]);
  const colour = use_colours(photo, small);
  const grid = useMemo(() => ({ ...small, near: nearness_of(scaled(plane, small.width, small.height), levels) }), [plane, version, levels, small]);
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      draw_relief(grid, { ...tilt, height: 0.35 }, view, coloured ? colour : null);
      canvas.current?.getContext("2d")?.putImageData(new ImageData(view.out as Uint8ClampedArray<ArrayBuffer>, view.width, view.height), 0, 0);
    });
    return () => cancelAnimationFrame(frame);
  }, [grid, tilt, view, colour, coloured]);
  return (
    <div class="stage-relief">
      <canvas
        ref={canvas}
        width={WIDTH}
        height={height}
        class="stage-relief-canvas"
        role="img"
        aria-label={t("stage.relief_image")}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
          setTilt((before) => ({ yaw: limited(before.yaw + event.movementX / 3), pitch: limited(before.pitch - event.movementY / 3) }));
        }}
        onDblClick={() => setTilt({ yaw: 0, pitch: 0 })}
      />
      {colour && <IconButton small class="stage-relief-photo" kind="plain" icon="image" label={t("stage.relief_photo")} pressed={coloured} onClick={() => setColoured(!coloured)} />}
      <Slider label={t("stage.relief_yaw")} value={Math.round(tilt.yaw)} min={-MOST} max={MOST} initial={0} suffix="°" onChange={(yaw) => setTilt({ ...tilt, yaw })} />
      <Slider label={t("stage.relief_pitch")} value={Math.round(tilt.pitch)} min={-MOST} max={MOST} initial={0} suffix="°" onChange={(pitch) => setTilt({ ...tilt, pitch })} />
    </div>
  );
}
