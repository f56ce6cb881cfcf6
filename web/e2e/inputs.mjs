// SPDX-License-Identifier: Apache-2.0
// What is dropped on the page: a scene of toy world with its exact maps, drawn by the program, and a picture of another tool.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kRepository, mocked, program } from "./harness.mjs";
import { write_png } from "./png.mjs";

const kPhoto = join(kRepository, "examples/photo.png");

// {prompt, photo, depth, lines}: pictures as bytes. A scene that the built-in model never saw: training draws other seeds.
// Behind the mock a photograph stands for all of them.
export function toy_scene() {
  if (mocked) {
    const photo = readFileSync(kPhoto);
    return { prompt: "a quiet lake in the morning", photo, depth: photo, lines: photo };
  }
  const folder = mkdtempSync(join(tmpdir(), "zeroconv-scene-"));
  try {
    execFileSync(program, ["dataset", "toyworld", "--count", "2", "--seed", "900001", "--out", join(folder, "toy")], { stdio: "ignore" });
    const scene = JSON.parse(readFileSync(join(folder, "toy/prompt.json"), "utf8").split("\n")[1]);
    const picture = (name) => readFileSync(join(folder, "toy", scene[name]));
    return { prompt: scene.prompt, photo: picture("target"), depth: picture("depth"), lines: picture("lines") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// A picture as AUTOMATIC1111 writes it: everything stands in one text.
export function a1111_picture() {
  const [width, height] = [192, 128];
  const samples = Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * 7) % 251);
  const parameters = [
    "a lighthouse on a cliff, (storm:1.2)",
    "Negative prompt: people, boats",
    "Steps: 23, Sampler: DDIM, CFG scale: 6.5, Seed: 987654321, Size: 192x128, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly",
  ].join("\n");
  return write_png({ width, height, channels: 3, samples }, { parameters });
}
