// SPDX-License-Identifier: Apache-2.0
// A server with made-up data: the native API without models, for work on the page and for its pictures.
//   node dev/mock.mjs            port 7860 (PORT), serves dist/ too when it has been built
//   MOCK_SPEED=5                 five times as fast      MOCK_EMPTY=1  no images yet      MOCK_TOKEN=abc  wants a token
//   MOCK_IMAGES=100000           that many pictures      MOCK_DIST=DIR the built page     MOCK_FAIL=/models  that route fails
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { control_kinds, lights_of, models, prompts, request_schema, samplers, seg_palette } from "./data.mjs";
import { png_size, read_png, write_png } from "./png.mjs";
import { make_trainer } from "./mock_train.mjs";
import { edges, make_scene, paint, resize, scene_map } from "./scene.mjs";
import { accept_websocket } from "./websocket.mjs";

const kDist = process.env.MOCK_DIST ?? new URL("../dist/", import.meta.url).pathname;
const speed = Number(process.env.MOCK_SPEED ?? 1);
const wanted_token = process.env.MOCK_TOKEN ?? "";
const id = () => randomBytes(10).toString("hex");
const now = () => Date.now();

// ---- Assets ------------------------------------------------------------------------------------
const assets = new Map(); // sha -> {bytes, media_type, width, height, scene?}
function put(bytes, media_type, scene) {
  const sha = createHash("sha256").update(bytes).digest("hex");
  const size = png_size(bytes) ?? jpeg_size(bytes) ?? { width: 0, height: 0 };
  if (!assets.has(sha)) assets.set(sha, { bytes, media_type, scene, ...size });
  return { sha, media_type, ...size, bytes: bytes.length };
}
function jpeg_size(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  for (let at = 2; at + 9 < bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    if (bytes[at] === 0xff && bytes[at + 1] >= 0xc0 && bytes[at + 1] <= 0xc3) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
  }
  return { width: 512, height: 512 };
}
const put_picture = (picture, scene) => put(write_png(picture), "image/png", scene);
// Painted when it is first asked for; its name is a hash of what it will show.
function put_scene(scene, width, height) {
  const sha = createHash("sha256").update(JSON.stringify([scene.place, scene.light, scene.seed, width, height])).digest("hex");
  let bytes;
  assets.set(sha, { media_type: "image/png", scene, width, height, get bytes() { return (bytes ??= write_png(paint(scene, width, height))); } });
  return { sha, media_type: "image/png", width, height };
}
function pixels_of(asset) {
  return read_png(asset.bytes) ?? paint(make_scene(3, "noon", 1), 384, 384);
}

// ---- Maps --------------------------------------------------------------------------------------
function make_map(asset, kind, annotator, parameters, width, height) {
  if (asset.scene && (kind === "seg" || kind === "depth" || kind === "normal")) return scene_map(asset.scene, kind, width, height);
  const picture = resize(pixels_of(asset), width, height);
  if (annotator === "invert") return { ...picture, rgb: picture.rgb.map((value) => 255 - value) };
  if (kind === "depth" || kind === "normal" || kind === "seg") return scene_map(make_scene(5, "noon", 1), kind, width, height);
  if (kind === "openpose") return { width, height, rgb: new Uint8Array(width * height * 3) };
  return edges(picture, { low: parameters.low ?? 60, high: parameters.high ?? 120, soft: kind === "hed" });
}

function put_map(asset, unit, width, height) {
  const sha = createHash("sha256").update(JSON.stringify([unit, width, height])).digest("hex");
  const kind = unit.kind.replace("toy_", "");
  let bytes;
  assets.set(sha, { media_type: "image/png", width, height, get bytes() { return (bytes ??= write_png(make_map(asset, kind, unit.kind, {}, width, height))); } });
  return sha;
}

// ---- Jobs --------------------------------------------------------------------------------------
const jobs = [];
const images = [];
let running = null;

function hash_of(text) {
  return createHash("md5").update(text).digest().readUInt32BE(0);
}
function scene_of(request, seed) {
  const prompt = request.prompt ?? "";
  const light = /night|moon/.test(prompt) ? "night" : /snow|winter/.test(prompt) ? "snow" : /morning/.test(prompt) ? "morning" : /sunset|evening/.test(prompt) ? "sunset" : /sunny|noon|day/.test(prompt) ? "noon" : lights_of[seed % 5];
  const control = (request.controls ?? [])[0];
  const place = control ? hash_of(control.image) % 50 : seed % 50;
  const asset = control && assets.get(control.image.replace("asset:", ""));
  return make_scene(asset?.scene?.place ?? place, light, seed);
}
function add_image(job, request, seed, index, created = now()) {
  const width = request.width || 512;
  const height = request.height || 512;
  const scene = scene_of(request, seed);
  const { sha } = put_scene(scene, width, height);
  const controls = request.controls ?? [];
  const maps = controls.map((unit) => ({ kind: unit.kind.replace("toy_", ""), sha: unit.map ? unit.image.replace("asset:", "") : put_map(assets.get(unit.image.replace("asset:", "")) ?? { bytes: Buffer.alloc(0) }, unit, width, height) }));
  const metrics = { canny: ["edge F1 (2 px)", 0.22], hed: ["edge F1 (2 px)", 0.32], mlsd: ["edge F1 (2 px)", 0.19], scribble: ["edge F1 (2 px)", 0.45], openpose: ["PCK@0.1", 0.06], seg: ["mean IoU", 0.47], depth: ["correlation", 0.92], normal: ["correlation", 0.6] };
  const image = {
    id: id(), job: job.id, sha, width, height, created, starred: false, trashed: false, seed, prompt: request.prompt ?? "", negative: request.negative ?? "",
    model: request.model ?? "builtin", kinds: maps.map((map) => map.kind), index,
    request: { ...request, seed, batch: 1, sampler: request.sampler ?? "ddim", cfg: request.cfg ?? 7 }, maps,
    receipts: maps.filter((map) => metrics[map.kind]).map((map, at) => ({ kind: map.kind, metric: metrics[map.kind][0], value: 0.78 + ((seed + at * 7) % 18) / 100, baseline: metrics[map.kind][1], strength: controls[at]?.weight ?? 1 })),
    infotext: `${request.prompt}\nSteps: ${request.steps}, Sampler: DDIM, CFG scale: 7, Seed: ${seed}, Size: ${width}x${height}`,
    url: `/api/v1/assets/${sha}`, thumb: `/api/v1/assets/${sha}?w=320`,
  };
  images.unshift(image);
  return image;
}
function waiting() {
  return jobs.filter((job) => job.state === "queued").sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0) || a.created - b.created);
}
function place_in_queue() {
  waiting().forEach((job, at) => (job.position = at + (running ? 1 : 0)));
}
function new_job(request, kind = "generate", extra = {}) {
  const job = { id: id(), kind, state: "queued", position: 0, progress: null, created: now(), started: 0, finished: 0, request, error: null, images: [], warnings: [], seconds: {}, seed: request.seed ?? 0, worker: "", attempt: 0, preview: null, ...extra };
  jobs.unshift(job);
  place_in_queue();
  publish({ type: "job", job });
  setTimeout(pump, 20);
  return job;
}
function queue_event() {
  place_in_queue();
  publish({ type: "queue", queued: jobs.filter((job) => job.state === "queued").length, running: running ? 1 : 0 });
}
async function pump() {
  if (running) return;
  const [job] = waiting();
  if (!job) return;
  running = job;
  Object.assign(job, { state: "running", position: 0, started: now(), worker: "local", attempt: 1 });
  queue_event();
  const steps = job.request.steps ?? 20;
  const scene = scene_of(job.request, job.request.seed ?? 0);
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms / speed));
  for (let step = 1; step <= steps && !job.cancel; step += 1) {
    await wait(220);
    const fraction = step / (steps + 1);
    job.progress = { phase: "denoise", done: step, total: steps, fraction, eta_seconds: ((steps - step + 1) * 0.22) / speed };
    job.preview = `/api/v1/jobs/${job.id}/preview`;
    publish({ type: "job", job });
    if (step % 2 === 0) {
      const small = paint(scene, 96, Math.round((96 * (job.request.height || 512)) / (job.request.width || 512)), (1 - fraction) * 0.9);
      publish_preview(job, step, write_png(small));
    }
  }
  if (job.cancel) Object.assign(job, { state: "cancelled" });
  else if (/fail/.test(job.request.prompt ?? "")) Object.assign(job, { state: "failed", error: { code: "out_of_memory", detail: "18.2 GB are needed and 16.0 GB are there; choose a smaller size or low memory", field: "" } });
  else {
    job.images = Array.from({ length: job.request.batch ?? 1 }, (_, index) => add_image(job, job.request, (job.request.seed ?? 0) + index, index));
    job.state = "done";
  }
  Object.assign(job, { finished: now(), progress: null, seconds: { text: 0.1, denoise: (now() - job.started) / 1000, decode: 0.3 } });
  running = null;
  publish({ type: "job", job });
  for (const image of job.images) publish({ type: "image", image });
  queue_event();
  void pump();
}

// ---- Events ------------------------------------------------------------------------------------
const listeners = new Set();
let event_id = 0;
function publish(message) {
  event_id += 1;
  const text = JSON.stringify({ id: event_id, ...message });
  for (const listener of listeners) listener.text(text);
}
function publish_preview(job, step, png) {
  job.preview_bytes = png;
  publish({ type: "preview", job: job.id, step });
  const head = Buffer.alloc(8);
  head.writeUInt32BE(1, 0);
  head.writeUInt32BE(2, 4);
  for (const listener of listeners) listener.binary(Buffer.concat([head, png]));
}

// ---- Made-up past ------------------------------------------------------------------------------
const photos = [2, 11, 29].map((place, at) => {
  const scene = make_scene(place, ["noon", "sunset", "snow"][at], place);
  return put_scene(scene, 512, 512);
});
const examples = [
  { id: "lake", title: "Night from edges", prompt: "night over the valley, the moon above the water", control: { kind: "canny", image: `asset:${photos[0].sha}`, weight: 1 }, thumb: photos[0] },
  { id: "depth", title: "Winter from depth", prompt: "mountains in winter, snow on the trees", control: { kind: "depth", image: `asset:${photos[1].sha}`, weight: 0.9 }, thumb: photos[1] },
  { id: "areas", title: "A place from areas", prompt: "a quiet lake in the morning", control: { kind: "seg", image: `asset:${photos[2].sha}`, weight: 1 }, thumb: photos[2] },
].map(({ id: name, title, prompt, control, thumb }) => ({ id: name, title, thumb: `/api/v1/assets/${thumb.sha}?w=256`, request: { prompt, model: "builtin", controls: [control], width: 512, height: 512, steps: 12, seed: 7 } }));
if (!process.env.MOCK_EMPTY) {
  for (let at = 0; at < 14; at += 1) {
    const [width, height] = [[512, 512], [512, 512], [640, 424], [416, 640]][at % 4];
    const kinds = [["canny"], ["depth"], [], ["seg", "depth"]][at % 4];
    const request = { prompt: prompts[at % 5], negative: "", model: "builtin", controls: kinds.map((kind, k) => ({ kind, image: `asset:${photos[(at + k) % 3].sha}`, weight: 1 })), width, height, steps: 20, seed: 4100 + at * 37, batch: 1 };
    const job = { id: id(), kind: "generate", state: "done", position: -1, progress: null, created: now() - at * 4e6, started: now() - at * 4e6 + 400, finished: now() - at * 4e6 + 5000, request, error: null, images: [], warnings: [], seconds: { denoise: 4.2, decode: 0.4 }, seed: request.seed, worker: "local", attempt: 1, preview: null };
    job.images = [add_image(job, request, request.seed, 0, job.created)];
    jobs.push(job);
    images[0].starred = at === 2 || at === 5;
  }
  images.sort((a, b) => b.created - a.created);
}
if (process.env.MOCK_IMAGES) {
  const bulk = images.slice();
  const stand = jobs.length;
  for (let at = 0; at < Number(process.env.MOCK_IMAGES); at += 1) {
    const like = bulk[at % bulk.length];
    images.push({ ...like, id: `b${String(at).padStart(19, "0")}`, created: now() - 6e7 - at * 41e4, seed: at, starred: at % 23 === 0, job: jobs[at % stand].id });
  }
}
// Two that did not go well, and one that was given up.
if (!process.env.MOCK_EMPTY) {
  const failed = (state, hours, request, error) => jobs.push({ id: id(), kind: "generate", state, position: -1, progress: null, created: now() - hours * 36e5, started: now() - hours * 36e5 + 900, finished: now() - hours * 36e5 + 2600, request: { steps: 20, width: 512, height: 512, model: "builtin", controls: [], ...request }, error, images: [], warnings: [], seconds: {}, seed: 1, worker: "local", attempt: state === "dead" ? 3 : 1, preview: null });
  failed("failed", 1.2, { prompt: "a wide valley", width: 2048, height: 1536, batch: 4 }, { code: "out_of_memory", detail: "21.4 GB are needed and 16.6 GB are there", field: "" });
  failed("cancelled", 2.4, { prompt: "mountains in winter, snow on the trees, clear sky" }, null);
  failed("dead", 30, { prompt: "night over the valley" }, { code: "worker_lost", detail: "the worker ended three times while it ran this job", field: "" });
  jobs.sort((a, b) => b.created - a.created);
}
// ---- Routes ------------------------------------------------------------------------------------
class Problem extends Error {
  constructor(status, code, detail, field = "") {
    super(detail);
    Object.assign(this, { status, body: { type: "about:blank", title: code, status, code, error: code, detail, field } });
  }
}
const find = (list, one, what) => list.find((item) => item.id === one) ?? (() => { throw new Problem(404, "not_found", `there is no ${what} ${one}`); })();
const seen = new Map();
const trainer = make_trainer({ publish, Problem, id, now, put_picture, speed, empty: Boolean(process.env.MOCK_EMPTY), add_model: (model) => {
  if (!models.some((one) => one.id === model.id)) models.push(model);
  publish({ type: "models" });
  return model;
} });
let server_settings = { gallery_keep_days: 0, safe_names: true, default_profile: "seed" };

const routes = [
  ["GET", "/session", () => ({ authenticated: true })],
  ["GET", "/capabilities", () => ({ version: "0.9.0", device: "cpu, 2 threads", threads: 2, memory_bytes: 16_600_000_000, models, control_kinds, request_schema, samplers, limits: { max_layers: 8, max_side: 2048, max_batch: 16, max_steps: 150 }, examples, palettes: { seg: seg_palette }, train_schema: trainer.train_schema })],
  ["PUT", "/assets", ({ body, type }) => [201, put(body, type || "image/png")]],
  ["POST", "/annotate", async ({ json }) => {
    const asset = assets.get(json.asset);
    if (!asset) throw new Problem(404, "not_found", "there is no asset of that name; send the picture again", "asset");
    await new Promise((resolve) => setTimeout(resolve, 60));
    const { sha } = put_picture(make_map(asset, json.kind, json.annotator, json.parameters ?? {}, json.width, json.height));
    return { asset: sha, width: json.width, height: json.height, pose: null, seconds: 0.06 };
  }],
  ["POST", "/pose/render", ({ json }) => ({ asset: put_picture({ width: json.width, height: json.height, rgb: new Uint8Array(json.width * json.height * 3) }).sha })],
  ["POST", "/jobs/plan", ({ json }) => {
    const { width = 512, height = 512, batch = 1, low_memory = false, steps = 20 } = json.request;
    const pixels = width * height * batch;
    const memory = { text: 4.9e8, denoise: 1.6e9 + pixels * 5200, decode: 3e8 + pixels * 3100, program: 5.2e8 };
    const peak = low_memory ? memory.denoise * 0.7 : memory.text + memory.denoise;
    return { memory: { ...memory, peak, available: 16.6e9 }, fits: peak < 16.6e9, warnings: (json.request.controls ?? []).length > 3 ? ["four and more layers may pull the picture apart; lower their strength"] : [], seconds_estimate: steps * 0.22 * batch };
  }],
  ["POST", "/jobs", ({ json, headers }) => {
    const key = headers["idempotency-key"];
    if (key && seen.has(key)) return [202, seen.get(key)];
    if ((json.request.width ?? 0) % 8) throw new Problem(422, "bad_request", "the width must be a multiple of 8", "width");
    const job = new_job(json.request, "generate", { priority: json.priority ?? 0 });
    if (key) seen.set(key, job);
    return [202, job];
  }],
  ["GET", "/jobs", ({ query }) => {
    const fits = jobs.filter((job) => !query.get("state") || job.state === query.get("state"));
    const from = query.get("before") ? fits.findIndex((job) => job.id === query.get("before")) + 1 : 0;
    return { jobs: fits.slice(from, from + Number(query.get("limit") ?? 100)) };
  }],
  ["GET", "/jobs/{id}/preview", ({ ids }) => ({ bytes: find(jobs, ids[0], "job").preview_bytes, type: "image/png" })],
  ["GET", "/jobs/{id}", ({ ids }) => find(jobs, ids[0], "job")],
  ["DELETE", "/jobs/{id}", ({ ids }) => {
    const job = find(jobs, ids[0], "job");
    if (job.state === "queued") {
      Object.assign(job, { state: "cancelled", finished: now(), position: -1 });
      publish({ type: "job", job });
      queue_event();
    }
    job.cancel = true;
    return job;
  }],
  ["POST", "/images/zip", () => ({ bytes: Buffer.from("504b0506000000000000000000000000000000000000", "hex"), type: "application/zip" })],
  ["POST", "/images/read", ({ json }) => {
    const text = assets.get(json.asset)?.bytes.toString("latin1").match(/parameters\0([^\0]*?)Steps: (\d+)[^\0]*?Seed: (\d+)/);
    if (!text) return { source: "none", text: "", request: {} };
    const [prompt, negative = ""] = text[1].split("Negative prompt:");
    return { source: "a1111", text: text[0].slice(11), request: { prompt: prompt.trim(), negative: negative.trim(), steps: Number(text[2]), seed: Number(text[3]) } };
  }],
  ["GET", "/images", ({ query }) => {
    const trashed = query.get("trashed") === "true" || query.get("trashed") === "1";
    const fits = images.filter((image) => image.trashed === trashed && (!query.get("q") || query.get("q").toLowerCase().split(/\s+/).every((word) => new RegExp(`\\b${word.replace(/\W/g, "")}`, "i").test(image.prompt))) && (!query.get("from") || image.created >= Number(query.get("from"))) && (!query.get("to") || image.created <= Number(query.get("to"))) && (!query.get("kind") || image.kinds.includes(query.get("kind"))) && (!query.get("model") || image.model === query.get("model")) && (!/^(true|1)$/.test(query.get("starred") ?? "") || image.starred));
    const limit = Number(query.get("limit") ?? 50);
    // Keyset: the place behind the last picture of the page before, however many came in front of it meanwhile.
    const [time, last] = (query.get("cursor") ?? "").split("~");
    const from = last ? fits.findIndex((image) => image.created < Number(time) || (image.created === Number(time) && image.id < last)) : 0;
    const page = from < 0 ? [] : fits.slice(from, from + limit);
    const more = from >= 0 && from + limit < fits.length;
    return { images: page, next: more ? `${page.at(-1).created}~${page.at(-1).id}` : null, total: fits.length };
  }],
  ["GET", "/images/{id}/compare", ({ ids, query }) => {
    const image = find(images, ids[0], "image");
    const kind = query.get("kind") ?? "canny";
    return { map: put_picture(make_map(assets.get(image.sha), kind, kind, {}, image.width, image.height)).sha, receipt: image.receipts.find((one) => one.kind === kind) ?? { kind, metric: "edge F1 (2 px)", value: 0.71, baseline: 0.22 } };
  }],
  ["POST", "/images/{id}/star", ({ ids, json }) => publish_image(find(images, ids[0], "image"), { starred: json.starred })],
  ["POST", "/images/{id}/restore", ({ ids }) => publish_image(find(images, ids[0], "image"), { trashed: false })],
  ["POST", "/images/{id}/rerun", ({ ids }) => [202, new_job(find(images, ids[0], "image").request, "rerun", { rerun: find(images, ids[0], "image").seed % 2 ? { of: ids[0], identical: false, psnr: 43.7 } : { of: ids[0], identical: true, psnr: null } })]],
  ["GET", "/images/{id}", ({ ids }) => find(images, ids[0], "image")],
  ["DELETE", "/images/{id}", ({ ids, query }) => {
    const image = find(images, ids[0], "image");
    if (query.get("forever")) images.splice(images.indexOf(image), 1);
    else image.trashed = true;
    publish({ type: "image_removed", image: image.id });
    return [204, null];
  }],
  ["GET", "/models", () => ({ models })],
  ["POST", "/models/refresh", async () => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    publish({ type: "models" });
    return [204, null];
  }],
  ["POST", "/models/{id}/verify", async ({ ids }) => {
    const model = find(models, ids[0], "model");
    await new Promise((resolve) => setTimeout(resolve, 900));
    return { ok: model.ready, sha256: createHash("sha256").update(model.id).digest("hex"), problems: model.ready ? [] : [model.problem] };
  }],
  ...trainer.routes,
  ["GET", "/settings", () => server_settings],
  ["PUT", "/settings", ({ json }) => (server_settings = { ...server_settings, ...json })],
  ["GET", "/workers", () => ({ workers: process.env.MOCK_EMPTY ? [] : [{ name: "local", device: "cpu, 2 threads", job: running?.id ?? null, last_seen: now() }, { name: "studio-2", device: "cuda:0 NVIDIA H100", job: null, last_seen: now() - 47_000 }] })],
].map(([method, pattern, answer]) => ({ method, answer, match: new RegExp(`^/api/v1${pattern.replace(/\{id\}/g, "(.+)")}$`) }));

function publish_image(image, change) {
  Object.assign(image, change);
  publish({ type: "image", image });
  return image;
}

function asset_of(sha, query) {
  const asset = assets.get(sha);
  if (!asset) throw new Problem(404, "not_found", "there is no such asset");
  const width = Number(query.get("w") ?? 0);
  const height = Math.max(1, Math.round((asset.height * width) / asset.width));
  asset.thumbs ??= {};
  if (width && asset.scene) asset.thumbs[width] ??= write_png(paint(asset.scene, Math.round(width / 1.6), Math.round(height / 1.6)));
  else if (!width || width >= asset.width || !read_png(asset.bytes)) return { bytes: asset.bytes, type: asset.media_type };
  else asset.thumbs[width] ??= write_png(resize(read_png(asset.bytes), width, height));
  return { bytes: asset.thumbs[width], type: "image/png" };
}

const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json", ".json": "application/json" };
const policy = "default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'";
function file_of(path) {
  const file = join(kDist, normalize(path === "/" ? "/index.html" : path));
  return file.startsWith(kDist) && existsSync(file) && extname(file) ? { bytes: readFileSync(file), type: types[extname(file)] ?? "application/octet-stream" } : null;
}

async function answer(request, response, body) {
  const url = new URL(request.url, "http://mock");
  const send = (status, content, type = "application/json") => {
    response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": policy, "Cache-Control": "no-store" });
    response.end(content);
  };
  if (!url.pathname.startsWith("/api/")) {
    const file = request.method === "GET" ? file_of(url.pathname) : null;
    return file ? send(200, file.bytes, file.type) : send(404, "not found", "text/plain");
  }
  if (url.pathname === "/api/v1/session" && request.method === "POST") {
    if (wanted_token && JSON.parse(body).token !== wanted_token) throw new Problem(401, "unauthorized", "the token is wrong");
    response.writeHead(204, { "Set-Cookie": `mock=${wanted_token}; HttpOnly; SameSite=Lax; Path=/` });
    return response.end();
  }
  if (wanted_token && !request.headers.cookie?.includes(`mock=${wanted_token}`)) throw new Problem(401, "unauthorized", "a token is needed");
  const asset = /^\/api\/v1\/assets\/(\w+)$/.exec(url.pathname);
  if (asset && request.method === "GET") {
    const { bytes, type } = asset_of(asset[1], url.searchParams);
    return send(200, bytes, type);
  }
  if (process.env.MOCK_FAIL && url.pathname.startsWith(`/api/v1${process.env.MOCK_FAIL}`)) throw new Problem(503, "unavailable", "the store does not answer; look at the server's log");
  for (const route of routes) {
    const found = route.method === request.method && route.match.exec(url.pathname);
    if (!found) continue;
    const type = request.headers["content-type"] ?? "";
    const json = type.startsWith("application/json") && route.method !== "PUT" ? JSON.parse(body || "{}") : route.match.test("/api/v1/settings") && body.length ? JSON.parse(body) : {};
    const result = await route.answer({ ids: found.slice(1).map(decodeURIComponent), query: url.searchParams, json, body, type, headers: request.headers });
    if (result?.bytes && result.type) return send(200, result.bytes, result.type);
    const [status, value] = Array.isArray(result) ? result : [200, result];
    return send(status, value === null ? undefined : JSON.stringify(value, (key, one) => (key === "preview_bytes" ? undefined : one)));
  }
  throw new Problem(404, "not_found", `no route for ${request.method} ${url.pathname}`);
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    answer(request, response, Buffer.concat(parts)).catch((error) => {
      const problem = error instanceof Problem ? error : new Problem(500, "bug", String(error.stack ?? error));
      response.writeHead(problem.status, { "Content-Type": "application/problem+json" });
      response.end(JSON.stringify(problem.body));
    });
  });
});
// Browsers keep connections; the short patience of Node would close one just when it is used again.
server.keepAliveTimeout = 65_000;
server.on("upgrade", (request, socket) => {
  const listener = accept_websocket(request, socket);
  listeners.add(listener);
  listener.on_close(() => listeners.delete(listener));
  listener.text(JSON.stringify({ id: event_id, type: "hello" }));
});
server.listen(Number(process.env.PORT ?? 7860), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
