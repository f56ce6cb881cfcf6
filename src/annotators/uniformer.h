// SPDX-License-Identifier: Apache-2.0
// Segmentation into the 150 classes of ADE20K by UniFormer-S with UPerNet (the reference's
// annotator/uniformer). Published weights: upernet_global_small.pth.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "annotators/net_layers.h"
#include "annotators/vit_blocks.h"
#include "image/image.h"
#include "tensor/layers.h"
#include "tensor/module.h"

namespace zc {

// Convolution over stride x stride squares, then a norm over the channels.
class UniformerPatches : public Module {
 public:
  UniformerPatches(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t stride);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NetConv project_;
  LayerNorm norm_;
};

// A transformer block whose attention is a depthwise 5x5 convolution.
class UniformerLocalBlock : public Module {
 public:
  UniformerLocalBlock(Module& parent, std::string_view key, int64_t width);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  NetConv positions_;
  BatchNorm norm_attention_;
  NetConv attention_in_, attention_, attention_out_;
  BatchNorm norm_mlp_;
  NetConv mlp_up_, mlp_down_;
};

// One over all pixels as tokens.
class UniformerGlobalBlock : public VitBlock {
 public:
  UniformerGlobalBlock(Module& parent, std::string_view key, int64_t width);
  at::Tensor forward_map(const at::Tensor& x) const;

 private:
  NetConv positions_;
};

class UniformerBackbone : public Module {
 public:
  UniformerBackbone(Module& parent, std::string_view key);
  // x [B,3,H,W] -> 64, 128, 320, 512 channels at 1/4, 1/8, 1/16, 1/32.
  std::array<at::Tensor, 4> forward(const at::Tensor& x, Taps* taps) const;

 private:
  UniformerPatches patches1_, patches2_, patches3_, patches4_;
  std::deque<UniformerLocalBlock> blocks1_, blocks2_;
  std::deque<UniformerGlobalBlock> blocks3_, blocks4_;
  LayerNorm norm1_, norm2_, norm3_, norm4_;
};

// Convolution "conv", norm "bn", ReLU.
class UperNetConv : public Module {
 public:
  UperNetConv(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t kernel);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NormedConv conv_;
};

// Pools the coarsest level at four sizes, then adds it up to the finest one.
class UperNetHead : public Module {
 public:
  UperNetHead(Module& parent, std::string_view key);
  // -> class scores [B,150,h,w] at the finest level's size.
  at::Tensor forward(const std::array<at::Tensor, 4>& levels, Taps* taps) const;

 private:
  at::Tensor pooled(const at::Tensor& level, Taps* taps) const;

  std::deque<UperNetConv> pools_;
  UperNetConv bottleneck_;
  std::deque<UperNetConv> laterals_, smooths_;
  UperNetConv join_;
  NetConv classes_;
};

// Keys of the published file, whose auxiliary head is unused.
class UniformerNetwork : public Module {
 public:
  UniformerNetwork();
  // x [B,3,H,W], sides at least 32, B before G before R, normalised as uniformer_input does ->
  // class scores [B,150,H/4,W/4]. Records as "logits" what bilinear interpolation to H x W makes of
  // them. Throws bad_request for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  UniformerBackbone backbone_;
  UperNetHead head_;
};

// The network's input [1,3,H,W]. Scaled, the short side becomes 512 or the long one 2048; else the
// picture is taken as it is.
at::Tensor uniformer_input(const Image& rgb, bool scaled = true);

// Labels 0..149 of a picture at its size, one channel.
Image uniformer_labels(const UniformerNetwork& network, const Image& rgb, Taps* taps = nullptr);

// The detector: three channels, the size of the picture.
Image uniformer_map(const UniformerNetwork& network, const Image& rgb);

}  // namespace zc
