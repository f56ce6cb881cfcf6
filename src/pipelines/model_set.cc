// SPDX-License-Identifier: Apache-2.0
#include "pipelines/model_set.h"

#include <malloc.h>

#include <algorithm>
#include <array>

#include <ATen/ops/eq.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "formats/checkpoint.h"
#include "tensor/load.h"

namespace zc {
namespace {

LoadedFile describe_file(const std::filesystem::path& path) {
  return {path.string(), path.stem().string(), file_fingerprint(path)};
}

// SD2.x from a diffusers folder lacks the last block, whose output is not used.
void fit_openclip(ModelConfig& config, const StateDict& state) {
  const std::string key = fmt::format("{}transformer.resblocks.{}.ln_1.weight", kOpenClipPrefix,
                                      config.text.layers - 1);
  if (state.contains(key)) return;
  --config.text.layers;
  config.text_layer = TextLayer::last;
}

// text_projection is absent from some files and not needed for SD2.x.
void drop_unused_projection(ModelConfig& config) {
  config.text.projection = 0;
}

[[noreturn]] void throw_unsupported_base(const Checkpoint& file) {
  const ModelProbe& probe = file.probe;
  std::string advice = "wanted a Stable Diffusion 1.x or 2.x checkpoint";
  if (probe.inpainting() || probe.latent_channels == 8)
    advice = "models with more than four input channels cannot be run yet";
  if (probe.has(PartKind::control) && !probe.has(PartKind::unet))
    advice = "give it with --controlnet KIND=FILE, not as the base model";
  throw Error(ErrorKind::unsupported, file.path,
              fmt::format("is a {}; {}", probe.description, advice));
}

ModelConfig config_of(const Checkpoint& file) {
  const auto own = file.metadata.find(kModelMetadataKey);
  if (own != file.metadata.end()) {
    const auto json = parse_json(own->second);
    if (json.is_discarded())
      throw Error(ErrorKind::bad_file, file.path, "the description of the model in it is not JSON");
    return model_config_from_json(json, file.path);
  }
  if (!file.probe.has(PartKind::unet) || file.probe.latent_channels != 4)
    throw_unsupported_base(file);
  ModelConfig config;
  if (file.probe.family == ModelFamily::sd15) {
    config = sd15_model();
  } else if (file.probe.family == ModelFamily::sd21) {
    config = sd21_model();
    fit_openclip(config, file.tensors);
    drop_unused_projection(config);
  } else {
    throw_unsupported_base(file);
  }
  if (file.prediction_type == "v_prediction") config.prediction = ModelPrediction::v;
  return config;
}

// Three lists of keys would hide that simply the wrong file was given.
[[noreturn]] void throw_wrong_family(const std::string& path, const ModelProbe& probe,
                                     const ModelConfig& base, const std::string& base_path) {
  throw Error(ErrorKind::bad_file, path,
              fmt::format("is a {} (context width {}), but the base model {} is {} (context width "
                          "{}): a ControlNet fits only "
                          "the family that it was trained with",
                          probe.description, probe.context_width, base_path, base.name,
                          base.unet.context_dim));
}

}  // namespace

std::shared_ptr<const ModelSet> load_models(const ModelPaths& paths) {
  return std::make_shared<const ModelSet>(paths);
}

ModelSet::ModelSet(const ModelPaths& paths) {
  load_base(paths);
}

void ModelSet::load_base(const ModelPaths& paths) {
  const Checkpoint file = open_checkpoint(paths.base);
  config_ = config_of(file);
  if (paths.prediction != "auto") {
    config_.prediction = paths.prediction == "v" ? ModelPrediction::v : ModelPrediction::epsilon;
  }
  base_ = describe_file(paths.base);
  load_text(file.tensors, file.path);
  unet_ = std::make_unique<UNet>(config_.unet);
  load_part(*unet_, file.tensors, file.path, kUNetPrefix);
  vae_ = std::make_unique<Vae>(config_.vae);
  load_part(*vae_, file.tensors, file.path, kVaePrefix);
  for (const KindPath& control : paths.controls) load_control(control, paths, file.tensors);
  if (!paths.one_run) sources_.clear();
}

void ModelSet::load_text(const StateDict& state, const std::string& where) {
  if (config_.text_kind == TextKind::openclip) {
    openclip_ = std::make_unique<OpenClipTextEncoder>(config_.text);
    return load_part(*openclip_, state, where, kOpenClipPrefix);
  }
  if (config_.limited_vocabulary) {
    const auto ids = state.find(kTokenIdsKey);
    if (ids == state.end())
      throw Error(ErrorKind::bad_file, where, fmt::format("`{}` is missing", kTokenIdsKey));
    token_ids_ = ids->second.to(at::kInt).contiguous();
    if (token_ids_.dim() != 1 || token_ids_.numel() > config_.text.vocabulary) {
      throw Error(ErrorKind::bad_file, where,
                  fmt::format("`{}` does not fit the vocabulary", kTokenIdsKey));
    }
  }
  clip_ = std::make_unique<ClipTextEncoder>(config_.text);
  load_part(*clip_, state, where, kClipPrefix);
}

void ModelSet::load_control(const KindPath& source, const ModelPaths& paths,
                            const StateDict& base_state) {
  LoadedControl& control = controls_.emplace_back(source.kind, config_.unet);
  if (source.path.empty() || source.path == paths.base) {
    control.file = base_;
    return load_part(control.net, base_state, base_.path, kControlPrefix);
  }
  const Checkpoint file = open_checkpoint(source.path);
  control.file = describe_file(source.path);
  if (!file.probe.has(PartKind::control)) {
    throw Error(ErrorKind::bad_file, file.path,
                fmt::format("is no ControlNet: {}", file.probe.description));
  }
  const LoadReport report = compare(control.net, file.tensors, kControlPrefix);
  if (!report.misshapen.empty() && file.probe.context_width != config_.unet.context_dim) {
    throw_wrong_family(file.path, file.probe, config_, base_.path);
  }
  load_part(control.net, file.tensors, file.path, kControlPrefix);
}

void ModelSet::load_part(Module& module, const StateDict& state, const std::string& where,
                         std::string_view prefix) {
  try {
    load_strict(module, state, where, prefix);
  } catch (const Error& error) {
    throw Error(error.kind(), error.where(),
                fmt::format("does not fit the architecture {}: {}", config_.name, error.text()));
  }
  sources_.push_back({&module, state_of(module)});
}

const LoadedControl& ModelSet::control(std::string_view kind) const {
  const auto found = std::find_if(controls_.begin(), controls_.end(),
                                  [&](const LoadedControl& c) { return c.kind == kind; });
  ZC_BUG_IF(found == controls_.end());
  return *found;
}

at::Tensor ModelSet::encode_text(const at::Tensor& ids) const {
  if (openclip_) return openclip_->forward(ids, config_.text_layer);
  return clip_->forward(config_.limited_vocabulary ? map_token_ids(ids, token_ids_) : ids,
                        config_.text_layer);
}

bool ModelSet::knows_token(int64_t id) const {
  if (!config_.limited_vocabulary) return true;
  const int32_t* ids = token_ids_.const_data_ptr<int32_t>();
  return std::find(ids + 1, ids + token_ids_.numel(), static_cast<int32_t>(id)) !=
         ids + token_ids_.numel();
}

int64_t ModelSet::side_multiple() const {
  return config_.vae.downscale() << (config_.unet.channel_mult.size() - 1);
}

int64_t ModelSet::parameter_count() const {
  int64_t count = unet_->parameter_count() + vae_->parameter_count();
  count += clip_ ? clip_->parameter_count() : openclip_->parameter_count();
  for (const LoadedControl& control : controls_) count += control.net.parameter_count();
  return count;
}

void ModelSet::give_back(Module& module) const {
  for (const Source& source : sources_) {
    if (source.module == &module) load_strict(*source.module, source.weights, base_.path);
  }
}

void ModelSet::finished_text() const {
  if (sources_.empty()) return;
  give_back(clip_ ? static_cast<Module&>(*clip_) : *openclip_);
  malloc_trim(0);
}

void ModelSet::finished_denoising() const {
  if (sources_.empty()) return;
  give_back(*unet_);
  for (const Source& source : sources_) {
    if (source.module != clip_.get() && source.module != openclip_.get() &&
        source.module != vae_.get())
      give_back(*source.module);
  }
  malloc_trim(0);
}

}  // namespace zc
