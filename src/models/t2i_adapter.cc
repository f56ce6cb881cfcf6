// SPDX-License-Identifier: Apache-2.0
#include "models/t2i_adapter.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/pixel_unshuffle.h>
#include <ATen/ops/relu.h>
#include <fmt/format.h>

#include "base/error.h"
#include "models/unet_blocks.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int64_t kUnshuffle = 8;  // pixels of a latent's side

}  // namespace

T2iAdapter::Block::Block(Module& parent, std::string_view key, int64_t in, int64_t out, bool halve)
    : Module(parent, key),
      down(halve),
      block1(*this, "block1", out, out, 3),
      block2(*this, "block2", out, out, 1) {
  if (in != out) in_conv.emplace(*this, "in_conv", in, out, 1);
}

at::Tensor T2iAdapter::Block::operator()(const at::Tensor& x) const {
  at::Tensor h = down ? at::avg_pool2d(x, {2, 2}, {2, 2}, {0, 0}, /*ceil_mode=*/true) : x;
  if (in_conv) h = (*in_conv)(h);
  return block2(at::relu(block1(h))) + h;
}

T2iAdapter::T2iAdapter(const T2iAdapterConfig& config)
    : config_(config),
      conv_in_(*this, "conv_in", config.hint_channels * kUnshuffle * kUnshuffle,
               config.channels.front(), 3) {
  int64_t in = config.channels.front();
  for (size_t level = 0; level < config.channels.size(); ++level) {
    for (int64_t i = 0; i < config.blocks; ++i) {
      body_.emplace_back(*this, fmt::format("body.{}", body_.size()), in, config.channels[level],
                         level > 0 && i == 0);
      in = config.channels[level];
    }
  }
}

std::vector<at::Tensor> T2iAdapter::forward(const at::Tensor& hint) const {
  check_shape(hint, "hint", {"B", config_.hint_channels, "H", "W"});
  if (hint.size(2) % kUnshuffle != 0 || hint.size(3) % kUnshuffle != 0) {
    throw Error(
        ErrorKind::bad_request, "hint",
        fmt::format("is {}x{}, wanted multiples of {}", hint.size(3), hint.size(2), kUnshuffle));
  }
  std::vector<at::Tensor> features;
  at::Tensor h = conv_in_(channels_last(at::pixel_unshuffle(hint, kUnshuffle)));
  for (size_t i = 0; i < body_.size(); ++i) {
    h = body_[i](h);
    if ((i + 1) % static_cast<size_t>(config_.blocks) == 0) features.push_back(h);
  }
  return features;
}

}  // namespace zc
