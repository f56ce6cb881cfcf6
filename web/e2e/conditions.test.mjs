// SPDX-License-Identifier: Apache-2.0
// Each of the nine conditions from its input to a picture that obeys: beside each receipt on the page stands what the same request
// gives when the map has no weight.
import assert from "node:assert/strict";
import { before } from "node:test";
import { mocked, studio_test } from "./harness.mjs";
import { toy_scene } from "./inputs.mjs";
import {
  add_layer, choose_file, choose_source, choose_tool, drag, drop_file, generate, leave_editor, map_of_open_layer, places_on_surface, receipts_on,
  set_recipe, start_job, toast_with,
} from "./page.mjs";
import { counts_of, read_png } from "./png.mjs";

let scene;
before(() => (scene = toy_scene()));

// Fewer degrees are better, more of everything else is.
function beats({ metric, value }, other) {
  return /angle|error|rmse/i.test(metric) ? value < other : value > other;
}

// The picture came; what the page says about its obedience beats chance. The same seed without the map is drawn too, unless the server says
// itself what chance gives.
async function check_obedience({ page, api, t }, job, kind) {
  const [receipt] = await receipts_on(page);
  assert.ok(receipt, "the page shows a receipt");
  assert.ok(Number.isFinite(receipt.value), `${kind} was measured: ${JSON.stringify(receipt)}`);
  if (mocked) return;
  let chance = receipt.chance;
  if (chance === null) {
    const request = job.images[0].request;
    const blind = await api.post("/jobs", { kind: "generate", request: { ...request, controls: request.controls.map((unit) => ({ ...unit, weight: 0 })) } });
    chance = (await api.ended(blind.id)).images[0].receipts[0].value;
  }
  t.diagnostic(`${receipt.metric}: ${receipt.value}, without the map ${chance.toFixed(2)}`);
  assert.ok(beats(receipt, chance), `${kind}: ${receipt.metric} is ${receipt.value} with the map and ${chance} without it`);
}

async function generate_and_check(test, kind) {
  const job = await generate(test.page, test.api);
  assert.deepEqual(job.images[0].kinds.map((name) => name.replace("toy_", "")), [kind]);
  await check_obedience(test, job, kind);
  return job;
}

studio_test("canny: a photograph is dropped onto the layer, and its edges follow the thresholds", async ({ page, api, t }) => {
  await set_recipe(page, { prompt: scene.prompt });
  await add_layer(page, "Canny edges");
  await drop_file(page, ".layer-card-open .layer-card-thumb", scene.photo);
  const first = await map_of_open_layer(page);
  await page.locator(".layer-card-thresholds .range-double").nth(1).fill("130");
  await page.waitForFunction((sha) => !document.querySelector(".layer-card-open .layer-card-map img")?.src.includes(sha), first);
  const [few, many] = await Promise.all([first, await map_of_open_layer(page)].map(async (sha) => white(read_png(await api.bytes(`/assets/${sha}`)))));
  if (!mocked) assert.ok(many > few, `${many} pixels of edges with a lower threshold, ${few} before`);
  await generate_and_check({ page, api, t }, "canny");
});

// Pixels of which any channel is above the middle.
function white({ samples, channels }) {
  let count = 0;
  for (let at = 0; at < samples.length; at += channels) if (samples[at] > 127) count += 1;
  return count;
}

studio_test("soft edges: a photograph is chosen as a file", async ({ page, api, t }) => {
  await set_recipe(page, { prompt: scene.prompt });
  await add_layer(page, "Soft edges");
  await choose_file(page, ".layer-card-open .layer-card-thumb", scene.photo);
  await map_of_open_layer(page);
  await generate_and_check({ page, api, t }, "hed");
});

studio_test("straight lines: a finished map is dropped and used as it is", async ({ page, api, t }) => {
  await set_recipe(page, { prompt: scene.prompt });
  await add_layer(page, "Straight lines");
  await choose_source(page, "Map");
  await drop_file(page, ".layer-card-open .layer-card-thumb", scene.lines, "lines.png");
  const sha = await map_of_open_layer(page);
  if (!mocked) assert.ok((await api.bytes(`/assets/${sha}`)).equals(scene.lines), "white on black already, so not a bit is changed");
  await generate_and_check({ page, api, t }, "mlsd");
});

// A pen by the browser's own protocol, since nothing else has pressure.
async function draw_with_pen(page, context, places, pressures) {
  const pen = await context.newCDPSession(page);
  const send = (type, [x, y], force) => pen.send("Input.dispatchMouseEvent", { type, x, y, force, button: "left", buttons: type === "mouseReleased" ? 0 : 1, clickCount: 1, pointerType: "pen" });
  await send("mousePressed", places[0], pressures[0]);
  for (let at = 1; at < places.length; at += 1) await send("mouseMoved", places[at], pressures[at]);
  await send("mouseReleased", places.at(-1), 0);
}

// Height of the ink in a column.
function thickness(map, x) {
  let count = 0;
  for (let y = 0; y < map.height; y += 1) if (map.samples[(y * map.width + x) * map.channels] > 127) count += 1;
  return count;
}

studio_test("scribble: drawn with a pen, harder is wider, and the map is white on black", async ({ page, context, api, t }) => {
  await set_recipe(page, { prompt: "a red house on the grass" });
  await add_layer(page, "Scribble");
  await page.getByTestId("stage-surface").waitFor();
  const to = await places_on_surface(page, 256);
  const steps = Array.from({ length: 57 }, (_, at) => at / 56);
  await draw_with_pen(page, context, steps.map((part) => to([16 + part * 224, 200])), steps.map((part) => 0.1 + 0.9 * part));
  // A house on that ground: walls, roof, door.
  for (const line of [[[80, 198], [80, 120], [176, 120], [176, 198]], [[72, 122], [128, 70], [184, 122]], [[116, 198], [116, 158], [140, 158], [140, 198]]]) await drag(page, line.map(to));
  await leave_editor(page);
  const map = read_png(await api.bytes(`/assets/${await map_of_open_layer(page)}`));
  assert.deepEqual([map.width, map.height], [256, 256]);
  const [light, firm] = [thickness(map, 40), thickness(map, 225)];
  assert.ok(light >= 1 && firm >= light + 2, `the line is ${light} pixels thick where the pen was light and ${firm} where it was pressed`);
  assert.ok(white(map) < 0.2 * 256 * 256, "the paper is black in the map");
  await generate_and_check({ page, api, t }, "scribble");
});

studio_test("scribble: a run takes the last stroke with it, however soon it is asked for", async ({ page, api }) => {
  await set_recipe(page, { prompt: "a red house on the grass" });
  await add_layer(page, "Scribble");
  await page.getByTestId("stage-surface").waitFor();
  const to = await places_on_surface(page, 256);
  const rows = [64, 128, 192];
  const job = await start_job(page, async () => {
    for (const row of rows) await drag(page, [[40, row], [216, row]].map(to));
    await page.keyboard.press("Control+Enter");
  });
  const { images } = await api.ended(job.id);
  const map = read_png(await api.bytes(`/assets/${images[0].request.controls[0].image.replace("asset:", "")}`));
  assert.deepEqual(rows.map((row) => map.samples[(row * map.width + 128) * map.channels] > 127), [true, true, true]);
});

// A line is drawn over a scribble, and nothing can be stored from then on. Gives what ends that.
async function draw_unstored(page) {
  await set_recipe(page, { prompt: "a red house on the grass" });
  await add_layer(page, "Scribble");
  await page.getByTestId("stage-surface").waitFor();
  const to = await places_on_surface(page, 256);
  const assets = "**/api/v1/assets**";
  await page.route(assets, (route) => (route.request().method() === "PUT" ? route.abort() : route.continue()));
  await drag(page, [[40, 128], [216, 128]].map(to));
  return () => page.unroute(assets);
}

async function line_is_stored(page, api) {
  const map = read_png(await api.bytes(`/assets/${await map_of_open_layer(page)}`));
  return map.samples[(128 * map.width + 128) * map.channels] > 127;
}

studio_test("scribble: a drawing that cannot be stored stays open, and no run begins without it", async ({ page, api }) => {
  const mend = await draw_unstored(page);
  const jobs_before = (await api.get("/jobs")).jobs.length;
  await page.keyboard.press("Control+Enter");
  await toast_with(page, "It could not be started");
  assert.equal((await api.get("/jobs")).jobs.length, jobs_before);
  const again = page.locator(".cs-editor-head").getByRole("button", { name: "Try again" });
  await again.waitFor();
  await mend();
  await again.click();
  await again.waitFor({ state: "detached" });
  await leave_editor(page);
  assert.ok(await line_is_stored(page, api));
});

studio_test("scribble: who leaves a drawing that cannot be stored may store it afterwards", async ({ page, api }) => {
  const mend = await draw_unstored(page);
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await page.locator(".cs-editor-head").getByRole("button", { name: "Try again" }).waitFor();
  await leave_editor(page);
  const told = await toast_with(page, "It could not be saved");
  await mend();
  await told.getByRole("button", { name: "Try again" }).click();
  assert.ok(await line_is_stored(page, api));
});

studio_test("strokes of a photograph: a scribble layer makes its own drawing", async ({ page, api, t }) => {
  await set_recipe(page, { prompt: scene.prompt });
  await add_layer(page, "Scribble");
  await page.getByTestId("stage-surface").waitFor();
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await choose_source(page, "Photo");
  await choose_file(page, ".layer-card-open .layer-card-thumb", scene.photo);
  await map_of_open_layer(page);
  await generate_and_check({ page, api, t }, "scribble");
});

// The people that the page told the server, newest last.
function poses_sent(page) {
  const poses = [];
  page.on("request", (request) => {
    const text = request.method() === "PUT" && request.headers()["content-type"]?.includes("json") ? request.postData() : null;
    if (text?.includes("pose_keypoints_2d")) poses.push(JSON.parse(text));
  });
  return poses;
}

const middle = async (locator) => {
  const box = await locator.boundingBox();
  return [box.x + box.width / 2, box.y + box.height / 2];
};

studio_test("pose: a person is added, made smaller, and a wrist dragged; joints go where the pointer went", async ({ page, api, t }) => {
  const kWrist = 4;
  const poses = poses_sent(page);
  const told = async (what, work) => {
    const count = poses.length;
    await work();
    await api.until(what, () => poses.length > count);
    return poses.at(-1).people[0].pose_keypoints_2d;
  };
  await set_recipe(page, { prompt: "a person in a green shirt standing in the middle, on the grass, clear sky" });
  await add_layer(page, "Pose");
  await page.getByRole("button", { name: "Draw map" }).first().click();
  const added = await told("the first pose", () => page.locator(".pose-empty").getByRole("button", { name: "Add person" }).click());
  const canvas = await page.locator(".pose-canvas").boundingBox();
  const scale = canvas.width / 256;
  // Who was added is chosen as a whole. The corner is pulled in until the person is about as large as those of the toy world.
  const height_of = (joints) => Math.max(...joints.filter((_, at) => at % 3 === 1)) - Math.min(...joints.filter((_, at) => at % 3 === 1));
  const corner = await middle(page.locator("[data-box=nw]"));
  const shift = 0.45 * height_of(added) * scale;
  const small = await told("the smaller pose", () => drag(page, [corner, [corner[0] + 5, corner[1] + 20], [corner[0] + 10, corner[1] + shift]]));
  assert.ok(Math.abs(height_of(small) / height_of(added) - 0.55) < 0.02, `${height_of(added)} pixels tall, then ${height_of(small)}`);
  // A click beside lets go of all; then one joint is taken.
  await page.mouse.click(canvas.x + 12, canvas.y + 12);
  const from = await middle(page.locator(`.pose-joint[data-joint$=".body.${kWrist}"] .pose-dot`));
  const after = await told("the changed pose", () => drag(page, [from, [from[0] - 10, from[1] - 20], [from[0] - 14 * scale, from[1] - 36 * scale]]));
  const [dx, dy] = [0, 1].map((axis) => after[kWrist * 3 + axis] - small[kWrist * 3 + axis]);
  assert.ok(Math.hypot(dx + 14, dy + 36) < 2, `14 to the left and 36 up, within two pixels: ${dx}, ${dy}`);
  const others = (joints) => joints.filter((_, at) => Math.floor(at / 3) !== kWrist);
  assert.deepEqual(others(after), others(small), "all other joints stay");
  await leave_editor(page);
  await map_of_open_layer(page);
  await generate_and_check({ page, api, t }, "openpose");
});

async function choose_class(page, word) {
  await page.locator(".seg-search input").fill(word);
  await page.locator(".seg-search input").press("Enter");
}

studio_test("segments: rectangles and the bucket leave exactly the chosen classes in the stored map", async ({ page, api, t }) => {
  const [kSky, kGrass, kHouse] = [2, 9, 25];
  await set_recipe(page, { prompt: "a red house on the grass, clear sky" });
  await add_layer(page, "Segments");
  await page.getByRole("button", { name: "Draw map" }).first().click();
  await page.getByTestId("stage-surface").waitFor();
  const to = await places_on_surface(page, 256);
  // The bucket takes everything at first; then a ground and a house are laid over it; the bucket turns a square inside the house into sky.
  await choose_class(page, "sky");
  await choose_tool(page, "fill");
  await page.mouse.click(...to([128, 40]));
  await choose_tool(page, "rectangle");
  await choose_class(page, "grass");
  await drag(page, [to([0.5, 160]), to([262, 262])]);
  await choose_class(page, "house");
  await drag(page, [to([72, 88]), to([184, 192])]);
  await choose_class(page, "grass");
  await drag(page, [to([112, 120]), to([144, 152])]);
  await choose_class(page, "sky");
  await choose_tool(page, "fill");
  await page.mouse.click(...to([128, 136]));
  await leave_editor(page);
  const map = read_png(await api.bytes(`/assets/${await map_of_open_layer(page)}`));
  assert.ok(map.palette, "an indexed PNG");
  assert.deepEqual([...counts_of(map.samples).keys()].sort((a, b) => a - b), [kSky, kGrass, kHouse]);
  const at = (x, y) => map.samples[y * 256 + x];
  assert.deepEqual([at(2, 2), at(128, 136), at(2, 250), at(253, 170), at(80, 96), at(176, 184)], [kSky, kSky, kGrass, kGrass, kHouse, kHouse]);
  const wrong = [...map.samples].filter((index, place) => {
    const [x, y] = [place % 256, Math.floor(place / 256)];
    const near = (value, edge) => Math.abs(value - edge) <= 1;
    const rim = near(x, 0);
    const border = rim || near(x, 72) || near(x, 184) || near(y, 88) || near(y, 192) || near(y, 160) || near(x, 112) || near(x, 144) || near(y, 120) || near(y, 152);
    const house = x > 72 && x < 184 && y > 88 && y < 192;
    const window = x > 112 && x < 144 && y > 120 && y < 152;
    return !border && index !== (house ? (window ? kSky : kHouse) : y > 160 ? kGrass : kSky);
  });
  assert.equal(wrong.length, 0, "no pixel is of another class, and none is in between");
  assert.deepEqual([...map.palette.subarray(kSky * 3, kSky * 3 + 3)], [6, 230, 230], "the colours of ADE20K");
  await generate_and_check({ page, api, t }, "seg");
});

studio_test("depth: a map dropped anywhere on the page becomes a layer", async ({ page, api, t }) => {
  await set_recipe(page, { prompt: scene.prompt });
  await drop_file(page, "#main", scene.depth, "depth.png");
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Kind of map").selectOption("depth");
  await dialog.getByLabel("It is a finished map").check();
  await dialog.getByRole("button", { name: "Control layer" }).click();
  await dialog.waitFor({ state: "detached" });
  await map_of_open_layer(page);
  await generate_and_check({ page, api, t }, "depth");
});

studio_test("normals: a photograph dropped anywhere on the page becomes a layer", async ({ page, api, t }) => {
  await set_recipe(page, { prompt: scene.prompt });
  await drop_file(page, "#main", scene.photo, "scene.png");
  await page.locator("dialog[open]").getByLabel("Kind of map").selectOption("normal");
  await page.locator("dialog[open]").getByRole("button", { name: "Control layer" }).click();
  const map = read_png(await api.bytes(`/assets/${await map_of_open_layer(page)}`));
  assert.deepEqual([map.width, map.height], [256, 256]);
  await generate_and_check({ page, api, t }, "normal");
});
