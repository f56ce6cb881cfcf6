// SPDX-License-Identifier: Apache-2.0
// Pictures for the mock server: a lake before mountains, in light and shape by its seed, and the maps of it.

function random_of(seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

const mix = (a, b, part) => a.map((value, at) => value + (b[at] - value) * part);
const clamp = (value, low = 0, high = 1) => Math.max(low, Math.min(high, value));
const smooth = (low, high, value) => {
  const part = clamp((value - low) / (high - low));
  return part * part * (3 - 2 * part);
};

const lights = {
  morning: { top: [118, 165, 214], low: [250, 214, 178], sun: [255, 240, 214], near: [38, 66, 62], far: [150, 170, 190], water: [150, 170, 180] },
  noon: { top: [84, 150, 222], low: [198, 224, 240], sun: [255, 252, 240], near: [46, 92, 58], far: [140, 172, 196], water: [108, 160, 190] },
  sunset: { top: [68, 60, 118], low: [252, 150, 92], sun: [255, 220, 150], near: [34, 28, 52], far: [150, 96, 120], water: [150, 88, 110] },
  night: { top: [12, 18, 44], low: [52, 74, 124], sun: [236, 240, 250], near: [8, 14, 28], far: [44, 62, 104], water: [26, 40, 76] },
  snow: { top: [150, 180, 214], low: [232, 238, 244], sun: [255, 255, 250], near: [70, 84, 104], far: [196, 208, 224], water: [164, 186, 206] },
};

function ridge(seed, base, height, roughness) {
  const random = random_of(seed);
  const waves = Array.from({ length: 7 }, (_, k) => ({ f: 1.3 * 1.9 ** k * (0.8 + 0.4 * random()), p: random() * 6.28, a: height * roughness ** k }));
  return (x) => {
    let y = 0;
    for (const wave of waves) y += wave.a * (1 - Math.abs(Math.sin(wave.f * x * 3.14 + wave.p)));
    return base - y;
  };
}

// Heights are parts of the picture's height, 0 at the top. Layout by `place`, light by `light`, small things by `seed`.
export function make_scene(place, light, seed) {
  const random = random_of(place + 7);
  const detail = random_of(seed + 3);
  const horizon = 0.6 + 0.06 * random();
  const layers = Array.from({ length: 4 }, (_, k) => ({
    line: ridge(place * 13 + k * 101, horizon - 0.02 + k * 0.012, 0.19 - k * 0.038, 0.5),
    part: k / 3,
  }));
  const trees = Array.from({ length: 26 }, () => ({ x: random() * 1.6 - 0.3, h: 0.1 + 0.16 * random() ** 2, w: 0.16 + 0.1 * random() })).filter((tree) => Math.abs(tree.x - 0.5) > 0.2);
  const sun = { x: 0.25 + 0.5 * random(), y: 0.16 + 0.16 * random(), r: 0.045 };
  const stars = Array.from({ length: 120 }, () => [detail(), detail() * 0.5, detail()]);
  return { place, light: lights[light] ?? lights.noon, night: light === "night", snow: light === "snow", seed, horizon, layers, trees, sun, stars };
}

// What is seen at a point: which thing (0 sky, 1..4 mountains, 5 water, 6 meadow, 7 tree, 8 sun), and how far (0 near, 1 sky).
function thing_at(scene, x, y) {
  for (const tree of scene.trees) {
    const foot = 0.97;
    const up = (foot - y) / tree.h;
    if (up >= 0 && up <= 1 && Math.abs(x - tree.x) < tree.h * tree.w * (1 - up) * (0.75 + 0.25 * Math.abs(Math.sin(up * 26)))) return { what: 7, far: 0.08, tree, up };
  }
  const shore = 0.88 + 0.025 * Math.sin(x * 5 + scene.place) + 0.01 * Math.sin(x * 17);
  if (y > shore) return { what: 6, far: 0.02 + (1 - y) * 0.4, shore };
  if (y > scene.horizon) return { what: 5, far: 0.1 + 0.5 * (1 - smooth(scene.horizon, shore, y)) };
  for (let k = 3; k >= 0; k -= 1) {
    const top = scene.layers[k].line(x);
    if (y > top) return { what: k + 1, far: 0.65 + 0.07 * (3 - k), top };
  }
  if (Math.hypot((x - scene.sun.x) * scene.aspect, y - scene.sun.y) < scene.sun.r) return { what: 8, far: 1 };
  return { what: 0, far: 1 };
}

function colour_at(scene, x, y, deep = 0) {
  const { light, sun } = scene;
  const thing = thing_at(scene, x, y);
  const distance = Math.hypot((x - sun.x) * scene.aspect, y - sun.y);
  switch (thing.what) {
    case 0: {
      const base = mix(light.top, light.low, clamp(y / scene.horizon) ** 1.2);
      const wisps = smooth(0.35, 0.9, 0.5 + 0.5 * Math.sin(x * 7 + 3 * Math.sin(y * 19 + x * 4) + scene.place)) * smooth(0.05, 0.3, y) * 0.35;
      return mix(mix(base, light.sun, 0.75 * Math.exp(-distance * 7)), [255, 255, 255], scene.night ? wisps * 0.15 : wisps);
    }
    case 8:
      return light.sun;
    case 5: {
      if (deep) return light.water;
      const ripple = 0.006 * Math.sin(y * 340 + Math.sin(x * 22) * 2) * (y - scene.horizon) * 12;
      const mirrored = colour_at(scene, x + ripple, 2 * scene.horizon - y, 1);
      return mix(mirrored, light.water, 0.32 + 0.25 * smooth(scene.horizon, 0.9, y));
    }
    case 6: {
      const grain = 0.5 + 0.5 * Math.sin(x * 320 + y * 110) * Math.sin(x * 77 - y * 260);
      return mix(scene.snow ? [236, 240, 246] : mix(light.near, light.low, 0.25), light.near, 0.25 + 0.4 * grain * smooth(thing.shore, 1, y));
    }
    case 7: {
      const side = clamp(0.5 + (x - thing.tree.x) / (thing.tree.h * thing.tree.w * 2));
      const base = mix(light.near, light.low, 0.12 + 0.16 * (scene.sun.x > thing.tree.x ? side : 1 - side));
      return scene.snow ? mix(base, [240, 244, 250], 0.55 * Math.abs(Math.sin(thing.up * 26))) : base.map((value) => value * 0.72);
    }
    default: {
      const k = thing.what - 1;
      const base = mix(light.far, light.near, scene.layers[k].part ** 0.8 * 0.9);
      const height = y - thing.top;
      const slope = scene.layers[k].line(x + 0.004) - scene.layers[k].line(x - 0.004);
      const lit = clamp(0.5 + slope * 30 * (scene.sun.x > x ? -1 : 1));
      const cap = k < 2 ? smooth(0.075, 0.02, height + 0.02 * Math.sin(x * 90)) * (scene.snow ? 1 : 0.75) : scene.snow ? smooth(0.06, 0, height) * 0.6 : 0;
      const shaded = mix(base.map((value) => value * 0.82), mix(base, light.low, 0.35), lit);
      const capped = mix(shaded, mix([200, 210, 228], light.sun, lit), cap);
      return mix(capped, light.low, 0.35 * smooth(0, 0.22, height) * (1 - scene.layers[k].part));
    }
  }
}

export function paint(scene, width, height, noise = 0) {
  scene.aspect = width / height;
  const random = random_of(scene.seed + 99);
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let colour = [0, 0, 0];
      for (const [dx, dy] of width > 200 ? [[0.25, 0.3], [0.75, 0.7]] : [[0.5, 0.5]]) {
        const part = colour_at(scene, (x + dx) / width, (y + dy) / height);
        colour = colour.map((value, at) => value + part[at] / (width > 200 ? 2 : 1));
      }
      const grain = (random() - 0.5) * (5 + noise * 255);
      const at = (y * width + x) * 3;
      for (let c = 0; c < 3; c += 1) rgb[at + c] = clamp(colour[c] + grain + (noise ? (random() - 0.5) * noise * 120 : 0), 0, 255);
    }
  }
  if (scene.night) {
    for (const [x, y, light] of scene.stars) {
      if (thing_at(scene, x, y).what !== 0) continue;
      const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
      rgb.fill(160 + light * 95, at, at + 3);
    }
  }
  return { width, height, rgb };
}

const classes = { 0: [6, 230, 230], 8: [6, 230, 230], 5: [61, 230, 250], 6: [4, 250, 7], 7: [4, 200, 3] };

// Exact maps of a scene.
export function scene_map(scene, kind, width, height) {
  scene.aspect = width / height;
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const u = (x + 0.5) / width;
      const v = (y + 0.5) / height;
      const thing = thing_at(scene, u, v);
      let colour;
      if (kind === "seg") colour = classes[thing.what] ?? [143, 255, 140];
      else if (kind === "depth") colour = Array(3).fill(255 * (1 - thing.far) ** 0.9);
      else {
        const d = 2 / width;
        const gx = thing_at(scene, u + d, v).far - thing.far;
        const gy = thing_at(scene, u, v + d).far - thing.far;
        const flat = thing.what === 5 || thing.what === 6;
        const n = flat ? [0, 0.75, 0.66] : [clamp(gx * 9, -0.8, 0.8), clamp(gy * 9, -0.8, 0.8), 0.8];
        const length = Math.hypot(...n);
        colour = n.map((value) => 127.5 * (value / length + 1));
      }
      rgb.set(colour, (y * width + x) * 3);
    }
  }
  return { width, height, rgb };
}

// Edges of any picture; low and high as for canny, but without its thinning.
export function edges(picture, { low = 100, high = 200, soft = false }) {
  const { width, height, rgb } = picture;
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i += 1) grey[i] = (rgb[i * 3] + rgb[i * 3 + 1] + rgb[i * 3 + 2]) / 3;
  const out = new Uint8Array(rgb.length);
  const strength = new Float32Array(width * height);
  const along = new Uint8Array(width * height);
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const g = (dx, dy) => grey[(y + dy) * width + x + dx];
      const gx = g(1, -1) + 2 * g(1, 0) + g(1, 1) - g(-1, -1) - 2 * g(-1, 0) - g(-1, 1);
      const gy = g(-1, 1) + 2 * g(0, 1) + g(1, 1) - g(-1, -1) - 2 * g(0, -1) - g(1, -1);
      strength[y * width + x] = Math.abs(gx) + Math.abs(gy);
      along[y * width + x] = Math.abs(gx) > 2.4 * Math.abs(gy) ? 0 : Math.abs(gy) > 2.4 * Math.abs(gx) ? 1 : gx * gy > 0 ? 2 : 3;
    }
  }
  const steps = [1, width, width + 1, width - 1];
  for (let i = width; i < strength.length - width; i += 1) {
    const value = strength[i];
    let shown;
    if (soft) shown = clamp((value - 30) / 220) ** 0.8 * 255;
    else {
      const step = steps[along[i]];
      const peak = value >= strength[i - step] && value > strength[i + step];
      shown = peak && (value > high || (value > low && Math.max(strength[i - 1], strength[i + 1], strength[i - width], strength[i + width]) > high)) ? 255 : 0;
    }
    out.fill(shown, i * 3, i * 3 + 3);
  }
  return { width, height, rgb: out };
}

export function resize(picture, width, height) {
  const rgb = new Uint8Array(width * height * 3);
  const scale = Math.max(width / picture.width, height / picture.height);
  const left = (picture.width - width / scale) / 2;
  const top = (picture.height - height / scale) / 2;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const sx = Math.min(picture.width - 1, Math.floor(left + (x + 0.5) / scale));
      const sy = Math.min(picture.height - 1, Math.floor(top + (y + 0.5) / scale));
      for (let c = 0; c < 3; c += 1) rgb[(y * width + x) * 3 + c] = picture.rgb[(sy * picture.width + sx) * 3 + c];
    }
  }
  return { width, height, rgb };
}
