// SPDX-License-Identifier: Apache-2.0
// The convolutional half of MiDaS's hybrid encoder: a ResNet-50 of three stages with standardised
// weights and group norms (timm's vit_base_resnet50_384).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>

#include "annotators/net_layers.h"
#include "tensor/fast_conv.h"
#include "tensor/layers.h"
#include "tensor/module.h"

namespace zc {

// A convolution whose filters have mean 0 and variance 1, "SAME" padded, without bias.
class StandardizedConv {
 public:
  StandardizedConv(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t kernel,
                   int64_t stride = 1);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor standardized_weight(at::ScalarType type) const;

  int64_t kernel_, stride_;
  NetConv conv_;
  FastConv fast_;
  // The last result and what it was made of.
  mutable std::mutex mutex_;
  mutable at::Tensor weight_, standardized_;
};

struct MidasBottleneckOptions {
  int64_t in = 0, out = 0;
  int64_t stride = 1;
  bool first = false;  // of its stage: the shortcut is a convolution
};

class MidasBottleneck : public Module {
 public:
  MidasBottleneck(Module& parent, std::string_view key, MidasBottleneckOptions options);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  struct Shortcut {
    explicit Shortcut(Module& block, MidasBottleneckOptions options);
    StandardizedConv conv;
    GroupNorm norm;
  };
  std::optional<Shortcut> shortcut_;
  StandardizedConv conv1_;
  GroupNorm norm1_;
  StandardizedConv conv2_;
  GroupNorm norm2_;
  StandardizedConv conv3_;
  GroupNorm norm3_;
};

class MidasResNet : public Module {
 public:
  MidasResNet(Module& parent, std::string_view key);
  // x [B,3,H,W] -> the stages' outputs: 256, 512, 1024 channels at 1/4, 1/8, 1/16.
  std::array<at::Tensor, 3> forward(const at::Tensor& x, Taps* taps) const;

 private:
  StandardizedConv stem_;
  GroupNorm stem_norm_;
  std::array<std::deque<MidasBottleneck>, 3> stages_;
};

}  // namespace zc
