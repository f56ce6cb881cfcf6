// SPDX-License-Identifier: Apache-2.0
#include "annotators/mlsd_blocks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <fmt/format.h>

#include <string>

namespace zc {
namespace {

constexpr int64_t kWidth = 64;  // of each map in the decoder

// The rows of MobileNetV2's table: the first of `repeat` residuals has the stride.
struct Stage {
  int64_t expansion, out, repeat, stride;
};
constexpr Stage kStages[] = {
    {1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}};

}  // namespace

MlsdConv::MlsdConv(Module& parent, std::string_view key, const Options& o)
    : Module(parent, key),
      stride_(o.stride),
      conv_(*this, {"0", "1"},
            {.in = o.in,
             .out = o.out,
             .kernel = o.kernel,
             .conv = {.stride = o.stride,
                      .padding = o.stride == 2 ? 0 : (o.kernel - 1) / 2,
                      .groups = o.groups,
                      .bias = false}}) {}

at::Tensor MlsdConv::operator()(const at::Tensor& x) const {
  // TensorFlow Lite, where the network comes from, pads right and bottom only.
  const at::Tensor source = stride_ == 2 ? at::constant_pad_nd(x, {0, 1, 0, 1}, 0) : x;
  return conv_(source).clamp_(0, 6);
}

MlsdResidual::MlsdResidual(Module& parent, std::string_view key, const Options& o)
    : Module(parent, key), shortcut_(o.stride == 1 && o.in == o.out) {
  const int64_t hidden = o.in * o.expansion;
  int next = 0;
  const auto next_key = [&next] { return fmt::format("conv.{}", next++); };
  if (o.expansion != 1) {
    convs_.emplace_back(*this, next_key(),
                        MlsdConv::Options{.in = o.in, .out = hidden, .kernel = 1});
  }
  convs_.emplace_back(
      *this, next_key(),
      MlsdConv::Options{.in = hidden, .out = hidden, .stride = o.stride, .groups = hidden});
  const std::string project = next_key(), norm = next_key();
  project_.emplace(
      *this, NormedConv::Keys{project, norm},
      NormedConv::Options{.in = hidden, .out = o.out, .kernel = 1, .conv = {.bias = false}});
}

at::Tensor MlsdResidual::operator()(const at::Tensor& x) const {
  at::Tensor h = x;
  for (const MlsdConv& conv : convs_) h = conv(h);
  h = (*project_)(h);
  return shortcut_ ? x + h : h;
}

MlsdBackbone::MlsdBackbone(Module& parent, std::string_view key)
    : Module(parent, key), stem_(*this, "features.0", {.in = 4, .out = 32, .stride = 2}) {
  int64_t in = 32;
  for (const Stage& stage : kStages) {
    for (int64_t i = 0; i < stage.repeat; ++i) {
      residuals_.emplace_back(*this, fmt::format("features.{}", residuals_.size() + 1),
                              MlsdResidual::Options{.in = in,
                                                    .out = stage.out,
                                                    .stride = i == 0 ? stage.stride : 1,
                                                    .expansion = stage.expansion});
      in = stage.out;
    }
  }
}

std::array<at::Tensor, 5> MlsdBackbone::forward(const at::Tensor& x, Taps* taps) const {
  at::Tensor h = stem_(x);
  record(taps, "layer.backbone.features.0", h);
  std::array<at::Tensor, 5> levels;
  size_t index = 0;
  for (size_t stage = 0; stage < levels.size(); ++stage) {
    for (int64_t i = 0; i < kStages[stage].repeat; ++i) {
      h = residuals_[index](h);
      record(taps, fmt::format("layer.backbone.features.{}", ++index), h);
    }
    levels[stage] = h;
  }
  return levels;
}

MlsdConvRelu::MlsdConvRelu(Module& parent, std::string_view key, const Options& o)
    : Module(parent, key),
      conv_(*this, {"0", "1"},
            {.in = o.in,
             .out = o.out,
             .kernel = o.kernel,
             .conv = {.padding = o.dilation * (o.kernel - 1) / 2, .dilation = o.dilation}}) {}

at::Tensor MlsdConvRelu::operator()(const at::Tensor& x) const {
  return conv_(x).relu_();
}

MlsdJoin::MlsdJoin(Module& parent, std::string_view key, const Options& o)
    : Module(parent, key),
      enlarge_(o.enlarge),
      conv_coarse_(*this, "conv1", {.in = o.coarse, .out = kWidth, .kernel = 1}),
      conv_fine_(*this, "conv2", {.in = o.fine, .out = kWidth, .kernel = 1}) {}

at::Tensor MlsdJoin::operator()(const at::Tensor& fine, const at::Tensor& coarse) const {
  at::Tensor b = conv_coarse_(coarse);
  if (enlarge_) b = bilinear(b, 2 * b.size(2), 2 * b.size(3), /*align_corners=*/true);
  return at::cat({conv_fine_(fine), b}, 1);
}

MlsdRefine::MlsdRefine(Module& parent, std::string_view key)
    : Module(parent, key),
      conv1_(*this, "conv1", {.in = 2 * kWidth, .out = 2 * kWidth}),
      conv2_(*this, "conv2", {.in = 2 * kWidth, .out = kWidth}) {}

at::Tensor MlsdRefine::operator()(const at::Tensor& x) const {
  return conv2_(conv1_(x) + x);
}

MlsdHead::MlsdHead(Module& parent, std::string_view key)
    : Module(parent, key),
      conv1_(*this, "conv1", {.in = kWidth, .out = kWidth, .dilation = 5}),
      conv2_(*this, "conv2", {.in = kWidth, .out = kWidth}),
      conv3_(*this, "conv3", kWidth, 16, 1) {}

at::Tensor MlsdHead::operator()(const at::Tensor& x) const {
  return conv3_(conv2_(conv1_(x)));
}

}  // namespace zc
