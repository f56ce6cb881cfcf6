// SPDX-License-Identifier: Apache-2.0
#include "models/controlnet.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "tensor/shapes.h"

namespace zc {

HintEncoder::HintEncoder(Module& parent, std::string_view key, const UNetConfig& config)
    : Module(parent, key) {
  constexpr std::array<int64_t, 8> kStrides = {1, 1, 2, 1, 2, 1, 2, 1};
  std::vector<int64_t> widths = config.hint_widths;
  widths.push_back(config.model_channels);
  ZC_BUG_IF(widths.size() != kStrides.size());
  int64_t in = config.hint_channels;
  for (size_t i = 0; i < widths.size(); ++i) {
    convs_.emplace_back(*this, fmt::format("{}", 2 * i), in, widths[i], 3, kStrides[i]);
    in = widths[i];
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
      hint_(*this, "input_hint_block", config),
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
