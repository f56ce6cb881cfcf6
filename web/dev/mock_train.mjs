// SPDX-License-Identifier: Apache-2.0
// Trainings of the mock server: a loss that rests in its noise, a control that suddenly begins to obey, and pictures of it.
import { make_scene, paint, scene_map } from "./scene.mjs";
import { train_schema } from "./train_data.mjs";

const kConverges = 0.34; // of all steps
const kEvery = 40; // grids in a run at most

function noise_of(step) {
  const x = Math.sin(step * 127.1 + 11.7) * 43758.5453;
  return x - Math.floor(x);
}

// Maps above, what the control makes of them below.
function paint_grid(name, obeys) {
  const side = 128;
  const lights = ["noon", "sunset", "snow", "night"];
  const width = side * 4 + 15;
  const height = side * 2 + 5;
  const rgb = new Uint8Array(width * height * 3).fill(18);
  const place = (picture, left, top) => {
    for (let y = 0; y < side; y += 1) rgb.set(picture.rgb.subarray(y * side * 3, (y + 1) * side * 3), ((top + y) * width + left) * 3);
  };
  for (let k = 0; k < 4; k += 1) {
    const scene = make_scene(name.length * 3 + k * 7, lights[k], k);
    place(scene_map(scene, "depth", side, side), k * (side + 5), 0);
    const other = make_scene(90 + k, lights[k], k + 9);
    place(paint(obeys > 0.4 ? scene : other, side, side, Math.max(0, 0.5 - obeys) * 0.5), k * (side + 5), side + 5);
  }
  return { width, height, rgb };
}

// `studio`: publish, Problem, id, now, put_picture, add_model, speed.
export function make_trainer(studio) {
  const { publish, Problem, id, now, put_picture, add_model, speed } = studio;
  const run = (values) => ({ id: id(), eta_seconds: null, created: now() - 9e6, message: "", control: "canny", can_resume: false, options: { steps: values.steps, batch: 4, lr: 1e-3, optimizer: "muon", model: "builtin" }, dataset: { type: "circles", count: 300, seed: 1 }, ...values });
  const runs = studio.empty ? [] : [
    run({ name: "circles", state: "running", step: 3120, steps: 8000, loss: 0.0214, eta_seconds: 2140 }),
    run({ name: "my scribbles", state: "finished", step: 6000, steps: 6000, loss: 0.0178, control: "scribble", can_resume: true, created: now() - 9e7, dataset: { type: "upload", id: "0123456789abcdef0123", pictures: 480 }, message: "the best weights are those of step 5600" }),
    run({ name: "depth, second try", state: "stopped", step: 1400, steps: 4000, loss: 0.0391, control: "depth", created: now() - 2e8, can_resume: true, dataset: { type: "toyworld", count: 5000, seed: 1 } }),
    run({ name: "first try", state: "failed", step: 212, steps: 4000, loss: 0.31, created: now() - 3e8, can_resume: true, message: "the loss was no number three times in a row at step 212; the samples were circles 17, 203 and 44. Lower the learning rate." }),
  ];

  function loss_at(one, step) {
    const calm = 0.02 + 0.22 * Math.exp(-step / 500) + (step > one.steps * kConverges ? 0 : 0.03);
    return calm * (1 + 0.35 * (noise_of(step) - 0.5));
  }
  function obeys_at(one, step) {
    const rise = 1 / (1 + Math.exp(-(step - one.steps * kConverges) / (one.steps * 0.018)));
    return 0.04 + (0.5 + 0.14 * Math.min(1, step / one.steps)) * rise + 0.02 * (noise_of(step) - 0.5);
  }
  const grids = new Map();
  function grid_url(one, step) {
    const key = `${one.id} ${step}`;
    if (!grids.has(key)) grids.set(key, put_picture(paint_grid(one.name, obeys_at(one, step))).sha);
    return `/api/v1/assets/${grids.get(key)}`;
  }
  function details(one) {
    const steps = (by) => Array.from({ length: Math.floor(one.step / by) }, (_, k) => (k + 1) * by);
    const every = Math.max(10, Math.ceil(one.steps / kEvery / 20) * 20);
    const converges = one.step > one.steps * kConverges + every;
    return {
      ...one,
      metric: "edge F1 (2 px)",
      curves: {
        loss: steps(Math.max(1, Math.floor(one.steps / 400))).map((step) => [step, loss_at(one, step)]),
        validation: steps(every).map((step) => [step, obeys_at(one, step)]),
        baseline: steps(every).map((step) => [step, 0.04]),
        ceiling: steps(every).map((step) => [step, 0.83]),
      },
      convergence: { step: converges ? Math.round((one.steps * kConverges) / 10) * 10 : null },
      grids: steps(every * 2).map((step) => ({ step, url: grid_url(one, step) })),
      files: ["report.html"],
      events: [{ step: 0, text: "300 pairs, 6 of them held out" }, { step: 500, text: "a snapshot was written" }, ...(converges ? [{ step: Math.round((one.steps * kConverges) / 10) * 10, text: "it follows its map now: 0.41 of edge F1 against 0.04 without" }] : [])].filter((event) => event.step <= one.step),
    };
  }
  function plan(json) {
    const { batch = 4, size = 0, optimizer = "adamw", base_precision = "fp32", model = "builtin" } = json.options ?? {};
    const big = model !== "builtin";
    const pixels = ((size || (big ? 512 : 256)) / 256) ** 2 * batch;
    const control = big ? 1.45e9 : 1.3e8;
    const rows = [
      { name: "program and working memory", bytes: 6.3e8, phase: "always" },
      { name: `base UNet, ${base_precision}`, bytes: (big ? 3.4e9 : 3.6e8) * (base_precision === "fp16" ? 0.5 : 1), phase: "always" },
      { name: "text encoder and autoencoder", bytes: big ? 8.3e8 : 9e7, phase: "always" },
      { name: "ControlNet, fp32", bytes: control, phase: "always" },
      { name: "gradients", bytes: control, phase: "step" },
      { name: `moments of ${optimizer}`, bytes: control * 2 * (optimizer === "adamw8bit" ? 0.26 : 1), phase: "training" },
      { name: "activations", bytes: pixels * (big ? 9.1e8 : 9e7), phase: "step" },
      { name: "validation", bytes: pixels * 2e7, phase: "validation" },
      { name: "encoding of pictures", bytes: 3e8, phase: "encoding" },
    ];
    const sum = (...phases) => rows.filter((row) => phases.includes(row.phase)).reduce((all, row) => all + row.bytes, 0);
    const peak = sum("always") + Math.max(sum("training") + Math.max(sum("step"), sum("validation")), sum("encoding"));
    const warnings = [];
    const pairs = json.dataset?.pairs?.length ?? json.dataset?.count ?? 0;
    if (pairs < 200) warnings.push(`${pairs} pairs are few; a control wants 200 or more`);
    if (peak > 16.6e9) warnings.push("more is needed than the 16.6 GB that are free; --optimizer adamw8bit saves 2.1 GB, --batch 1 with --accumulate 4 times as large saves 2.7 GB");
    const checks = [{ topic: "data", text: `${pairs} pairs, 8 of them looked at`, warning: false }, { topic: "disk", text: "2 snapshots and the result take 63.0 MiB, 61.1 GiB are free", warning: false }, ...warnings.map((text) => ({ topic: "data", text, warning: true }))];
    return { memory: { peak, rows }, peak, fits: peak < 16.6e9, warnings, checks, gradient_checkpointing: false };
  }
  function check(json) {
    if (!json.name?.trim()) throw new Problem(422, "bad_request", "a name is wanted", "name");
    for (const [name, value] of Object.entries(json.options ?? {})) {
      const known = train_schema.properties[name];
      if (!known) throw new Problem(422, "bad_request", `no option has the name ${name}`, `options.${name}`);
      if (known.minimum !== undefined && value < known.minimum) throw new Problem(422, "bad_request", `${name} is ${value} and must be ${known.minimum} or more`, `options.${name}`);
    }
  }

  const brief = ({ options, dataset, ...one }) => one;
  function tell(one) {
    publish({ type: "train", run: brief(one) });
  }
  setInterval(() => {
    for (const one of runs.filter((each) => each.state === "running")) {
      one.step = Math.min(one.steps, one.step + Math.round(4 * speed));
      one.loss = loss_at(one, one.step);
      one.eta_seconds = ((one.steps - one.step) * 0.28) / speed;
      if (one.step >= one.steps) Object.assign(one, { state: "finished", eta_seconds: null });
      tell(one);
    }
  }, 1200).unref();

  const find = (wanted) => runs.find((one) => one.id === wanted) ?? (() => { throw new Problem(404, "not_found", `there is no training ${wanted}`); })();
  const change = (one, values) => {
    Object.assign(one, values);
    tell(one);
    return brief(one);
  };
  const routes = [
    ["GET", "/train/runs", () => ({ runs: runs.map(brief) })],
    ["POST", "/train/runs/plan", async ({ json }) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      check({ name: "plan", ...json });
      return plan(json);
    }],
    ["POST", "/train/runs", ({ json }) => {
      check(json);
      const one = run({ name: json.name, state: "running", step: 0, steps: json.options?.steps ?? 4000, loss: null, created: now(), control: json.options?.control ?? json.dataset?.control ?? "circles", options: json.options ?? {}, dataset: json.dataset });
      runs.unshift(one);
      tell(one);
      return [201, brief(one)];
    }],
    ["POST", "/train/runs/{id}/stop", ({ ids }) => change(find(ids[0]), { state: "stopped", eta_seconds: null, can_resume: true })],
    ["POST", "/train/runs/{id}/resume", ({ ids, json }) => change(find(ids[0]), { state: "running", message: "", steps: Math.max(find(ids[0]).steps, json.steps ?? 0) })],
    ["POST", "/train/runs/{id}/use", ({ ids }) => {
      const one = find(ids[0]);
      return { model: add_model({ id: `trained-${one.id.slice(0, 6)}`, title: `${one.name} (trained here)`, kind: "controlnet", file: "", family: "built_in", control_kind: one.control, sha10: "0123456789", bytes: 31_400_000, ready: true, problem: "" }) };
    }],
    ["GET", "/train/runs/{id}/files/report.html", ({ ids }) => ({ bytes: Buffer.from(`<!doctype html><title>${find(ids[0]).name}</title><h1>Report</h1>`), type: "text/html" })],
    ["GET", "/train/runs/{id}", ({ ids }) => details(find(ids[0]))],
    ["DELETE", "/train/runs/{id}", ({ ids }) => (runs.splice(runs.indexOf(find(ids[0])), 1), [204, null])],
  ];
  return { routes, train_schema };
}
