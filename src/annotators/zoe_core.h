// SPDX-License-Identifier: Apache-2.0
// The relative depth inside ZoeDepth: MiDaS 3.1's DPT on BEiT-L/16.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "annotators/dpt_blocks.h"
#include "annotators/net_layers.h"
#include "annotators/vit_blocks.h"
#include "tensor/layers.h"
#include "tensor/module.h"

namespace zc {

// A grid of patches and, for each pair of tokens (the class token first), the row of the table of
// relative positions that belongs to it.
struct BeitGrid {
  int64_t height = 0, width = 0;
  at::Tensor rows;  // int64 [(1+h*w)^2]
};
BeitGrid beit_grid(int64_t height, int64_t width);

// Attention with a bias for relative positions, and MLP; each scaled for each channel and added.
class BeitBlock : public Module {
 public:
  BeitBlock(Module& parent, std::string_view key);
  // x [B,1+h*w,D]
  at::Tensor forward(const at::Tensor& x, const BeitGrid& grid) const;

 private:
  at::Tensor attention(const at::Tensor& x, const BeitGrid& grid) const;
  at::Tensor position_bias(const BeitGrid& grid) const;  // [1,N,T,T]

  Parameter attention_scale_, mlp_scale_;
  LayerNorm norm_attention_;
  Parameter query_bias_, value_bias_, positions_, qkv_;
  Linear attention_out_;
  LayerNorm norm_mlp_;
  VitMlp mlp_;
};

class ZoeCore : public Module {
 public:
  ZoeCore(Module& parent, std::string_view key);
  struct Output {
    at::Tensor depth;     // [B,H,W], relative
    at::Tensor features;  // [B,32,H,W]
    DptPaths paths;       // 256 channels
  };
  // x [B,3,H,W] of -1..1, sides multiples of 32. Layers are recorded under `layer` + their keys.
  Output forward(const at::Tensor& x, Taps* taps, const std::string& layer) const;

 private:
  // What the class token and one more layer make of a block's output.
  struct Level {
    Level(Module& core, int64_t number, int64_t channels);
    at::Tensor operator()(const at::Tensor& tokens, const BeitGrid& grid) const;
    ReadoutProjection readout;
    NetConv conv;
  };

  Parameter class_token_;
  NetConv patches_;
  std::deque<BeitBlock> blocks_;
  Level level1_, level2_, level3_, level4_;
  NetConvTransposed enlarge1_, enlarge2_;
  NetConv halve4_;
  DptFusion fusion_;
  DptHead head_;
};

}  // namespace zc
