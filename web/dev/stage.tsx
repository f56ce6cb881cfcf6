// SPDX-License-Identifier: Apache-2.0
// The editors of drawings, masks, depth, lines and segments alone on a page, to try them without a server:
// dev/stage.html?editor=scribble&theme=dark&lang=zh-CN&width=512&height=512&photo=1. What they report is in window.results.
import { render } from "preact";
import { useState } from "preact/hooks";
import "../src/design/tokens.css";
import "../src/design/base.css";
import { ToastHost, TooltipHost } from "../src/design/index.ts";
import { type Language, set_language } from "../src/i18n/index.ts";
import { type EditorName, type EditorResult, load_editor } from "../src/layers/editor.ts";
import { type ControlLayer, new_layer } from "../src/state/layers.ts";

declare global {
  interface Window {
    results: EditorResult[];
    show(change: Partial<ControlLayer>): void;
  }
}

const query = new URLSearchParams(location.search);
const name = (query.get("editor") ?? "scribble") as EditorName;
const kinds: Partial<Record<EditorName, string>> = { lines: "mlsd", depth: "depth", segments: "seg", mask: "inpaint" };

/** A landscape instead of a photograph. */
function painted_photo(width: number, height: number): string {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const sky = context.createLinearGradient(0, 0, 0, height * 0.6);
  sky.addColorStop(0, "#5b8fd6");
  sky.addColorStop(1, "#f3d9b0");
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  const shape = (colour: string, points: [number, number][]) => {
    context.fillStyle = colour;
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo(x * width, y * height));
    context.fill();
  };
  shape("#6d7f96", [[0, 0.6], [0.25, 0.25], [0.45, 0.55], [0.7, 0.2], [1, 0.6]]);
  shape("#567a3f", [[0, 0.55], [1, 0.5], [1, 1], [0, 1]]);
  shape("#b98f63", [[0.42, 0.53], [0.5, 0.52], [0.8, 1], [0.1, 1]]);
  shape("#a5483a", [[0.62, 0.42], [0.9, 0.42], [0.9, 0.68], [0.62, 0.68]]);
  shape("#5c2a25", [[0.58, 0.44], [0.76, 0.3], [0.94, 0.44]]);
  context.beginPath();
  context.arc(0.2 * width, 0.18 * height, 0.06 * width, 0, 7);
  context.fillStyle = "#fff3c4";
  context.fill();
  return canvas.toDataURL();
}

const size = { width: Number(query.get("width") ?? 512), height: Number(query.get("height") ?? 512) };
const photo = query.get("photo") ? painted_photo(size.width, size.height) : undefined;

window.results = [];

async function start(): Promise<void> {
  document.documentElement.dataset.theme = query.get("theme") ?? "light";
  await set_language((query.get("lang") ?? "en") as Language);
  const Editor = await load_editor(name);
  if (!Editor) throw new Error(`no editor ${name}`);
  const Page = () => {
    const [layer, setLayer] = useState<ControlLayer>(() => new_layer(query.get("kind") ?? kinds[name] ?? "scribble", { source: "drawing", ...(query.get("map") ? { map: query.get("map")! } : {}) }));
    window.show = (change) => setLayer((before) => ({ ...before, ...change }));
    return (
      <main style={{ blockSize: "100vh" }}>
        <h1 class="visually-hidden">Editor</h1>
        <Editor
          layer={layer}
          size={size}
          {...(photo ? { background: photo } : {})}
          onChange={(result: EditorResult) => {
            window.results.push(result);
            setLayer((before) => ({ ...before, document: result.document }));
          }}
        />
        <ToastHost />
        <TooltipHost />
      </main>
    );
  };
  render(<Page />, document.getElementById("app")!);
}
void start();
