// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "image/resize.h"
#include "models/tokenizer.h"
#include "pipelines/agreement.h"
#include "pipelines/generate.h"
#include "pipelines/model_paths.h"
#include "pipelines/model_set.h"
#include "pipelines/receipt.h"
#include "training/data.h"
#include "training/diffusion_model.h"
#include "training/toyworld.h"
#include "training/toyworld_hints.h"

namespace zc {
namespace {

// Training draws scenes from small seeds; these are far from all of them.
constexpr uint64_t kUnseenSeeds = uint64_t{1} << 40;
constexpr uint64_t kHeldOutSeeds = uint64_t{1} << 41;
constexpr int64_t kExampleRows = 8;
constexpr int kSkyLabel = 2;

using Colour = std::array<double, 3>;

// Mean of the pixels that the renderer calls sky.
Colour sky_colour(const Image& picture, const ToyRender& scene) {
  Colour sum{};
  double count = 0.0;
  for (size_t i = 0; i < scene.labels.size(); ++i) {
    if (scene.labels[i] != kSkyLabel) continue;
    for (int c = 0; c < 3; ++c) sum[c] += picture.pixels[i * 3 + c];
    count += 1.0;
  }
  for (double& c : sum) c /= std::max(1.0, count);
  return sum;
}

// Where the renderer drew the body (not windows, legs, stem) of the first object: 1, elsewhere 0.
std::vector<uint8_t> body_of_first_object(const ToyRender& scene) {
  std::vector<uint8_t> mask(scene.parts.size());
  for (size_t p = 0; p < mask.size(); ++p) {
    const bool body = scene.parts[p] == static_cast<uint8_t>(ToyPart::body);
    mask[p] = scene.object_ids[p] == 0 && body ? 1 : 0;
  }
  return mask;
}

// The time of day whose own sky over the same scene looks most like the picture's.
ToyTime nearest_time(const Image& picture, const ToyScene& scene) {
  const ToyRender own = render(scene, picture.width, picture.height);
  const Colour seen = sky_colour(picture, own);
  ToyTime best = ToyTime::morning;
  double best_distance = std::numeric_limits<double>::max();
  for (const ToyTime time : {ToyTime::morning, ToyTime::noon, ToyTime::sunset, ToyTime::night}) {
    ToyScene other = sample_scene(scene.seed, {.time = time});
    const ToyRender reference = render(other, picture.width, picture.height);
    const Colour wanted = sky_colour(reference.rgb, reference);
    double distance = 0.0;
    for (int c = 0; c < 3; ++c) distance += (wanted[c] - seen[c]) * (wanted[c] - seen[c]);
    if (distance < best_distance) {
      best_distance = distance;
      best = time;
    }
  }
  return best;
}

class Evaluator {
 public:
  Evaluator(const EvaluateOptions& options, const TaskContext& task)
      : options_(options), task_(task), tokenizer_(find_vocabulary()) {
    require_toy_hint_kind(options.control);
    request_.prompt = "x";
    request_.model = options.model;
    request_.controlnets = options.controlnets;
    request_.steps = options.steps;
    request_.cfg = options.cfg;
    request_.controls.resize(1);
    request_.controls[0].kind = options.control;
    request_.controls[0].map = true;
    models_ = load_models(paths_of_request(request_));
    size_ = static_cast<int>(models_->config().image_size);
    detector_ = receipt_detector(request_.controls[0], models_->config().limited_vocabulary);
    if (!detector_) {
      throw Error(
          ErrorKind::unsupported, "--control",
          fmt::format("`{}` cannot be measured: the weights that take such maps from pictures "
                      "are missing",
                      options.control));
    }
  }

  ControlFidelity control_fidelity(std::vector<Image>& examples);
  PromptFidelity prompt_fidelity();

 private:
  // map: nullptr for a picture without control.
  Image picture(const std::string& prompt, const Image* map, int64_t seed, bool guess = false) {
    GenerateRequest request = request_;
    request.prompt = prompt;
    request.seed = seed;
    request.guess = guess;
    GenerateInputs inputs;
    if (map == nullptr) {
      request.controls.clear();
    } else {
      inputs.images = {*map};
    }
    GenerateHooks hooks;
    hooks.task.cancel = task_.cancel;
    const GenerateRequest resolved = resolve_for(*models_, request);
    return generate(*models_, tokenizer_, resolved, inputs, hooks).images.at(0);
  }

  double obeys(const Image& map, const Image& result) const {
    const auto agreement = map_agreement(options_.control, map, hwc3(detector_(result)));
    ZC_BUG_IF(!agreement);
    return agreement->value;
  }

  std::string metric() const {
    const Image blank(8, 8, 3);
    return map_agreement(options_.control, blank, blank)->metric;
  }

  Image through_autoencoder(const Image& image) const {
    const c10::NoGradGuard no_grad;
    const Vae& vae = models_->vae();
    return tensor_to_images(vae.decode(vae.encode(images_to_tensor({image})).mean)).at(0);
  }

  ToyScene unseen_scene(int64_t i) const {
    return sample_training_scene(kUnseenSeeds + static_cast<uint64_t>((options_.seed + i) * 64));
  }

  ToyScene held_out_scene(int64_t i) const {
    const auto& held_out = toy_held_out();
    const ToyHeldOut& c = held_out[static_cast<size_t>(i) % held_out.size()];
    return sample_scene(kHeldOutSeeds + static_cast<uint64_t>(options_.seed + i),
                        {.time = c.time, .kind = c.kind, .colour = c.colour});
  }

  const EvaluateOptions& options_;
  const TaskContext& task_;
  Tokenizer tokenizer_;
  GenerateRequest request_;
  std::shared_ptr<const ModelSet> models_;
  Detector detector_;
  int size_ = 0;
};

ControlFidelity Evaluator::control_fidelity(std::vector<Image>& examples) {
  ControlFidelity f{.control = options_.control, .metric = metric()};
  double squares = 0.0;
  for (int64_t i = 0; i < options_.count; ++i) {
    task_.report("evaluate", i, options_.count * 2);
    const ToyScene scene = unseen_scene(i);
    const ToyRender truth = render(scene, size_, size_);
    const Image& photo = truth.rgb;
    const Image map = toy_hint(truth, options_.control);
    const Image other = toy_hint(render(unseen_scene(i + 1), size_, size_), options_.control);
    const std::string prompt = caption(scene);
    const int64_t seed = options_.seed + i;
    const Image controlled = picture(prompt, &map, seed);
    const Image guessed = picture("", &map, seed, /*guess=*/true);
    const double value = obeys(map, controlled);
    f.value += value;
    squares += value * value;
    f.guess += obeys(map, guessed);
    f.baseline += obeys(map, picture(prompt, nullptr, seed));
    f.shuffled += obeys(map, picture(prompt, &other, seed));
    f.ceiling += obeys(map, through_autoencoder(photo));
    if (i < kExampleRows) examples.insert(examples.end(), {photo, map, controlled, guessed});
  }
  const double n = static_cast<double>(options_.count);
  for (double* sum : {&f.value, &f.guess, &f.baseline, &f.shuffled, &f.ceiling}) *sum /= n;
  f.spread = std::sqrt(std::max(0.0, squares / n - f.value * f.value));
  return f;
}

PromptFidelity Evaluator::prompt_fidelity() {
  PromptFidelity f{.scenes = options_.count};
  double coloured = 0.0;
  for (int64_t i = 0; i < options_.count; ++i) {
    task_.report("evaluate", options_.count + i, options_.count * 2);
    const ToyScene scene = held_out_scene(i);
    const ToyRender truth = render(scene, size_, size_);
    const Image map = toy_hint(truth, options_.control);
    const int64_t seed = options_.seed + i;
    const std::vector<uint8_t> body = body_of_first_object(truth);
    const bool has_body = std::find(body.begin(), body.end(), 1) != body.end();
    coloured += has_body ? 1.0 : 0.0;
    const auto count_right = [&](const Image& image, double& colour, double& time) {
      time += nearest_time(image, scene) == scene.time ? 1.0 : 0.0;
      const ToyObject& object = scene.objects.front();
      if (has_body &&
          measure_toy_colour(image, body, scene.time, toy_colours(object.kind)) == object.colour)
        colour += 1.0;
    };
    count_right(picture(caption(scene), &map, seed), f.colour_right, f.time_right);
    count_right(picture(caption(held_out_scene(i + 1)), &map, seed), f.colour_baseline,
                f.time_baseline);
    count_right(through_autoencoder(truth.rgb), f.colour_ceiling, f.time_ceiling);
  }
  for (double* sum : {&f.colour_right, &f.colour_baseline, &f.colour_ceiling})
    *sum /= std::max(1.0, coloured);
  for (double* sum : {&f.time_right, &f.time_baseline, &f.time_ceiling})
    *sum /= static_cast<double>(options_.count);
  return f;
}

// Part of the way from the baseline to the ceiling.
double share(const ControlFidelity& f) {
  return f.ceiling != f.baseline ? (f.value - f.baseline) / (f.ceiling - f.baseline) : 0.0;
}

}  // namespace

Evaluation evaluate(const EvaluateOptions& options, bool all, const TaskContext& task) {
  std::vector<std::string> kinds = {options.control};
  if (all) {
    kinds.clear();
    for (const std::string& kind : toy_hint_kinds()) {
      if (find_builtin_file(fmt::format("control_{}.safetensors", kind))) kinds.push_back(kind);
    }
  }
  Evaluation result;
  for (const std::string& kind : kinds) {
    EvaluateOptions one = options;
    one.control = kind;
    Evaluator evaluator(one, task);
    result.controls.push_back(evaluator.control_fidelity(result.examples));
    if (kind == kinds.front()) result.prompt = evaluator.prompt_fidelity();
  }
  return result;
}

nlohmann::json to_json(const Evaluation& e) {
  nlohmann::json conditions = nlohmann::json::array();
  for (const ControlFidelity& c : e.controls) {
    conditions.push_back({{"control", c.control},
                          {"metric", c.metric},
                          {"value", c.value},
                          {"baseline", c.baseline},
                          {"shuffled", c.shuffled},
                          {"guess", c.guess},
                          {"ceiling", c.ceiling},
                          {"spread", c.spread},
                          {"share", share(c)}});
  }
  return {{"conditions", conditions},
          {"prompt",
           {{"scenes", e.prompt.scenes},
            {"colour_right", e.prompt.colour_right},
            {"colour_baseline", e.prompt.colour_baseline},
            {"colour_ceiling", e.prompt.colour_ceiling},
            {"time_right", e.prompt.time_right},
            {"time_baseline", e.prompt.time_baseline},
            {"time_ceiling", e.prompt.time_ceiling}}}};
}

std::string evaluation_text(const Evaluation& e) {
  std::string text =
      fmt::format("{:<9} {:<20} {:>7} {:>9} {:>9} {:>7} {:>8} {:>7}\n", "control", "metric",
                  "value", "baseline", "shuffled", "guess", "ceiling", "share");
  for (const ControlFidelity& c : e.controls) {
    text += fmt::format("{:<9} {:<20} {:>7.3f} {:>9.3f} {:>9.3f} {:>7.3f} {:>8.3f} {:>6.0f}%\n",
                        c.control, c.metric, c.value, c.baseline, c.shuffled, c.guess, c.ceiling,
                        100 * share(c));
  }
  return text +
         fmt::format(
             "prompt, {} unseen combinations (another scene's prompt to ceiling): colour right "
             "{:.0f}% ({:.0f} to {:.0f}%), time of day right {:.0f}% ({:.0f} to {:.0f}%)\n",
             e.prompt.scenes, 100 * e.prompt.colour_right, 100 * e.prompt.colour_baseline,
             100 * e.prompt.colour_ceiling, 100 * e.prompt.time_right, 100 * e.prompt.time_baseline,
             100 * e.prompt.time_ceiling);
}

}  // namespace zc
