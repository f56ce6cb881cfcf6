// SPDX-License-Identifier: Apache-2.0
#include "pipelines/base_model.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <optional>

#include "base/error.h"
#include "base/json.h"

namespace zc {
namespace {

// SD2.x from a diffusers folder lacks the last block, whose output is not used.
void fit_openclip(ModelConfig& config, const StateDict& state) {
  const std::string key = fmt::format("{}transformer.resblocks.{}.ln_1.weight", kOpenClipPrefix,
                                      config.text.layers - 1);
  if (state.contains(key)) return;
  --config.text.layers;
  config.text_layer = TextLayer::last;
}

[[noreturn]] void throw_unsupported_base(const std::string& path, const ModelProbe& probe) {
  std::string advice = "wanted a Stable Diffusion 1.x or 2.x checkpoint";
  if (probe.inpainting() || probe.latent_channels == 8)
    advice = "models with more than four input channels cannot be run yet";
  if (probe.has(PartKind::control) && !probe.has(PartKind::unet))
    advice = "give it with --controlnet KIND=FILE, not as the base model";
  throw Error(ErrorKind::unsupported, path, fmt::format("is a {}; {}", probe.description, advice));
}

std::optional<ModelConfig> own_config(const Metadata& metadata, const std::string& path) {
  const auto own = metadata.find(kModelMetadataKey);
  if (own == metadata.end()) return std::nullopt;
  const auto json = parse_json(own->second);
  if (json.is_discarded())
    throw Error(ErrorKind::bad_file, path, "the description of the model in it is not JSON");
  return model_config_from_json(json, path);
}

ModelConfig family_config(const std::string& path, const ModelProbe& probe,
                          const std::string& prediction_type) {
  if (!probe.has(PartKind::unet) || probe.latent_channels != 4) throw_unsupported_base(path, probe);
  ModelConfig config;
  if (probe.family == ModelFamily::sd15) {
    config = sd15_model();
  } else if (probe.family == ModelFamily::sd21) {
    config = sd21_model();
    config.text.projection = 0;  // absent from some files and not needed
  } else {
    throw_unsupported_base(path, probe);
  }
  if (prediction_type == "v_prediction") config.prediction = ModelPrediction::v;
  return config;
}

}  // namespace

ModelConfig base_model_config(const Checkpoint& file) {
  if (const auto own = own_config(file.metadata, file.path)) return *own;
  ModelConfig config = family_config(file.path, file.probe, file.prediction_type);
  if (config.text_kind == TextKind::openclip) fit_openclip(config, file.tensors);
  return config;
}

ModelConfig base_model_config(const CheckpointInfo& file) {
  if (const auto own = own_config(file.metadata, file.path)) return *own;
  return family_config(file.path, file.probe, file.prediction_type);
}

void set_prediction(ModelConfig& config, std::string_view prediction) {
  if (prediction == "auto") return;
  if (prediction != "v" && prediction != "epsilon") {
    throw Error(ErrorKind::bad_request, "prediction",
                fmt::format("unknown `{}`; auto, epsilon or v", prediction));
  }
  config.prediction = prediction == "v" ? ModelPrediction::v : ModelPrediction::epsilon;
}

UNetConfig control_unet_config(const Checkpoint& file) {
  if (const auto own = own_config(file.metadata, file.path)) return own->unet;
  UNetConfig config;
  switch (file.probe.family) {
    case ModelFamily::sd15:
      config = sd15_unet();
      break;
    case ModelFamily::sd21:
      config = sd21_unet();
      break;
    case ModelFamily::sdxl:
      config = sdxl_unet();
      break;
    case ModelFamily::built_in:
    case ModelFamily::unknown:
      throw Error(ErrorKind::unsupported, file.path,
                  fmt::format("is a {}: its architecture is not known", file.probe.description));
  }
  if (file.probe.latent_channels > 0) config.in_channels = file.probe.latent_channels;
  return config;
}

at::Tensor read_token_ids(const StateDict& state, const ModelConfig& config,
                          const std::string& where) {
  const auto ids = state.find(kTokenIdsKey);
  if (ids == state.end())
    throw Error(ErrorKind::bad_file, where, fmt::format("`{}` is missing", kTokenIdsKey));
  const at::Tensor known = ids->second.to(at::kInt).contiguous();
  if (known.dim() != 1 || known.numel() > config.text.vocabulary) {
    throw Error(ErrorKind::bad_file, where,
                fmt::format("`{}` does not fit the vocabulary", kTokenIdsKey));
  }
  return known;
}

}  // namespace zc
