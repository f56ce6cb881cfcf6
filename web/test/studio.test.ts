// SPDX-License-Identifier: Apache-2.0
// Small pieces of logic behind the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { wait_ms } from "../src/api/backoff.ts";
import { read_preview_frame } from "../src/api/preview_frame.ts";
import { place } from "../src/design/floating.ts";
import { clamp, format_bytes, format_number, format_seconds, snap } from "../src/design/numbers.ts";
import { block_count, blockPresets, preset_of } from "../src/layers/block_presets.ts";
import { gradient_histogram, histogram_heights } from "../src/layers/gradients.ts";
import { centred, fit, keep_near, pinch, zoom_at } from "../src/screens/create/viewport_math.ts";
import { choose_draft } from "../src/state/draft_names.ts";
import { families_match } from "../src/state/families.ts";
import { action_of, combo_of, conflict_of, keyActions, key_caps, weigh_selection } from "../src/state/keys.ts";
import { add_layer, duplicate_layer, layers, move_layer, new_layer, remove_layer, selectedLayer, update_layer } from "../src/state/layers.ts";
import { is_paper, wants_white_on_black } from "../src/state/paper.ts";
import { tidy_image, tidy_job } from "../src/api/tidy.ts";
import { token_of_address } from "../src/state/token.ts";
import { base_size_of, locked_side, on_grid, shapes, size_like, size_of_shape } from "../src/state/sizes.ts";

const press = (key: string, values: object = {}) => ({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...values });

test("numbers are cut, put on the grid and written with its digits", () => {
  assert.equal(clamp(9, 0, 5), 5);
  assert.equal(snap(0.30000000004, 0, 0.05), 0.3);
  assert.equal(snap(7, 1, 4), 9);
  assert.equal(snap(3, -Infinity, 2), 4);
  assert.equal(format_number(1, 0.05), "1.00");
  assert.equal(format_number(Number.NaN, 1), "");
  assert.equal(format_bytes(0), "0 B");
  assert.equal(format_bytes(999_600), "1.0 MB");
  assert.equal(format_bytes(16_600_000_000), "16.6 GB");
  assert.equal(format_seconds(4.44), "4.4 s");
  assert.equal(format_seconds(75), "1:15");
  assert.equal(format_seconds(3725), "1:02:05");
});

test("what floats stays in the window, and goes above where there is no room below", () => {
  const window_size = { width: 400, height: 300 };
  assert.deepEqual(place({ left: 390, top: 20, width: 8, height: 8 }, { width: 100, height: 50 }, window_size, "start"), { left: 292, top: 34, above: false });
  assert.equal(place({ left: 10, top: 280, width: 8, height: 8 }, { width: 100, height: 50 }, window_size, "center").above, true);
});

test("a wheel zooms about the pointer, and the picture cannot be lost", () => {
  const view = zoom_at({ scale: 1, x: 10, y: 20 }, 2, 110, 120);
  assert.deepEqual(view, { scale: 2, x: -90, y: -80 });
  assert.equal(fit({ width: 100, height: 50 }, { width: 248, height: 248 }).scale, 2);
  assert.equal(fit({ width: 8, height: 8 }, { width: 900, height: 900 }).scale, 4);
  const picture = { width: 100, height: 100 };
  const frame = { width: 300, height: 300 };
  assert.deepEqual(centred(picture, frame, 1), { scale: 1, x: 100, y: 100 });
  assert.equal(keep_near({ scale: 1, x: -5000, y: 0 }, picture, frame).x, -40);
});

test("two fingers keep their points of the picture", () => {
  const view = pinch({ scale: 1, x: 0, y: 0 }, [{ x: 0, y: 0 }, { x: 100, y: 0 }], [{ x: 50, y: 10 }, { x: 250, y: 10 }]);
  assert.deepEqual(view, { scale: 2, x: 50, y: 10 });
});

test("sizes lie on the grid of eight and keep the model's number of pixels", () => {
  assert.equal(on_grid(513, 2048), 512);
  assert.equal(on_grid(3, 2048), 64);
  assert.equal(on_grid(9999, 2044), 2040);
  for (const shape of shapes) {
    const { width, height } = size_of_shape(shape.ratio, 512, 2048);
    assert.ok(width % 64 === 0 && height % 64 === 0 && Math.abs((width * height) / 512 ** 2 - 1) < 0.25, shape.id);
  }
  assert.equal(locked_side(1024, 512, 384, 2048), 768);
  assert.equal(base_size_of("sdxl"), 1024);
  assert.equal(base_size_of("", "builtin"), 256);
  const like = size_like(4000, 3000, 512, 2048);
  assert.ok(Math.abs(like.width / like.height - 4 / 3) < 0.03);
});

test("keys mean the same with small and large letters, and on a Mac", () => {
  assert.equal(combo_of(press("p")), "P");
  assert.equal(combo_of(press("?", { shiftKey: true })), "?");
  assert.equal(combo_of(press("Z", { metaKey: true, shiftKey: true })), "Ctrl+Shift+Z");
  assert.equal(combo_of(press("¡", { altKey: true, code: "Digit1" })), "Alt+1");
  assert.equal(combo_of(press("+", { shiftKey: true })), "+");
  assert.equal(action_of(press("Enter", { ctrlKey: true }))?.id, "generate");
  assert.equal(action_of(press("=")), keyActions.find((action) => action.id === "zoom_in"));
  assert.deepEqual(key_caps("Ctrl+ArrowUp", true), ["⌘", "↑"]);
  assert.deepEqual(key_caps("+"), ["+"]);
});

test("no key stands for two things, and a remapped one moves", () => {
  const all = keyActions.flatMap((action) => action.keys);
  assert.equal(new Set(all).size, all.length);
  assert.equal(action_of(press("q"), { star: "Q" })?.id, "star");
  assert.equal(action_of(press("s"), { star: "Q" }), undefined);
  assert.equal(conflict_of("R", "star", {})?.id, "rerun");
  assert.equal(conflict_of("S", "star", {}), undefined);
});

test("words gain and lose weight by keys", () => {
  const up = weigh_selection("a red cat", 2, 5, 0.1);
  assert.equal(up.text, "a (red:1.1) cat");
  assert.equal(up.text.slice(up.start, up.end), "red");
  const again = weigh_selection(up.text, up.start, up.end, 0.1);
  assert.equal(again.text, "a (red:1.2) cat");
  assert.equal(weigh_selection("a (red:1.1) cat", 3, 6, -0.1).text, "a red cat");
  assert.equal(weigh_selection("a cat", 3, 3, 0.1).text, "a (cat:1.1)");
  assert.equal(weigh_selection("", 0, 0, 0.1).text, "");
});

test("layers are added, changed, moved, doubled and taken away", () => {
  layers.value = [];
  for (const kind of ["canny", "depth", "seg"]) add_layer(new_layer(kind));
  const kinds = () => layers.value.map((layer) => layer.kind).join(" ");
  const [first] = layers.value;
  move_layer(first!.id, 9);
  assert.equal(kinds(), "depth seg canny");
  move_layer(first!.id, -2);
  assert.equal(kinds(), "canny depth seg");
  duplicate_layer(first!.id);
  assert.equal(kinds(), "canny canny depth seg");
  assert.notEqual(layers.value[1]!.id, first!.id);
  update_layer(first!.id, { weight: 0.2 });
  assert.deepEqual(layers.value.map((layer) => layer.weight), [0.2, 1, 1, 1]);
  selectedLayer.value = layers.value[3]!.id;
  remove_layer(layers.value[3]!.id);
  assert.equal(selectedLayer.value, layers.value[2]!.id);
});

test("block curves have one value for each block, and are recognised", () => {
  assert.equal(block_count("sdxl"), 10);
  for (const preset of blockPresets) {
    for (const count of [10, 13]) {
      const weights = preset.weights(count);
      assert.equal(weights.length, count);
      assert.ok(weights.every((weight) => weight >= 0 && weight <= 1));
    }
    assert.equal(preset_of(preset.weights(13)), preset.id);
  }
  assert.equal(blockPresets.find((preset) => preset.id === "soft")!.weights(13)[12], 1);
  assert.equal(preset_of(undefined), "even");
  assert.equal(preset_of([0.3, 0.1]), null);
});

test("the histogram counts an edge where it is", () => {
  const rgba = new Uint8ClampedArray(8 * 8 * 4).map((_, at) => ((at / 4) % 8 >= 4 ? 255 : 0));
  const counts = gradient_histogram(rgba, 8, 8, 64);
  assert.equal(counts.reduce((sum, count) => sum + count, 0), 36);
  assert.equal(counts[63], 12);
  assert.equal(counts[0], 24);
  assert.ok(histogram_heights(counts).every((height) => height >= 0 && height <= 1));
});

test("a drawing on paper is told from a map and from an even grey", () => {
  const paper = new Uint8Array(1000).fill(250);
  paper.fill(10, 0, 60);
  assert.equal(is_paper(paper), true);
  assert.equal(is_paper(paper.map((value) => 255 - value)), false);
  assert.equal(is_paper(new Uint8Array(1000).fill(200)), false);
  assert.ok(wants_white_on_black("scribble") && !wants_white_on_black("depth"));
});

test("two tabs get two drafts, and a reload gets its own again", async () => {
  const held = new Set<string>();
  const hold = async (id: string) => (held.has(id) ? false : (held.add(id), true));
  const memory = (value: string | null) => ({ get: () => value, set: (id: string) => void (value = id) });
  const first = memory(null);
  assert.deepEqual(await choose_draft(first, hold, () => "x1"), { id: "main", copyOf: null });
  const second = memory(null);
  assert.deepEqual(await choose_draft(second, hold, () => "x2"), { id: "x2", copyOf: "main" });
  held.delete("x2");
  assert.deepEqual(await choose_draft(second, hold, () => "x3"), { id: "x2", copyOf: null });
  // A duplicated tab brings the memory of its twin.
  assert.deepEqual(await choose_draft(memory("x2"), hold, () => "x4"), { id: "x4", copyOf: "x2" });
  // When the first tab has gone, a new one takes the main draft.
  held.delete("main");
  assert.deepEqual(await choose_draft(memory(null), hold, () => "x5"), { id: "main", copyOf: null });
});

test("the way back to the server gets longer and stays below twenty seconds", () => {
  assert.equal(wait_ms(0, () => 0.5), 500);
  assert.equal(wait_ms(3, () => 0.5), 4000);
  assert.ok(wait_ms(500, () => 1) <= 18_000);
});

test("a preview frame is read, and anything else is left alone", () => {
  const frame = (kind: number, format: number, size = 3) => {
    const bytes = new Uint8Array(8 + size).fill(7, 8);
    new DataView(bytes.buffer).setUint32(0, kind);
    new DataView(bytes.buffer).setUint32(4, format);
    return bytes.buffer;
  };
  assert.equal(read_preview_frame(frame(1, 1))?.media_type, "image/jpeg");
  assert.deepEqual([...read_preview_frame(frame(1, 2))!.bytes], [7, 7, 7]);
  assert.equal(read_preview_frame(frame(2, 1)), null);
  assert.equal(read_preview_frame(frame(1, 3)), null);
  assert.equal(read_preview_frame(frame(1, 1, 0)), null);
});

test("models of one family work together, unknown ones with all", () => {
  assert.ok(families_match("SD-1", "sd1") && families_match("", "sdxl"));
  assert.ok(!families_match("sd1", "sdxl"));
});

test("the token of the printed link is taken out of the address", () => {
  assert.deepEqual(token_of_address("http://x:1/#token=a%2Bb"), { token: "a+b", rest: "http://x:1/" });
  assert.deepEqual(token_of_address("http://x:1/?token=abc#/queue"), { token: "abc", rest: "http://x:1/#/queue" });
  assert.deepEqual(token_of_address("http://x:1/#/queue?token=abc"), { token: "abc", rest: "http://x:1/#/queue" });
  assert.equal(token_of_address("http://x:1/#/gallery").token, null);
});

test("answers of an older server are made whole", () => {
  const image = tidy_image({ id: "i", request: null, receipts: [[{ kind: "canny", metric: "edge F1", obeys: 0.8 }]] as never });
  assert.deepEqual([image.kinds, image.maps, image.request, image.receipts[0]!.value, image.receipts[0]!.baseline], [[], [], {}, 0.8, null]);
  const job = tidy_job({ id: "j", images: [{ id: "i" } as never], created: null });
  assert.deepEqual([job.created, job.warnings, job.images[0]!.receipts], [0, [], []]);
});
