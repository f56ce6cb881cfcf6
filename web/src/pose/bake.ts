// SPDX-License-Identifier: Apache-2.0
// One scene as the maps of several conditions, encoded as PNG.
import type { BakedScene } from "../layers/editor.ts";
import { encodeGray, encodeIndexed, encodeRgb } from "../stage/png.ts";
import { to_openpose } from "./openpose.ts";
import { canny_map, depth_map, normal_map, segment_map, type Seen } from "./scene_maps.ts";
import { pose_of_scene } from "./scene_pose.ts";
import type { Scene } from "./scene.ts";

export type BakedKind = keyof BakedScene;
export const BAKED_KINDS: readonly BakedKind[] = ["pose", "depth", "normal", "canny", "seg"];

export async function baked(scene: Scene, seen: Seen, kinds: ReadonlySet<BakedKind>): Promise<BakedScene> {
  const { width, height } = seen;
  const result: BakedScene = {};
  if (kinds.has("pose")) result.pose = to_openpose(pose_of_scene(scene, seen));
  if (kinds.has("depth")) result.depth = await encodeGray(depth_map(seen, scene.options.backdrop), width, height);
  if (kinds.has("normal")) result.normal = await encodeRgb(normal_map(seen), width, height);
  if (kinds.has("canny")) result.canny = await encodeGray(canny_map(seen), width, height);
  if (kinds.has("seg")) {
    const { indices, palette } = segment_map(seen, scene.options.floor);
    result.seg = await encodeIndexed(indices, palette, width, height);
  }
  return result;
}
