// SPDX-License-Identifier: Apache-2.0
// The pose editor alone, without a server. ?theme=dark, ?lang=zh-CN, ?width=512&height=768, ?photo=ADDRESS; what it
// reports is in window.results and window.baked.
import { render } from "preact";
import { useState } from "preact/hooks";
import type { OpenPoseJson } from "../src/api/types.ts";
import { ToastHost, TooltipHost } from "../src/design/index.ts";
import { set_language, type Language } from "../src/i18n/index.ts";
import type { BakedScene, EditorResult } from "../src/layers/editor.ts";
import { PoseEditor, type PoseServices } from "../src/pose/index.ts";
import { encodeGray } from "../src/stage/png.ts";
import { new_layer } from "../src/state/layers.ts";
import "../src/design/tokens.css";
import "../src/design/base.css";

const query = new URLSearchParams(location.search);
const size = { width: Number(query.get("width") ?? 512), height: Number(query.get("height") ?? 512) };
const photo = query.get("photo") ?? undefined;
document.documentElement.dataset["theme"] = query.get("theme") ?? "light";

const reports = window as unknown as { results: EditorResult[]; baked: BakedScene[] };
reports.results = [];
reports.baked = [];

// Somebody half of whom the detector did not see.
const found: OpenPoseJson = {
  canvas_width: size.width,
  canvas_height: size.height,
  people: [{ pose_keypoints_2d: [150, 90, 1, 152, 140, 1, 112, 142, 1, 100, 210, 1, 96, 270, 1, 192, 142, 1, 210, 208, 1, ...Array.from({ length: 33 }, () => 0)] }],
};
const services: PoseServices = {
  detect: async () => found,
  render: async (pose) => encodeGray(new Uint8Array(pose.canvas_width * pose.canvas_height), pose.canvas_width, pose.canvas_height),
};

function Page() {
  const [layer, setLayer] = useState(new_layer("pose", { image: "0".repeat(64) }));
  return (
    <>
      <PoseEditor layer={layer} size={size} {...(photo ? { background: photo } : {})} services={services}
        onChange={(result) => {
          reports.results.push(result);
          setLayer({ ...layer, document: result.document });
        }}
        onBake={(scene) => reports.baked.push(scene)} />
      <TooltipHost />
      <ToastHost />
    </>
  );
}

await set_language((query.get("lang") ?? "en") as Language);
render(<Page />, document.getElementById("app")!);
