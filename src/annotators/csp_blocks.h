// SPDX-License-Identifier: Apache-2.0
// What DWPose's two networks share: convolutions and cross stage partial layers of mmdetection
// (csp_darknet.py, cspnext.py, csp_layer.py). [B,C,H,W].
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "annotators/net_layers.h"

namespace zc {

// What all layers of one network have in common.
struct CspStyle {
  enum class Block {
    darknet,  // 1x1, then 3x3
    next      // 3x3, then 5x5 of each channel and 1x1; the layer also weighs its channels
  };
  Block block;
  double norm_eps;
};

// Convolution without bias that keeps the size at stride 1, batch norm, SiLU. Keys "conv.*" and
// "bn.*".
class ConvNormSilu : public Module {
 public:
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    int64_t kernel = 1;
    int64_t stride = 1;
    int64_t groups = 1;
  };
  ConvNormSilu(Module& parent, std::string_view key, const CspStyle& style, const Options& options);
  // -> [B,C',H/stride,W/stride], rounded up.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NormedConv conv_;
};

// Convolutions one after the other, with the input added to the result if so asked.
class CspBlock : public Module {
 public:
  CspBlock(Module& parent, std::string_view key, const CspStyle& style, int64_t channels,
           bool shortcut);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const bool shortcut_;
  std::deque<ConvNormSilu> convs_;
};

// Two halves of the channels, of which one goes through the blocks.
class CspLayer : public Module {
 public:
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    int blocks = 3;
    bool shortcut = false;  // in the blocks
  };
  CspLayer(Module& parent, std::string_view key, const CspStyle& style, const Options& options);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ConvNormSilu main_, short_, final_;
  std::deque<CspBlock> blocks_;
  std::optional<NetConv> attention_;
};

// What is largest around each place, at three sizes (SPPBottleneck).
class SpatialPyramid : public Module {
 public:
  SpatialPyramid(Module& parent, std::string_view key, const CspStyle& style, int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ConvNormSilu conv1_, conv2_;
};

// Keys "stage1" to "stage4", those of `owner`'s child `backbone`. Each halves the sizes.
class CspStages : public Module {
 public:
  CspStages(Module& owner, const CspStyle& style, const std::array<int, 4>& blocks);
  // x [B,64,H,W] -> 128 channels at H/2, 256 at H/4, 512 at H/8, 1024 at H/16. Taps:
  // layer.backbone.stageN.
  std::array<at::Tensor, 4> forward(const at::Tensor& x, Taps* taps) const;

 private:
  std::deque<ConvNormSilu> shrink_;
  std::optional<SpatialPyramid> pyramid_;  // in the last stage
  std::deque<CspLayer> layers_;
};

}  // namespace zc
