// SPDX-License-Identifier: Apache-2.0
#include "annotators/midas_backbone.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/var_mean.h>

#include <limits>
#include <string>

#include <fmt/format.h>

#include "annotators/same_padding.h"

namespace zc {
namespace {

constexpr double kGroupNormEps = 1e-5;
constexpr double kStandardizeEps = 1e-8;
constexpr std::array<int64_t, 3> kStageBlocks = {3, 4, 9};
constexpr std::array<int64_t, 3> kStageChannels = {256, 512, 1024};

at::Tensor standardized(const at::Tensor& weight) {
  const auto [variance, mean] =
      at::var_mean(weight, at::OptionalIntArrayRef({1, 2, 3}), /*unbiased=*/false,
                   /*keepdim=*/true);
  return (weight - mean) * at::rsqrt(variance + kStandardizeEps);
}

}  // namespace

StandardizedConv::StandardizedConv(Module& parent, std::string_view key, int64_t in, int64_t out,
                                   int64_t kernel, int64_t stride)
    : kernel_(kernel),
      stride_(stride),
      conv_(parent, key, in, out, kernel, {.stride = stride, .bias = false}) {}

at::Tensor StandardizedConv::operator()(const at::Tensor& x) const {
  return fast_(pad_same(x, kernel_, stride_), standardized_weight(x.scalar_type()), {}, {stride_});
}

at::Tensor StandardizedConv::standardized_weight(at::ScalarType type) const {
  const at::Tensor weight = conv_.weight().as(type);
  const std::lock_guard lock(mutex_);
  if (!weight.is_same(weight_)) {
    weight_ = weight;
    standardized_ = standardized(weight);
  }
  return standardized_;
}

MidasBottleneck::Shortcut::Shortcut(Module& block, MidasBottleneckOptions o)
    : conv(block, "downsample.conv", o.in, o.out, 1, o.stride),
      norm(block, "downsample.norm", o.out, kGroupNormEps) {}

MidasBottleneck::MidasBottleneck(Module& parent, std::string_view key, MidasBottleneckOptions o)
    : Module(parent, key),
      conv1_(*this, "conv1", o.in, o.out / 4, 1),
      norm1_(*this, "norm1", o.out / 4, kGroupNormEps),
      conv2_(*this, "conv2", o.out / 4, o.out / 4, 3, o.stride),
      norm2_(*this, "norm2", o.out / 4, kGroupNormEps),
      conv3_(*this, "conv3", o.out / 4, o.out, 1),
      norm3_(*this, "norm3", o.out, kGroupNormEps) {
  if (o.first) shortcut_.emplace(*this, o);
}

at::Tensor MidasBottleneck::forward(const at::Tensor& x) const {
  const at::Tensor shortcut = shortcut_ ? shortcut_->norm(shortcut_->conv(x)) : x;
  at::Tensor h = norm1_(conv1_(x)).relu_();
  h = norm2_(conv2_(h)).relu_();
  return norm3_(conv3_(h)).add_(shortcut).relu_();
}

MidasResNet::MidasResNet(Module& parent, std::string_view key)
    : Module(parent, key),
      stem_(*this, "stem.conv", 3, 64, 7, 2),
      stem_norm_(*this, "stem.norm", 64, kGroupNormEps) {
  int64_t in = 64;
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    for (int64_t block = 0; block < kStageBlocks[stage]; ++block) {
      const bool first = block == 0;
      stages_[stage].emplace_back(*this, fmt::format("stages.{}.blocks.{}", stage, block),
                                  MidasBottleneckOptions{.in = in,
                                                         .out = kStageChannels[stage],
                                                         .stride = first && stage > 0 ? 2 : 1,
                                                         .first = first});
      in = kStageChannels[stage];
    }
  }
}

std::array<at::Tensor, 3> MidasResNet::forward(const at::Tensor& x, Taps* taps) const {
  const std::string layer = "layer.pretrained.model.patch_embed.backbone.";
  at::Tensor h = stem_norm_(stem_(x)).relu_();
  // The padding must never win.
  h = at::max_pool2d(pad_same(h, 3, 2, -std::numeric_limits<double>::infinity()), {3, 3}, {2, 2});
  record(taps, layer + "stem", h);
  std::array<at::Tensor, 3> outputs;
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    for (const MidasBottleneck& block : stages_[stage]) h = block.forward(h);
    record(taps, layer + fmt::format("stages.{}", stage), h);
    outputs[stage] = h;
  }
  return outputs;
}

}  // namespace zc
