// SPDX-License-Identifier: Apache-2.0
#include "models/controlnet.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <cmath>

#include "tensor/shapes.h"

namespace zc {

HintEncoder::HintEncoder(Module& parent, std::string_view key, int64_t hint_channels,
                         int64_t out_channels)
    : Module(parent, key) {
  struct Layer {
    int64_t out, stride;
  };
  const std::vector<Layer> layers = {{16, 1}, {16, 1}, {32, 2},  {32, 1},
                                     {96, 2}, {96, 1}, {256, 2}, {out_channels, 1}};
  int64_t in = hint_channels;
  for (const Layer& layer : layers) {
    convs_.emplace_back(*this, fmt::format("{}", 2 * convs_.size()), in, layer.out, 3,
                        layer.stride);
    in = layer.out;
  }
}

at::Tensor HintEncoder::operator()(const at::Tensor& hint) const {
  at::Tensor h = convs_.front()(hint);
  for (size_t i = 1; i < convs_.size(); ++i) h = convs_[i](ops::silu(h));
  return h;
}

ControlNet::ControlNet(const UNetConfig& config)
    : config_(config),
      encoder_(*this, config),
      hint_(*this, "input_hint_block", config.hint_channels, config.model_channels),
      middle_zero_conv_(*this, "middle_block_out.0", encoder_.channels().back(),
                        encoder_.channels().back(), 1) {
  for (const int64_t channels : encoder_.channels()) {
    zero_convs_.emplace_back(*this, fmt::format("zero_convs.{}.0", zero_convs_.size()), channels,
                             channels, 1);
  }
}

at::Tensor ControlNet::embed(const at::Tensor& t, const at::Tensor& label) const {
  return encoder_.embed(t, label);
}

at::Tensor ControlNet::encode_hint(const at::Tensor& hint) const {
  check_shape(hint, "hint", {"B", config_.hint_channels, "H", "W"});
  return hint_(channels_last(hint));
}

Residuals ControlNet::forward(const at::Tensor& x, const at::Tensor& features,
                              const at::Tensor& emb, Context& context) const {
  check_shape(x, "x", {"B", config_.in_channels, "H", "W"});
  Residuals residuals;
  at::Tensor h = channels_last(x);
  for (size_t i = 0; i < encoder_.stages().size(); ++i) {
    h = encoder_.stages()[i](h, emb, context);
    if (i == 0) h = h + features;  // the hint joins once, before the first zero convolution
    residuals.push_back(zero_convs_[i](h));
  }
  residuals.push_back(middle_zero_conv_(encoder_.middle(h, emb, context)));
  return residuals;
}

std::vector<double> guess_mode_scales(size_t count, double strength) {
  std::vector<double> scales(count);
  for (size_t i = 0; i < count; ++i)
    scales[i] = strength * std::pow(0.825, static_cast<double>(count - 1 - i));
  return scales;
}

}  // namespace zc
