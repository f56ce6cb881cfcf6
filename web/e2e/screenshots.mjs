// SPDX-License-Identifier: Apache-2.0
// The pictures of docs/studio.md: every screen, dark and light, of a studio that has something to show; written as WebP under 200 kB.
//   node e2e/screenshots.mjs [FOLDER [PART ...]]      FOLDER: by default docs/images/studio; parts of names choose pictures
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { api_of, chromium_path, kPhone, kRepository, mocked, start_server } from "./harness.mjs";
import { toy_scene } from "./inputs.mjs";
import {
  add_layer, choose_file, choose_tool, drag, drop_file, generate, map_of_open_layer, places_on_surface, set_number, set_recipe, write_prompt,
} from "./page.mjs";

const [folder = join(kRepository, "docs/images/studio"), ...only] = process.argv.slice(2);
const kMostBytes = 200_000;
mkdirSync(folder, { recursive: true });

const server = await start_server({ environment: { MOCK_EMPTY: "", MOCK_SPEED: "3" } });
const browser = await chromium.launch({ executablePath: chromium_path(), args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
const scene = toy_scene();

async function open(screen, { theme = "dark", device = {} } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-US", ...device, colorScheme: theme });
  const page = await context.newPage();
  const [origin, secret] = server.link.split("#");
  await page.goto(secret ? `${origin}#/${screen}?${secret}` : `${origin.replace(/\/?$/, "/")}#/${screen}`);
  await page.waitForSelector(".topbar-dot-ok");
  return page;
}

// ---- What there is to show ------------------------------------------------------------------------------------------

const prompts = [
  "a red house with an orange roof on the grass, at sunset", "two yellow houses and a green tree, in the snow", "a blue car on the road, morning",
  "a person in a green shirt standing on the sand", "a purple house at night, hills behind", "a green tree and a red car, clear sky",
  "a white house by the sea, with clouds in the sky", "an orange house with a fence, in the desert",
];

// A gallery of pictures with and without control, and a training that has gone some way.
async function furnish() {
  const page = await open("");
  const api = api_of(page);
  const upload = async (bytes) => {
    const response = await page.request.put(new URL("/api/v1/assets", page.url()).toString(), { data: bytes, headers: { "Content-Type": "image/png" } });
    return (await response.json()).sha;
  };
  const photo = await upload(scene.photo);
  const depth = await upload(scene.depth);
  const units = [[], [{ kind: "canny", image: `asset:${photo}` }], [{ kind: "depth", image: `asset:${depth}`, map: true }], [{ kind: "hed", image: `asset:${photo}` }]];
  const jobs = [];
  for (let at = 0; at < 16; at += 1) {
    const request = { prompt: prompts[at % prompts.length], model: "builtin", controls: units[at % 4], width: 256, height: 256, steps: 20, seed: 40 + at };
    jobs.push(await api.post("/jobs", { kind: "generate", request }));
  }
  const run = await api.post("/train/runs", {
    name: "circles",
    kind: "control",
    options: { steps: 300, batch: 4, lr: 1e-3, optimizer: "muon", warmup: 20, sample_every: 100, validation: 4 },
    dataset: { type: "circles", count: 200, seed: 1 },
  });
  for (const job of jobs) await api.ended(job.id);
  for (const at of [1, 6]) await api.post(`/images/${(await api.ended(jobs[at].id)).images[0].id}/star`, { starred: true });
  if (!mocked) await api.until("the training", async () => (await api.get(`/train/runs/${run.id}`)).state !== "running", 1_200_000);
  await page.context().close();
  return { run };
}

// ---- The pictures ---------------------------------------------------------------------------------------------------

async function with_layer(page) {
  await set_recipe(page, { prompt: scene.prompt, steps: 20, seed: 3 });
  await add_layer(page, "Canny edges");
  await choose_file(page, ".layer-card-open .layer-card-thumb", scene.photo);
  await map_of_open_layer(page);
}

const shots = {
  async create({ theme }) {
    const page = await open("", { theme });
    await with_layer(page);
    await generate(page, api_of(page));
    return page;
  },
  async compare({ theme }) {
    const page = await open("", { theme });
    await with_layer(page);
    await generate(page, api_of(page));
    await page.locator(".cs-head [data-tab=compare]").click();
    return page;
  },
  async scribble({ theme }) {
    const page = await open("", { theme });
    await write_prompt(page, "a red house on the grass");
    await add_layer(page, "Scribble");
    await page.getByTestId("stage-surface").waitFor();
    const to = await places_on_surface(page, 256);
    const lines = [[[10, 200], [80, 196], [176, 198], [246, 202]], [[80, 196], [80, 120], [176, 120], [176, 196]], [[70, 122], [128, 70], [186, 122]], [[116, 196], [116, 156], [140, 156], [140, 196]]];
    for (const line of lines) await drag(page, line.map(to));
    return page;
  },
  async segments({ theme }) {
    const page = await open("", { theme });
    await write_prompt(page, "a red house on the grass, clear sky");
    await add_layer(page, "Segments");
    await page.getByRole("button", { name: "Draw map" }).first().click();
    await page.getByTestId("stage-surface").waitFor();
    const to = await places_on_surface(page, 256);
    const choose = async (word) => {
      await page.locator(".seg-search input").fill(word);
      await page.locator(".seg-search input").press("Enter");
    };
    await choose("sky");
    await choose_tool(page, "fill");
    await page.mouse.click(...to([128, 40]));
    await choose_tool(page, "rectangle");
    for (const [word, from, until] of [["grass", [0.5, 168], [262, 262]], ["house", [84, 100], [180, 196]]]) {
      await choose(word);
      await drag(page, [to(from), to(until)]);
    }
    await choose_tool(page, "ellipse");
    await choose("tree");
    await drag(page, [to([196, 110]), to([244, 190])]);
    return page;
  },
  async pose({ theme }) {
    const page = await open("", { theme });
    await write_prompt(page, "a person in a green shirt on the grass");
    await add_layer(page, "Pose");
    await page.getByRole("button", { name: "Draw map" }).first().click();
    await page.locator(".pose-empty").getByRole("button", { name: "Add person" }).click();
    await page.getByRole("button", { name: "Waving" }).click();
    return page;
  },
  async gallery({ theme }) {
    const page = await open("gallery", { theme });
    await page.locator(".gal-tile").nth(8).waitFor();
    return page;
  },
  async picture({ theme }) {
    const page = await open("gallery", { theme });
    await page.locator(".gal-tile").nth(2).click();
    await page.locator(".gal-info").waitFor();
    return page;
  },
  async train({ theme, run }) {
    const page = await open("train", { theme });
    await page.getByText(run.name, { exact: true }).first().click();
    await page.locator(".train-chart-box svg").first().waitFor();
    return page;
  },
  async models({ theme }) {
    const page = await open("models", { theme });
    await page.locator("[data-tab=controlnet]").click();
    await page.locator(".models-line").nth(3).waitFor();
    return page;
  },
  async queue({ theme }) {
    const page = await open("", { theme });
    const api = api_of(page);
    await set_recipe(page, { prompt: prompts[0], steps: 150 });
    await page.getByRole("button", { name: "More ways to generate" }).click();
    await page.getByRole("menuitem", { name: /^4 times/ }).click();
    await page.keyboard.press("5");
    await page.locator(".queue-job-running").waitFor();
    await api.until("some steps", async () => ((await api.get("/jobs?state=running")).jobs[0]?.progress?.fraction ?? 0) > 0.2);
    return page;
  },
  async settings({ theme }) {
    return open("settings", { theme });
  },
};

const phone_shots = {
  async "phone-recipe"() {
    const page = await open("", { device: kPhone, theme: "dark" });
    await write_prompt(page, "a red house on the grass, at sunset");
    return page;
  },
  async "phone-result"() {
    const page = await open("", { device: kPhone, theme: "light" });
    await set_number(page, "Seed", 3);
    await write_prompt(page, scene.prompt);
    await drop_file(page, "#main", scene.photo, "scene.png");
    await page.locator("dialog[open]").getByRole("button", { name: "Control layer" }).tap();
    await page.locator(".create-panes [data-tab=recipe]").tap();
    await map_of_open_layer(page);
    await generate(page, api_of(page), async () => {
      await page.getByTestId("generate").tap();
      await page.locator(".create-panes [data-tab=stage]").tap();
    });
    return page;
  },
};

// Messages that go by are not a part of any screen.
async function settle(page) {
  await page.mouse.move(720, 4);
  await page.waitForLoadState("networkidle").catch(() => {});
  await page.waitForFunction(() => [...document.images].filter((image) => image.offsetParent && image.loading !== "lazy").every((image) => image.complete));
  await page.waitForTimeout(500);
  await page.locator(".toasts").evaluateAll((all) => all.forEach((element) => (element.style.display = "none")));
}

// As good as fits.
async function picture_of(page) {
  const browser_end = await page.context().newCDPSession(page);
  for (const quality of [92, 84, 76, 66, 55, 40]) {
    const { data } = await browser_end.send("Page.captureScreenshot", { format: "webp", quality });
    const bytes = Buffer.from(data, "base64");
    if (bytes.length <= kMostBytes) return bytes;
  }
  throw new Error("no quality makes it small enough");
}

async function cancel_all(page) {
  const api = api_of(page);
  for (const job of (await api.get("/jobs?limit=50")).jobs) if (["queued", "running"].includes(job.state)) await api.remove(`/jobs/${job.id}`);
  await api.idle();
}

let failed = 0;
async function take(name, walk) {
  if (only.length && !only.some((part) => name.includes(part))) return;
  let page = null;
  try {
    page = await walk();
    await settle(page);
    const bytes = await picture_of(page);
    writeFileSync(join(folder, `${name}.webp`), bytes);
    console.log(`${name}.webp ${Math.round(bytes.length / 1000)} kB`);
    await cancel_all(page);
  } catch (error) {
    failed += 1;
    console.error(`${name}: ${error.stack}`);
  } finally {
    for (const context of browser.contexts()) await context.close();
  }
}

try {
  const furniture = await furnish();
  for (const [name, walk] of Object.entries(shots)) for (const theme of ["dark", "light"]) await take(`${name}-${theme}`, () => walk({ theme, ...furniture }));
  for (const [name, walk] of Object.entries(phone_shots)) await take(name, walk);
} finally {
  await browser.close();
  await server.stop();
}
process.exit(failed ? 1 : 0);
