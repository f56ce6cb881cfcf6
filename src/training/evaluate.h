// SPDX-License-Identifier: Apache-2.0
// How well a model obeys: unseen scenes of toy world, with baselines below and a ceiling above.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/options.h"
#include "base/task.h"
#include "image/image.h"

namespace zc {

struct EvaluateOptions {
  std::string model = "builtin";
  std::string control = "canny";
  std::vector<std::string> controlnets;  // as in GenerateRequest
  int64_t count = 64;
  int64_t seed = 0;
  int64_t steps = 20;
  std::optional<double> cfg;
};

template <OptionsOf<EvaluateOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("model", o.model, "base model, or builtin");
  visit("control", o.control, "kind of control map");
  visit("controlnets", o.controlnets, "ControlNet files, as canny=PATH");
  visit("count", o.count, Range{1, 1e6}, "scenes");
  visit("seed", o.seed, Range{0, 1e12}, "first scene and noise");
  visit("steps", o.steps, Range{1, 1000}, "denoising steps");
  visit("cfg", o.cfg, Range{0, 50}, "guidance strength; unset: as generate");
}

// Mean agreement of the scene's map, drawn from ground truth, with the map that is taken from the
// picture (map_agreement, receipt_detector).
struct ControlFidelity {
  std::string control;
  std::string metric;   // larger is better but for angles
  double value = 0;     // map and prompt of the scene
  double baseline = 0;  // the same prompt and seed without control
  double shuffled = 0;  // with the map of the next scene
  double guess = 0;     // with the map in guess mode, without a prompt
  double ceiling = 0;   // the scene itself through the autoencoder and back
  double spread = 0;    // standard deviation of `value` over scenes
};

// With control, so that it is known where the object stands: is its colour, and the time of day,
// what the prompt says? Scenes show combinations of kind, colour and time that training never
// showed.
struct PromptFidelity {
  int64_t scenes = 0;
  // Shares; measure_toy_colour() on the object's body, nearest mean colour of the sky. Beside them
  // the same of pictures made with the prompt of the next scene (baseline), and of the scene itself
  // through the autoencoder and back (ceiling).
  double colour_right = 0;
  double colour_baseline = 0;
  double colour_ceiling = 0;
  double time_right = 0;
  double time_baseline = 0;
  double time_ceiling = 0;
};

struct Evaluation {
  std::vector<ControlFidelity> controls;
  PromptFidelity prompt;
  std::vector<Image> examples;  // rows of: scene, map, picture, guess mode
};

// Of options.control, or with `all` of every kind whose ControlNet comes with the program; the
// prompt is measured with the first. Throws unsupported for a kind that is not measured.
Evaluation evaluate(const EvaluateOptions& options, bool all, const TaskContext& task);

// {"conditions": [...], "prompt": {...}}
nlohmann::json to_json(const Evaluation& evaluation);
// A table for people.
std::string evaluation_text(const Evaluation& evaluation);

}  // namespace zc
