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
#include "formats/quantized.h"
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

}  // namespace

DiffusionModel read_diffusion_model(const std::filesystem::path& path) {
  const SafetensorsFile file = read_safetensors(path);
  const auto description = file.metadata.find(kModelMetadataKey);
  if (description == file.metadata.end()) {
    throw Error(ErrorKind::bad_file, path.string(),
                "holds no description of a model that zeroconv trained");
  }
  const auto json = parse_json(description->second);
  DiffusionModel model;
  model.config = model_config_from_json(json, path.string());
  const StateDict state = dequantize(file.tensors);
  read_part(model.unet, model.config.unet, state, kUNetPrefix, path.string());
  read_part(model.text, model.config.text, state, kClipPrefix, path.string());
  read_part(model.vae, model.config.vae, state, kVaePrefix, path.string());
  const auto ids = state.find(kTokenIdsKey);
  if (ids != state.end()) model.token_ids = ids->second.to(at::kInt);
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
