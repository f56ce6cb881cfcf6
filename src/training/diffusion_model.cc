// SPDX-License-Identifier: Apache-2.0
#include "training/diffusion_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "formats/checkpoint.h"
#include "pipelines/base_model.h"
#include "tensor/device.h"
#include "tensor/load.h"

namespace zc {
namespace {

bool holds(const StateDict& state, std::string_view prefix) {
  const auto first = state.lower_bound(prefix);
  return first != state.end() && first->first.starts_with(prefix);
}

template <class Part, class Config>
void read_part(std::unique_ptr<Part>& part, const Config& config, const StateDict& state,
               std::string_view prefix, const std::string& where) {
  if (!holds(state, prefix)) return;
  part = std::make_unique<Part>(config);
  load_strict(*part, state, where, prefix);
}

void set_precision(StateDict& state, const std::string& precision) {
  if (precision == "file") return;
  if (precision != "fp32" && precision != "fp16") {
    throw Error(ErrorKind::bad_request, "--base-precision",
                fmt::format("unknown `{}`; file, fp32 or fp16", precision));
  }
  const auto dtype = precision == "fp16" ? at::kHalf : at::kFloat;
  for (auto& [key, value] : state) {
    if (at::isFloatingType(value.scalar_type())) value = value.to(dtype);
  }
}

// Only what the three parts need: a whole ControlNet checkpoint, or one with an average, holds
// gigabytes more.
void forget_other_parts(StateDict& state) {
  std::erase_if(state, [](const auto& entry) {
    return !entry.first.starts_with(kUNetPrefix) && !entry.first.starts_with(kVaePrefix) &&
           !entry.first.starts_with("cond_stage_model.");
  });
}

}  // namespace

Module* DiffusionModel::text_module() const {
  if (openclip) return openclip.get();
  return text.get();
}

at::Tensor DiffusionModel::text_forward(const at::Tensor& ids) const {
  ZC_BUG_IF(text_module() == nullptr);
  return openclip ? openclip->forward(ids, config.text_layer)
                  : text->forward(ids, config.text_layer);
}

DiffusionModel read_diffusion_model(const std::filesystem::path& path,
                                    const ReadModelOptions& options) {
  Checkpoint file = open_checkpoint(path);
  if (file.probe.family == ModelFamily::sdxl) {
    throw Error(
        ErrorKind::unsupported, file.path,
        fmt::format("is a {}; training supports Stable Diffusion 1.x and 2.x and the models "
                    "of zeroconv",
                    file.probe.description));
  }
  DiffusionModel model;
  model.config = base_model_config(file);
  set_prediction(model.config, options.prediction);
  forget_other_parts(file.tensors);
  set_precision(file.tensors, options.base_precision);
  read_part(model.unet, model.config.unet, file.tensors, kUNetPrefix, file.path);
  if (model.config.text_kind == TextKind::openclip) {
    read_part(model.openclip, model.config.text, file.tensors, kOpenClipPrefix, file.path);
  } else {
    read_part(model.text, model.config.text, file.tensors, kClipPrefix, file.path);
  }
  read_part(model.vae, model.config.vae, file.tensors, kVaePrefix, file.path);
  if (model.text != nullptr && model.config.limited_vocabulary)
    model.token_ids = read_token_ids(file.tensors, model.config, file.path);
  return model;
}

void write_diffusion_model(const std::filesystem::path& path, const DiffusionModel& model) {
  StateDict state;
  const auto add = [&](const Module* part, std::string_view prefix) {
    if (part == nullptr) return;
    for (auto& [key, value] : state_of(*part, prefix)) state[key] = value.contiguous();
  };
  add(model.unet.get(), kUNetPrefix);
  add(model.text.get(), kClipPrefix);
  add(model.openclip.get(), kOpenClipPrefix);
  add(model.vae.get(), kVaePrefix);
  if (model.token_ids.defined()) state[std::string(kTokenIdsKey)] = model.token_ids;
  write_safetensors(path, state,
                    {{std::string(kModelMetadataKey), json_text(to_json(model.config))}});
}

at::Tensor sample_latent(const at::Tensor& moments, double scale_factor, at::Generator& generator) {
  const auto parts = moments.to(at::kFloat).chunk(2, 1);
  const at::Tensor noise = normal_numbers(parts[0].sizes(), generator, moments.device());
  return scale_factor * (parts[0] + at::exp(0.5 * parts[1]) * noise);
}

at::Tensor sample_latent(const at::Tensor& moments, double scale_factor, const BatchPlace& place) {
  const auto parts = moments.to(at::kFloat).chunk(2, 1);
  const at::Tensor noise =
      keyed_noise(parts[0].sizes(), place, RandomUse::latent, moments.device());
  return scale_factor * (parts[0] + at::exp(0.5 * parts[1]) * noise);
}

at::Tensor images_to_tensor(const std::vector<Image>& images) {
  ZC_BUG_IF(images.empty());
  const int width = images[0].width, height = images[0].height;
  at::Tensor bytes = at::empty({static_cast<int64_t>(images.size()), height, width, 3}, at::kByte);
  for (size_t i = 0; i < images.size(); ++i) {
    ZC_BUG_IF(images[i].width != width || images[i].height != height || images[i].channels != 3);
    std::memcpy(bytes.mutable_data_ptr<uint8_t>() + i * images[i].pixels.size(),
                images[i].pixels.data(), images[i].pixels.size());
  }
  return bytes.permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1.0;
}

std::vector<Image> tensor_to_images(const at::Tensor& x) {
  const at::Tensor bytes = at::clamp(x.detach().to(at::kFloat) * 127.5 + 127.5, 0.0, 255.0)
                               .to(at::kByte)
                               .permute({0, 2, 3, 1})
                               .cpu()
                               .contiguous();
  std::vector<Image> images;
  for (int64_t i = 0; i < bytes.size(0); ++i) {
    Image image(static_cast<int>(bytes.size(2)), static_cast<int>(bytes.size(1)), 3);
    std::memcpy(image.pixels.data(), bytes[i].const_data_ptr<uint8_t>(), image.pixels.size());
    images.push_back(std::move(image));
  }
  return images;
}

}  // namespace zc
