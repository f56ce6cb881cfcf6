// SPDX-License-Identifier: Apache-2.0
#include "annotators/efficientnet_b5.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

#include <fmt/format.h>

#include "annotators/same_padding.h"

namespace zc {
namespace {

// TensorFlow's, not the usual 1e-5.
constexpr double kNormEps = 1e-3;
constexpr int64_t kStemChannels = 48;

struct Stage {
  int64_t blocks, out, kernel, stride, expansion;
};
constexpr std::array<Stage, 7> kStages = {{{3, 24, 3, 1, 1},
                                           {5, 40, 3, 2, 6},
                                           {5, 64, 5, 2, 6},
                                           {7, 128, 3, 2, 6},
                                           {7, 176, 5, 1, 6},
                                           {9, 304, 5, 2, 6},
                                           {3, 512, 3, 1, 6}}};

// The index among the outputs of the stages that give one.
constexpr std::array<int, 7> kOutputOfStage = {0, 1, 2, -1, 3, -1, -1};

// With a stride, the padding depends on the size (pad_same).
int64_t fixed_padding(int64_t kernel, int64_t stride) {
  return stride == 1 ? kernel / 2 : 0;
}

at::Tensor padded(const at::Tensor& x, int64_t kernel, int64_t stride) {
  return stride == 1 ? x : pad_same(x, kernel, stride);
}

}  // namespace

SqueezeExcite::SqueezeExcite(Module& parent, std::string_view key, int64_t channels,
                             int64_t reduced)
    : Module(parent, key),
      reduce_(*this, "conv_reduce", channels, reduced, 1),
      expand_(*this, "conv_expand", reduced, channels, 1) {}

at::Tensor SqueezeExcite::operator()(at::Tensor x) const {
  const at::Tensor average = at::mean(x, at::OptionalIntArrayRef({2, 3}), /*keepdim=*/true);
  return x.mul_(at::sigmoid(expand_(at::silu(reduce_(average)))));
}

MbConv::MbConv(Module& parent, std::string_view key, MbConvOptions o)
    : Module(parent, key),
      options_(o),
      depthwise_(*this, "conv_dw", o.in * o.expansion, o.in * o.expansion, o.kernel,
                 {.stride = o.stride,
                  .padding = fixed_padding(o.kernel, o.stride),
                  .groups = o.in * o.expansion,
                  .bias = false}),
      depthwise_norm_(*this, o.expansion == 1 ? "bn1" : "bn2", o.in * o.expansion, kNormEps),
      excite_(*this, "se", o.in * o.expansion, o.in / 4),
      project_(*this, o.expansion == 1 ? "conv_pw" : "conv_pwl", o.in * o.expansion, o.out, 1,
               {.bias = false}),
      project_norm_(*this, o.expansion == 1 ? "bn2" : "bn3", o.out, kNormEps) {
  if (o.expansion == 1) return;
  expand_.emplace(*this, "conv_pw", o.in, o.in * o.expansion, 1, NetConvOptions{.bias = false});
  expand_norm_.emplace(*this, "bn1", o.in * o.expansion, kNormEps);
}

at::Tensor MbConv::forward(const at::Tensor& x, Taps* taps, const std::string& layer) const {
  at::Tensor expanded = expand_ ? (*expand_norm_)((*expand_)(x)) : x;
  if (expand_) at::silu_(expanded);
  at::Tensor h = depthwise_(padded(expanded, options_.kernel, options_.stride));
  record(taps, layer + ".conv_dw", h);
  h = depthwise_norm_(h);
  h = excite_(at::silu_(h));
  record(taps, layer + ".se", h);
  h = project_norm_(project_(h));
  return options_.stride == 1 && options_.in == options_.out ? h.add_(x) : h;
}

EfficientNetB5::EfficientNetB5(Module& parent, std::string_view key)
    : Module(parent, key),
      stem_(*this, "conv_stem", 3, kStemChannels, 3, {.stride = 2, .bias = false}),
      stem_norm_(*this, "bn1", kStemChannels, kNormEps),
      head_(*this, "conv_head", kStages.back().out, 2048, 1, {.bias = false}),
      head_norm_(*this, "bn2", 2048, kNormEps) {
  int64_t in = kStemChannels;
  for (size_t s = 0; s < kStages.size(); ++s) {
    for (int64_t block = 0; block < kStages[s].blocks; ++block) {
      stages_[s].emplace_back(*this, fmt::format("blocks.{}.{}", s, block),
                              MbConvOptions{.in = in,
                                            .out = kStages[s].out,
                                            .kernel = kStages[s].kernel,
                                            .stride = block == 0 ? kStages[s].stride : 1,
                                            .expansion = kStages[s].expansion});
      in = kStages[s].out;
    }
  }
}

std::array<at::Tensor, 5> EfficientNetB5::forward(const at::Tensor& x, Taps* taps,
                                                  const std::string& layer) const {
  std::array<at::Tensor, 5> outputs;
  at::Tensor h = stem_(padded(x, 3, 2));
  record(taps, layer + "conv_stem", h);
  h = stem_norm_(h);
  at::silu_(h);
  for (size_t s = 0; s < stages_.size(); ++s) {
    const std::string stage = layer + fmt::format("blocks.{}", s);
    // Inside of a stage only the first block is of interest to the parity data.
    Taps* block_taps = taps;
    for (const MbConv& block : stages_[s]) {
      h = block.forward(h, block_taps, stage + ".0");
      block_taps = nullptr;
    }
    record(taps, stage, h);
    if (kOutputOfStage[s] >= 0) outputs[static_cast<size_t>(kOutputOfStage[s])] = h;
  }
  outputs[4] = head_(h);
  record(taps, layer + "conv_head", outputs[4]);
  if (taps != nullptr) record(taps, layer + "act2", at::silu(head_norm_(outputs[4])));
  return outputs;
}

}  // namespace zc
