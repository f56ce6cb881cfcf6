// SPDX-License-Identifier: Apache-2.0
// What the mock server claims to be able to do.

const float = (name, value, min, max, step, help) => ({ name, type: "float", default: value, min, max, step, help });
const int = (name, value, min, max, help) => ({ name, type: "int", default: value, min, max, step: 1, help });
const bool = (name, value, help) => ({ name, type: "bool", default: value, help });
const choice = (name, value, choices, help) => ({ name, type: "choice", default: value, choices, help });
const annotator = (name, label, parameters = [], extra = {}) => ({ name, label, available: true, weights_needed: false, parameters, ...extra });
const absent = (weights) => ({ available: false, weights_needed: true, weights });

export const control_kinds = [
  ["canny", "canny", [annotator("canny", "canny", [int("low", 100, 1, 255, "gradient above which an edge goes on"), int("high", 200, 1, 255, "gradient above which an edge begins")])]],
  ["hed", "soft edges", [annotator("toy_hed", "soft edges, by the network that comes along"), annotator("hed", "soft edges (HED)", [bool("safe", false, "three levels of grey only")], absent("ControlNetHED.pth"))]],
  ["mlsd", "straight lines", [annotator("toy_mlsd", "straight lines, by the network that comes along", [float("threshold", 0.3, 0, 1, 0.01, "how sure of a line"), int("shortest", 8, 1, 64, "pixels")]), annotator("mlsd", "straight lines (M-LSD)", [float("value", 0.1, 0.01, 2, 0.01, "how sure of a line"), float("distance", 0.1, 0.01, 20, 0.01, "half the length that it must have")], absent("mlsd_large_512_fp32.pth"))]],
  ["scribble", "scribble", [annotator("toy_scribble", "strokes, by the network that comes along"), annotator("scribble_xdog", "strokes where it is darker than around", [int("xdog_threshold", 32, 1, 64, "higher for fewer and thinner strokes")]), annotator("threshold", "black and white", [int("binarization_threshold", 127, 0, 255, "white above it")])]],
  ["openpose", "people", [annotator("toy_openpose", "bodies, by the network that comes along"), annotator("openpose", "bodies (OpenPose)", [bool("hand", false, "find hands too"), bool("face", false, "find faces too"), choice("rules", "v11", ["v11", "v10", "webui"], "how people are drawn")], absent("body_pose_model.pth"))]],
  ["seg", "classes", [annotator("toy_seg", "classes, by the network that comes along")]],
  ["depth", "depth", [annotator("toy_depth", "depth, by the network that comes along"), annotator("depth", "depth (MiDaS)", [], absent("dpt_hybrid-midas-501f0c75.pt")), annotator("depth_anything_v2", "depth (Depth Anything V2 small)", [], absent("depth_anything_v2_vits.pth"))]],
  ["normal", "normals", [annotator("toy_normal", "normals, by the network that comes along"), annotator("normal", "normals (MiDaS)", [float("bg_threshold", 0.4, 0, 1, 0.01, "what is farther than this is background"), float("a", 6.283, 0.1, 20, 0.001, "larger is flatter")], absent("dpt_hybrid-midas-501f0c75.pt"))]],
  ["lineart", "line drawing", [annotator("invert", "the negative: of a line drawing on paper, the map")], "no ControlNet of this kind is here: put control_v11p_sd15_lineart.pth into the models folder"],
].map(([kind, label, annotators, why_not = ""]) => ({ kind, label, available: why_not === "", why_not, annotators }));

const built_in = ["canny", "hed", "mlsd", "scribble", "openpose", "seg", "depth", "normal"];
export const models = [
  { id: "builtin", title: "Toy world (built in)", kind: "base", file: "base.safetensors", family: "built_in", control_kind: "", sha10: "1f0c93a4be", bytes: 92_300_000, ready: true, problem: "" },
  { id: "v1-5-pruned-emaonly", title: "Stable Diffusion 1.5", kind: "base", file: "v1-5-pruned-emaonly.safetensors", family: "sd15", control_kind: "", sha10: "6ce0161689", bytes: 4_265_146_304, ready: true, problem: "" },
  { id: "v2-1_512", title: "Stable Diffusion 2.1", kind: "base", file: "v2-1_512-ema-pruned.ckpt", family: "sd21", control_kind: "", sha10: "88ecb78256", bytes: 5_214_662_094, ready: false, problem: "the file is cut short: 5.2 GB of 5.3 GB" },
  ...built_in.map((kind, at) => ({ id: `builtin/control_${kind}`, title: `control_${kind}`, kind: "controlnet", file: `control_${kind}.safetensors`, family: "built_in", control_kind: kind, sha10: `a${at}44b1c7de`, bytes: 31_400_000, ready: true, problem: "" })),
  ...["canny", "depth", "openpose", "scribble", "seg"].map((kind, at) => ({ id: `control_v11p_sd15_${kind}`, title: `control_v11p_sd15_${kind}`, kind: "controlnet", file: `control_v11p_sd15_${kind}.pth`, family: "sd15", control_kind: kind, sha10: `d1${at}c016b3f`, bytes: 1_445_235_365, ready: true, problem: "" })),
  { id: "annotator_scene", title: "annotator_scene", kind: "annotator", file: "annotator_scene.safetensors", family: "built_in", control_kind: "", sha10: "77e0aa1b52", bytes: 6_200_000, ready: true, problem: "" },
];

const number = (type, value, minimum, maximum, description) => ({ type, default: value, minimum, maximum, description });
export const request_schema = {
  type: "object",
  title: "GenerateRequest",
  properties: {
    prompt: { type: "string", default: "", description: "what the picture shows" },
    negative: { type: "string", default: "", description: "what it must not show" },
    controls: { type: "array", description: "control units", items: { type: "object", properties: Object.fromEntries(["kind", "image", "map", "weight", "start", "end", "mode", "only_mid", "parameters", "annotator", "mask", "resize", "block_weights"].map((name) => [name, {}])) } },
    model: { type: "string", default: "builtin" },
    steps: number("integer", 20, 1, 1000, "denoising steps"),
    cfg: number("number", null, 0, 50, "guidance strength"),
    seed: number("integer", 12345, -1, 9007199254740991, "-1: a random one"),
    width: number("integer", 0, 0, 8192, "of the picture"),
    height: number("integer", 0, 0, 8192, "of the picture"),
    batch: number("integer", 1, 1, 256, "number of pictures"),
    sampler: { type: "string", default: "ddim" },
    profile: { type: "string", default: "seed", enum: ["seed", "seed11", "a1111", "diffusers"], description: "whose noise, added prompts and defaults are taken" },
    noise: { type: "string", default: "profile", enum: ["profile", "cpu", "cuda"], description: "random numbers of torch's CPU or CUDA generator" },
    prediction: { type: "string", default: "auto", enum: ["auto", "epsilon", "v"], description: "what the model predicts" },
    exact: { type: "boolean", default: false, description: "with and without the prompt in two passes, as the original does; slower" },
    low_memory: { type: "boolean", default: false, description: "give back each part of the model when it is done" },
    variation_seed: number("integer", 0, 0, 9007199254740991, "seed of the noise that is mixed in"),
    variation_strength: number("number", 0, 0, 1, "how much of it"),
  },
};

export const samplers = [["ddim", "DDIM"], ["plms", "PLMS"], ["euler", "Euler"], ["euler_a", "Euler ancestral"], ["heun", "Heun"], ["dpmpp_2m", "DPM++ 2M"], ["dpmpp_2m_karras", "DPM++ 2M Karras"], ["unipc", "UniPC"], ["lcm", "LCM"]].map(([name, label]) => ({ name, label }));

export const prompts = [
  "a lake before mountains at sunset, with clouds in the sky",
  "a quiet lake in the morning, fog between the firs",
  "mountains in winter, snow on the trees, clear sky",
  "night over the valley, the moon above the water",
  "a sunny day at the lake, a green field in front",
];
export const lights_of = ["sunset", "morning", "snow", "night", "noon"];

const words = ["wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "windowpane", "grass", "cabinet", "sidewalk", "person", "earth", "door", "table", "mountain", "plant", "curtain", "chair", "car", "water"];
const colours = [[120, 120, 120], [180, 120, 120], [6, 230, 230], [80, 50, 50], [4, 200, 3], [120, 120, 80], [140, 140, 140], [204, 5, 255], [230, 230, 230], [4, 250, 7], [224, 5, 255], [235, 255, 7], [150, 5, 61], [120, 120, 70], [8, 255, 51], [255, 6, 82], [143, 255, 140], [204, 255, 4], [255, 51, 7], [204, 70, 3], [0, 102, 200], [61, 230, 250]];
export const seg_palette = words.map((name, index) => ({ index, name, rgb: colours[index] }));
