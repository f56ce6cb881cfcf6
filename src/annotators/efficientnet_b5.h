// SPDX-License-Identifier: Apache-2.0
// EfficientNet-B5 as a feature pyramid (timm's tf_efficientnet_b5_ap), for NormalBae.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "annotators/net_layers.h"
#include "tensor/module.h"

namespace zc {

// Weighs the channels by what they hold on average.
class SqueezeExcite : public Module {
 public:
  SqueezeExcite(Module& parent, std::string_view key, int64_t channels, int64_t reduced);
  // Scales x in its place.
  at::Tensor operator()(at::Tensor x) const;

 private:
  NetConv reduce_, expand_;
};

struct MbConvOptions {
  int64_t in = 0, out = 0;
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t expansion = 6;  // 1: depthwise-separable, without a convolution that expands
};

class MbConv : public Module {
 public:
  MbConv(Module& parent, std::string_view key, MbConvOptions options);
  // Records ".conv_dw" and ".se" under `layer`.
  at::Tensor forward(const at::Tensor& x, Taps* taps, const std::string& layer) const;

 private:
  MbConvOptions options_;
  std::optional<NetConv> expand_;
  std::optional<BatchNorm> expand_norm_;
  NetConv depthwise_;
  BatchNorm depthwise_norm_;
  SqueezeExcite excite_;
  NetConv project_;
  BatchNorm project_norm_;
};

class EfficientNetB5 : public Module {
 public:
  EfficientNetB5(Module& parent, std::string_view key);
  // x [B,3,H,W] -> 24, 40, 64, 176 and 2048 channels at 1/2, 1/4, 1/8, 1/16 and 1/32. The last is
  // what conv_head gives, before its norm. Layers are recorded under `layer` + their keys.
  std::array<at::Tensor, 5> forward(const at::Tensor& x, Taps* taps,
                                    const std::string& layer) const;

 private:
  NetConv stem_;
  BatchNorm stem_norm_;
  std::array<std::deque<MbConv>, 7> stages_;
  NetConv head_;
  BatchNorm head_norm_;
};

}  // namespace zc
