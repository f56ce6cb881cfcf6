// SPDX-License-Identifier: Apache-2.0
#include "annotators/csp_blocks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/silu.h>
#include <fmt/format.h>

namespace zc {
namespace {

constexpr int64_t kFirstWidth = 64;  // what the first stage is given; each stage doubles it

// The largest of each kernel x kernel window; the size stays.
at::Tensor largest_around(const at::Tensor& x, int64_t kernel) {
  return at::max_pool2d(x, {kernel, kernel}, {1, 1}, {kernel / 2, kernel / 2});
}

}  // namespace

ConvNormSilu::ConvNormSilu(Module& parent, std::string_view key, const CspStyle& style,
                           const Options& o)
    : Module(parent, key),
      conv_(
          *this, {"conv", "bn"},
          {.in = o.in,
           .out = o.out,
           .kernel = o.kernel,
           .conv = {.stride = o.stride, .padding = o.kernel / 2, .groups = o.groups, .bias = false},
           .eps = style.norm_eps}) {}

at::Tensor ConvNormSilu::operator()(const at::Tensor& x) const {
  at::Tensor h = conv_(x);
  return at::silu_(h);
}

CspBlock::CspBlock(Module& parent, std::string_view key, const CspStyle& style, int64_t channels,
                   bool shortcut)
    : Module(parent, key), shortcut_(shortcut) {
  const auto add = [&](std::string_view name, int64_t kernel, int64_t groups = 1) {
    convs_.emplace_back(
        *this, name, style,
        ConvNormSilu::Options{.in = channels, .out = channels, .kernel = kernel, .groups = groups});
  };
  if (style.block == CspStyle::Block::darknet) {
    add("conv1", 1);
    add("conv2", 3);
  } else {
    add("conv1", 3);
    add("conv2.depthwise_conv", 5, channels);
    add("conv2.pointwise_conv", 1);
  }
}

at::Tensor CspBlock::operator()(const at::Tensor& x) const {
  at::Tensor h = x;
  for (const ConvNormSilu& conv : convs_) h = conv(h);
  return shortcut_ ? x + h : h;
}

CspLayer::CspLayer(Module& parent, std::string_view key, const CspStyle& style, const Options& o)
    : Module(parent, key),
      main_(*this, "main_conv", style, {.in = o.in, .out = o.out / 2}),
      short_(*this, "short_conv", style, {.in = o.in, .out = o.out / 2}),
      final_(*this, "final_conv", style, {.in = o.out, .out = o.out}) {
  for (int i = 0; i < o.blocks; ++i) {
    blocks_.emplace_back(*this, fmt::format("blocks.{}", i), style, o.out / 2, o.shortcut);
  }
  if (style.block == CspStyle::Block::next)
    attention_.emplace(*this, "attention.fc", o.out, o.out, 1);
}

at::Tensor CspLayer::operator()(const at::Tensor& x) const {
  at::Tensor h = main_(x);
  for (const CspBlock& block : blocks_) h = block(h);
  h = at::cat({h, short_(x)}, 1);  // [B,C',H,W]
  if (attention_) h = h * at::hardsigmoid((*attention_)(h.mean({2, 3}, /*keepdim=*/true)));
  return final_(h);
}

SpatialPyramid::SpatialPyramid(Module& parent, std::string_view key, const CspStyle& style,
                               int64_t channels)
    : Module(parent, key),
      conv1_(*this, "conv1", style, {.in = channels, .out = channels / 2}),
      conv2_(*this, "conv2", style, {.in = channels * 2, .out = channels}) {}

at::Tensor SpatialPyramid::operator()(const at::Tensor& x) const {
  const at::Tensor h = conv1_(x);
  return conv2_(at::cat({h, largest_around(h, 5), largest_around(h, 9), largest_around(h, 13)}, 1));
}

CspStages::CspStages(Module& owner, const CspStyle& style, const std::array<int, 4>& blocks)
    : Module(owner, "backbone") {
  int64_t in = kFirstWidth;
  for (int stage = 1; stage <= 4; ++stage, in *= 2) {
    const int64_t out = 2 * in;
    const bool last = stage == 4;
    shrink_.emplace_back(*this, fmt::format("stage{}.0", stage), style,
                         ConvNormSilu::Options{.in = in, .out = out, .kernel = 3, .stride = 2});
    if (last) pyramid_.emplace(*this, fmt::format("stage{}.1", stage), style, out);
    layers_.emplace_back(
        *this, fmt::format("stage{}.{}", stage, last ? 2 : 1), style,
        CspLayer::Options{.in = out, .out = out, .blocks = blocks[stage - 1], .shortcut = !last});
  }
}

std::array<at::Tensor, 4> CspStages::forward(const at::Tensor& x, Taps* taps) const {
  std::array<at::Tensor, 4> levels;
  at::Tensor h = x;
  for (size_t i = 0; i < levels.size(); ++i) {
    h = shrink_[i](h);
    if (i + 1 == levels.size()) h = (*pyramid_)(h);
    h = layers_[i](h);
    record(taps, fmt::format("layer.backbone.stage{}", i + 1), h);
    levels[i] = h;
  }
  return levels;
}

}  // namespace zc
