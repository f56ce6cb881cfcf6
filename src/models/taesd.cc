// SPDX-License-Identifier: Apache-2.0
#include "models/taesd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tanh.h>
#include <fmt/format.h>

#include "base/error.h"
#include "models/unet_blocks.h"
#include "tensor/shapes.h"

namespace zc {

Taesd::Block::Block(Module& parent, std::string_view key, int64_t channels)
    : Module(parent, key),
      in(*this, "conv.0", channels, channels, 3),
      middle(*this, "conv.2", channels, channels, 3),
      out(*this, "conv.4", channels, channels, 3) {}

at::Tensor Taesd::Block::operator()(const at::Tensor& x) const {
  return at::relu(out(at::relu(middle(at::relu(in(x))))) + x);
}

Taesd::Taesd(const TaesdConfig& config, Half half) : config_(config) {
  if (half != Half::decoder) add_encoder();
  if (half != Half::encoder) add_decoder();
}

// Layer numbers count everything that the original puts into its nn.Sequential.
void Taesd::add_encoder() {
  int64_t layer = 0;
  const auto key = [&] { return fmt::format("encoder.layers.{}", layer++); };
  for (int64_t level = 0; level < 4; ++level) {
    Stage& stage = encoder_.emplace_back();
    if (level == 0) {
      stage.conv.emplace(*this, key(), config_.image_channels, config_.channels, 3);
    } else {
      stage.conv.emplace(*this, key(), config_.channels, config_.channels, 3, 2, 1, /*bias=*/false);
    }
    const int64_t count = level == 0 ? 1 : config_.blocks;
    for (int64_t i = 0; i < count; ++i) stage.blocks.emplace_back(*this, key(), config_.channels);
  }
  encoder_.emplace_back().conv.emplace(*this, key(), config_.channels, config_.latent_channels, 3);
}

void Taesd::add_decoder() {
  int64_t layer = 0;
  const auto key = [&] { return fmt::format("decoder.layers.{}", layer++); };
  for (int64_t level = 0; level < 4; ++level) {
    Stage& stage = decoder_.emplace_back();
    if (level == 0) {
      stage.conv.emplace(*this, key(), config_.latent_channels, config_.channels, 3);
    } else {
      stage.conv.emplace(*this, key(), config_.channels, config_.channels, 3, 1, 1, /*bias=*/false);
    }
    if (level == 0) ++layer;  // ReLU
    const int64_t count = level == 3 ? 1 : config_.blocks;
    for (int64_t i = 0; i < count; ++i) stage.blocks.emplace_back(*this, key(), config_.channels);
    if (level < 3) ++layer;  // upsampling
  }
  decoder_.emplace_back().conv.emplace(*this, key(), config_.channels, config_.image_channels, 3);
}

at::Tensor Taesd::encode(const at::Tensor& image) const {
  ZC_BUG_IF(encoder_.empty());
  check_shape(image, "image", {"B", config_.image_channels, "H", "W"});
  at::Tensor h = channels_last((image + 1.0) * 0.5);
  for (const Stage& stage : encoder_) {
    h = (*stage.conv)(h);
    for (const Block& block : stage.blocks) h = block(h);
  }
  return h;
}

at::Tensor Taesd::decode(const at::Tensor& latent) const {
  ZC_BUG_IF(decoder_.empty());
  check_shape(latent, "latent", {"B", config_.latent_channels, "H", "W"});
  at::Tensor h = at::tanh(channels_last(latent) / 3.0) * 3.0;
  for (size_t i = 0; i < decoder_.size(); ++i) {
    h = (*decoder_[i].conv)(i > 0 && i < 4 ? ops::upsample_twice(h) : h);
    if (i == 0) h = at::relu(h);
    for (const Block& block : decoder_[i].blocks) h = block(h);
  }
  return h * 2.0 - 1.0;
}

}  // namespace zc
