// SPDX-License-Identifier: Apache-2.0
#include "pipelines/model_set.h"

#include <algorithm>
#include <array>

#include <ATen/ops/eq.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "formats/checkpoint.h"
#include "pipelines/base_model.h"
#include "tensor/device_memory.h"
#include "tensor/load.h"
#include "tensor/page_allocator.h"

namespace zc {
namespace {

LoadedFile describe_file(const std::filesystem::path& path) {
  return {path.string(), path.stem().string(), file_fingerprint(path)};
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

// Hints are given in [0,1], as the original trains (tutorial_dataset.py). A network that learned
// with other values would follow the map badly without a word.
void check_hint_range(const Checkpoint& file) {
  const auto range = file.metadata.find(kHintRangeMetadataKey);
  if (range == file.metadata.end() || range->second == "0,1") return;
  throw Error(ErrorKind::unsupported, file.path,
              fmt::format("was trained with maps in the range {}; wanted 0,1",
                          printable(range->second, 40)));
}

bool begins_at_noise(const Metadata& metadata) {
  const auto own = metadata.find(kZeroTerminalMetadataKey);
  return own != metadata.end() && own->second == "true";
}

}  // namespace

std::shared_ptr<const ModelSet> load_models(const ModelPaths& paths) {
  return std::make_shared<const ModelSet>(paths);
}

ModelSet::ModelSet(const ModelPaths& paths) : place_(network_place(paths.device, paths.network)) {
  load_base(paths);
}

void ModelSet::load_base(const ModelPaths& paths) {
  const Checkpoint file = open_checkpoint(paths.base);
  config_ = base_model_config(file);
  set_prediction(config_, paths.prediction);
  base_ = describe_file(paths.base);
  zero_terminal_snr_ = begins_at_noise(file.metadata);
  load_text(file.tensors, file.path);
  unet_ = std::make_unique<UNet>(config_.unet);
  load_part(*unet_, file.tensors, file.path, kUNetPrefix);
  vae_ = std::make_unique<Vae>(config_.vae);
  load_part(*vae_, file.tensors, file.path, kVaePrefix);
  for (const KindPath& control : paths.controls) load_control(control, paths, file.tensors);
  const bool as_loaded = place_.on_cpu() && place_.type == at::kFloat;
  waits_ = paths.one_run && !as_loaded;
  if (!waits_ && !as_loaded) place_parts();
  if (!paths.one_run) sources_.clear();
}

void ModelSet::place_parts() {
  for (const Source& source : sources_) {
    const bool denoises = source.module != vae_.get() && source.module != &text_encoder();
    move_weights(*source.module, place_.device, denoises ? place_.type : at::kFloat);
    for (const auto& [key, weight] : source.weights)
      release_mapped_pages(weight.const_data_ptr(), weight.nbytes());
  }
}

void ModelSet::load_text(const StateDict& state, const std::string& where) {
  if (config_.text_kind == TextKind::openclip) {
    openclip_ = std::make_unique<OpenClipTextEncoder>(config_.text);
    return load_part(*openclip_, state, where, kOpenClipPrefix);
  }
  if (config_.limited_vocabulary) token_ids_ = read_token_ids(state, config_, where);
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
  check_hint_range(file);
  control.zero_terminal_snr = begins_at_noise(file.metadata);
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

at::Tensor ModelSet::encode_text(const at::Tensor& ids, int64_t clip_skip) const {
  check_clip_skip(clip_skip);
  const at::Device device = text_encoder().device();
  if (openclip_) return openclip_->forward(ids.to(device), config_.text_layer);
  const at::Tensor known =
      (config_.limited_vocabulary ? map_token_ids(ids, token_ids_) : ids).to(device);
  if (clip_skip == 1) return clip_->forward(known, config_.text_layer);
  return clip_->forward_skip(known, clip_skip);
}

void ModelSet::check_clip_skip(int64_t skip) const {
  if (skip == 1) return;
  if (openclip_) {
    throw Error(
        ErrorKind::bad_request, "clip_skip",
        fmt::format("is {}; this model's text encoder is OpenCLIP, of which always the last "
                    "but one layer counts: leave it at 1",
                    skip));
  }
  const int64_t layers = clip_->config().layers;
  if (skip >= 1 && skip <= layers) return;
  throw Error(ErrorKind::bad_request, "clip_skip",
              fmt::format("is {}, but this model's text encoder has {} layers: wanted 1 to {}",
                          skip, layers, layers));
}

const LatentColours& ModelSet::latent_colours() const {
  std::call_once(colours_made_, [&] { colours_ = zc::latent_colours(config_, *vae_); });
  return colours_;
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

const Module& ModelSet::text_encoder() const {
  return clip_ ? static_cast<const Module&>(*clip_) : *openclip_;
}

std::vector<Module*> ModelSet::text_encoders() const {
  return {clip_ ? static_cast<Module*>(clip_.get()) : openclip_.get()};
}

std::vector<Module*> ModelSet::denoising_networks() const {
  const std::vector<Module*> text = text_encoders();
  std::vector<Module*> networks;
  for (const Source& source : sources_) {
    if (source.module != vae_.get() && source.module != text.front())
      networks.push_back(source.module);
  }
  return networks;
}

void ModelSet::give_back(const std::vector<Module*>& modules) const {
  for (const Source& source : sources_) {
    if (std::find(modules.begin(), modules.end(), source.module) == modules.end()) continue;
    load_strict(*source.module, source.weights, base_.path);
    for (const auto& [key, weight] : source.weights)
      release_mapped_pages(weight.const_data_ptr(), weight.nbytes());
  }
}

void ModelSet::finished_text() const {
  if (!sources_.empty()) give_back(text_encoders());
}

void ModelSet::finished_denoising() const {
  if (sources_.empty()) return;
  device_stream_.reset();
  give_back(denoising_networks());
  if (!waits_) return;
  give_back_device_memory(place_.device);
  place_decoder();
}

void ModelSet::stream_weights() const {
  if (sources_.empty() || waits_ || !streams_.empty()) return;
  streams_.emplace_back(text_encoders());
  streams_.emplace_back(denoising_networks());
  streams_.emplace_back(std::vector<Module*>{vae_.get()});
}

DeviceStreamPlan ModelSet::device_plan(int64_t bytes_for_weights) const {
  const std::vector<Module*> networks = denoising_networks();
  return plan_device_stream({networks.begin(), networks.end()}, place_.type, bytes_for_weights);
}

void ModelSet::place_networks(const DeviceStreamPlan& plan) const {
  if (!waits_) return;
  device_stream_.reset();  // of a run that did not come to its end
  if (plan.ring > 0) give_back({vae_.get()});
  // The networks that a hint or a step uses first.
  std::vector<Module*> networks = denoising_networks();
  std::rotate(networks.begin(), networks.begin() + 1, networks.end());
  device_stream_ = std::make_unique<DeviceStream>(networks, place_.device, place_.type, plan);
  if (!device_stream_->streams()) place_decoder();
}

void ModelSet::place_decoder() const {
  move_weights(*vae_, place_.device, at::kFloat);
}

void ModelSet::begin_turn() const {
  if (device_stream_) device_stream_->begin_turn();
}

}  // namespace zc
