// SPDX-License-Identifier: Apache-2.0
// For tests: a model of a few thousand random weights in the files of the built-in one, so that
// everything runs in moments.
#pragma once

#include <cmath>
#include <filesystem>
#include <string>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <nlohmann/json.hpp>

#include "formats/quantized.h"
#include "formats/safetensors.h"
#include "image/image.h"
#include "models/controlnet.h"
#include "models/model_config.h"
#include "models/tokenizer.h"
#include "pipelines/model_paths.h"
#include "tensor/load.h"

namespace zc {

inline ModelConfig tiny_config() {
  ModelConfig c;
  c.name = "tiny";
  c.unet.model_channels = 32;
  c.unet.channel_mult = {1, 2};
  c.unet.num_res_blocks = 1;
  c.unet.transformer_depth = {0, 1};
  c.unet.num_heads = 2;
  c.unet.context_dim = 32;
  c.vae.channels = 16;
  c.vae.channel_mult = {1, 1, 1, 1};
  c.vae.num_res_blocks = 1;
  c.vae.norm_groups = 8;
  c.text = {.vocabulary = 64, .width = 32, .layers = 1, .heads = 2, .positions = 77};
  c.prediction = decltype(c.prediction)::v;
  c.image_size = 64;
  c.limited_vocabulary = true;
  return c;
}

inline void randomize(Module& module, uint64_t seed) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  module.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
    if (p.shape().size() < 2) {
      p.set(key.ends_with("weight") ? at::ones(p.shape()) : at::zeros(p.shape()));
      return;
    }
    const double fan_in = static_cast<double>(p.numel() / p.shape()[0]);
    p.set(at::randn(p.shape(), generator) / std::sqrt(fan_in));
  }));
}

inline void write_model(const std::filesystem::path& path, const StateDict& state,
                        const ModelConfig& config) {
  write_safetensors(
      path, quantize(state),
      {{std::string(kModelMetadataKey), to_json(config).dump()}, {kQuantizationKey, kInt8Channel}});
}

// <folder>/base.safetensors; it knows the words of "a red house by the sea".
inline void write_tiny_base(const std::filesystem::path& folder) {
  const ModelConfig config = tiny_config();
  UNet unet(config.unet);
  Vae vae(config.vae);
  ClipTextEncoder text(config.text);
  randomize(unet, 1);
  randomize(vae, 2);
  randomize(text, 3);
  StateDict state = state_of(unet, kUNetPrefix);
  state.merge(state_of(vae, kVaePrefix));
  state.merge(state_of(text, kClipPrefix));
  std::vector<int32_t> ids = {-1, kBeginOfText, kEndOfText};
  for (const int64_t id : Tokenizer(find_vocabulary()).encode("a red house by the sea,"))
    ids.push_back(static_cast<int32_t>(id));
  ids.resize(static_cast<size_t>(config.text.vocabulary), -1);
  state[std::string(kTokenIdsKey)] = at::tensor(ids, at::kInt);
  write_model(folder / "base.safetensors", state, config);
}

// <folder>/<name>: a ControlNet; its zero convolutions are zero, as before training, or not.
inline void write_tiny_control(const std::filesystem::path& folder, const std::string& name,
                               bool zero) {
  const ModelConfig config = tiny_config();
  ControlNet control(config.unet);
  randomize(control, 4);
  if (zero) {
    control.visit(Module::Visitor([](const std::string& key, Parameter& p) {
      if (key.starts_with("zero_convs") || key.starts_with("middle_block_out"))
        p.set(at::zeros(p.shape()));
    }));
  }
  write_model(folder / name, state_of(control, kControlPrefix), config);
}

// Light rectangles on a dark ground.
inline Image test_photo(int width, int height) {
  Image photo(width, height, 3, 40);
  for (int y = height / 4; y < height * 3 / 4; ++y) {
    for (int x = width / 3; x < width * 2 / 3; ++x) std::fill_n(photo.at(x, y), 3, uint8_t{220});
  }
  return photo;
}

}  // namespace zc
