// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_pictures.h"

#include <c10/core/GradMode.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "pipelines/conditioning.h"
#include "pipelines/generate.h"
#include "training/diffusion_model.h"

namespace zc {

PictureMaker::PictureMaker(const EvaluateOptions& options, const std::vector<std::string>& controls,
                           const TaskContext& task)
    : task_{.cancel = task.cancel, .progress = {}}, tokenizer_(find_vocabulary()) {
  request_.model = options.model;
  request_.controlnets = options.controlnets;
  request_.steps = options.steps;
  request_.sampler = options.sampler;
  request_.cfg = options.cfg;
  request_.fast = options.fast;
  request_.skip = options.skip;
  request_.precision = options.precision;
  for (const std::string& kind : controls) {
    ControlUnit& unit = request_.controls.emplace_back();
    unit.kind = kind;
    unit.map = true;
  }
  models_ = load_models(paths_of_request(request_));
  size_ = static_cast<int>(models_->config().image_size);
}

bool PictureMaker::knows_words(const std::string& text) const {
  return unknown_words(*models_, tokenizer_, text).empty();
}

Image PictureMaker::picture(const PictureWish& wish) const {
  GenerateRequest request = request_;
  request.prompt = wish.prompt;
  request.seed = wish.seed;
  request.guess = wish.guess;
  request.controls.clear();
  GenerateInputs inputs;
  for (const auto& [kind, map] : wish.maps) {
    ControlUnit& unit = request.controls.emplace_back();
    unit.kind = kind;
    unit.map = true;
    inputs.images.push_back(map);
  }
  const GenerateHooks hooks{.task = task_, .on_image = {}, .receipts = false};
  return generate(*models_, tokenizer_, request, inputs, hooks).images.at(0);
}

Image PictureMaker::through_autoencoder(const Image& image) const {
  const c10::NoGradGuard no_grad;
  const Vae& vae = models_->vae();
  return tensor_to_images(vae.decode(vae.encode(images_to_tensor({image})).mean)).at(0);
}

std::string PictureMaker::fingerprint() const {
  GenerateRequest request = request_;
  request.model.clear();  // files count by what they hold
  request.controlnets.clear();
  request.controls.clear();
  nlohmann::json json = options_to_json(resolve_for(*models_, request));
  json.erase("seed");
  for (const ModelStamp& stamp : model_stamps(*models_))
    json["files"].push_back({stamp.kind, stamp.fingerprint});
  return json_text(json);
}

}  // namespace zc
