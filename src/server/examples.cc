// SPDX-License-Identifier: Apache-2.0
#include "server/examples.h"

#include <array>
#include <mutex>
#include <span>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "image/codec.h"
#include "training/toyworld.h"
#include "training/toyworld_hints.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr const char* kExamplesKey = "studio.examples";
constexpr int kExampleVersion = 1;  // another one draws them anew
constexpr int kExampleSide = 256;   // the built-in model's
constexpr int kExampleSteps = 12;

struct ToyExample {
  const char* id;
  const char* title;
  const char* kind;  // of control; the map is the scene's own but for canny
  uint64_t scene;    // seed
  const char* prompt;
};
constexpr std::array kToyExamples = {
    ToyExample{"edges", "Night from edges", "canny", 11,
               "a house and a tree at night, grass, hills behind"},
    ToyExample{"depth", "Snow from depth", "depth", 23,
               "a red car on a road, snow, mountains behind, at noon"},
    ToyExample{"pose", "A person from a pose", "openpose", 5,
               "a person in a blue shirt waving, sand, at sunset"},
    ToyExample{"areas", "A place from areas", "seg", 42,
               "a white house with a red roof, grass, in the morning"},
};

std::string put_example_png(Store& store, const Image& image) {
  const std::string png = encode_png(image);
  return store.blobs().put(std::as_bytes(std::span(png.data(), png.size())), "image/png");
}

// A scene that shows something for its kind of map: of poses a person.
ToyScene example_scene(const ToyExample& example) {
  ToyConstraints wanted;
  if (example.kind == std::string_view("openpose")) wanted.kind = ToyKind::figure;
  return sample_scene(example.scene, wanted);
}

json draw_example(const ToyExample& example, Store& store) {
  const bool photograph = example.kind == std::string_view("canny");
  const ToyRender scene = render(example_scene(example), kExampleSide, kExampleSide);
  const std::string picture = put_example_png(store, scene.rgb);
  const std::string map =
      photograph ? picture : put_example_png(store, toy_hint(scene, example.kind));
  const json unit = {{"kind", example.kind}, {"image", "asset:" + map}, {"map", !photograph}};
  return {{"id", example.id},
          {"title", example.title},
          {"thumb", fmt::format("/api/v1/assets/{}?w=256", map)},
          {"kind", example.kind},
          {"request",
           {{"prompt", example.prompt},
            {"model", "builtin"},
            {"controls", json::array({unit})},
            {"width", kExampleSide},
            {"height", kExampleSide},
            {"steps", kExampleSteps},
            {"seed", 7}}}};
}

// Those of the store, if they are of this version and their pictures are there.
json stored_examples(Store& store) {
  const auto text = store.settings().get(kExamplesKey);
  const json stored = text ? parse_json(*text) : json();
  if (!stored.is_object() || stored.value("version", 0) != kExampleVersion) return nullptr;
  for (const json& example : stored["examples"]) {
    const std::string name = example["request"]["controls"][0]["image"].get<std::string>();
    if (!store.blobs().has(name.substr(name.find(':') + 1))) return nullptr;
  }
  return stored["examples"];
}

json drawn_examples(Store& store) {
  static std::mutex drawing;
  const std::lock_guard only_one(drawing);
  if (json known = stored_examples(store); !known.is_null()) return known;
  json examples = json::array();
  for (const ToyExample& example : kToyExamples) examples.push_back(draw_example(example, store));
  store.settings().set(kExamplesKey,
                       json_text({{"version", kExampleVersion}, {"examples", examples}}));
  return examples;
}

}  // namespace

json examples_json(Store& store, const Catalogue& catalogue) {
  const auto base = catalogue.find("builtin");
  json shown = json::array();
  if (!base || !base->problem.empty()) return shown;
  for (json& example : drawn_examples(store)) {
    const std::string kind = example["kind"].get<std::string>();
    if (!catalogue.control_for(kind, *base)) continue;
    example.erase("kind");
    shown.push_back(std::move(example));
  }
  return shown;
}

}  // namespace zc
