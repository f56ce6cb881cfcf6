// SPDX-License-Identifier: Apache-2.0
// Dense prediction transformers: how four levels of a backbone become one map (MiDaS, ZoeDepth,
// Depth Anything). Maps [B,C,H,W].
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "annotators/net_layers.h"
#include "tensor/layers.h"
#include "tensor/module.h"

namespace zc {

// Key "project.0". Joins the class token, the first one, to each other token: [B,1+T,D] ->
// [B,T,D].
class ReadoutProjection : public Module {
 public:
  ReadoutProjection(Module& parent, std::string_view key, int64_t width);
  at::Tensor operator()(const at::Tensor& tokens) const;

 private:
  Linear project_;
};

// x + conv2(relu(conv1(relu(x)))).
class ResidualConvUnit : public Module {
 public:
  ResidualConvUnit(Module& parent, std::string_view key, int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NetConv conv1_, conv2_;
};

struct MapSize {
  int64_t height = 0, width = 0;
};
MapSize map_size(const at::Tensor& map);

// "refinenetN": adds the level's map to what comes from the level below and enlarges it.
class FeatureFusion : public Module {
 public:
  // Without a level's map where nothing comes from below; the file's resConfUnit1 is unused then.
  FeatureFusion(Module& parent, std::string_view key, int64_t channels, bool has_below);
  at::Tensor forward(const at::Tensor& below, const at::Tensor& level, MapSize size) const;
  at::Tensor forward(const at::Tensor& level, MapSize size) const;

 private:
  std::optional<ResidualConvUnit> level_unit_;
  ResidualConvUnit unit_;
  NetConv out_;
};

// What the fusion makes of four levels; all have the same number of channels.
struct DptPaths {
  at::Tensor bottleneck;  // the coarsest level before its fusion
  // Fused, from the coarsest (the size of level 3) to the finest (twice that of level 1).
  at::Tensor path4, path3, path2, path1;
};

// Key "scratch" without the head.
class DptFusion : public Module {
 public:
  DptFusion(Module& parent, std::string_view key, const std::array<int64_t, 4>& level_channels,
            int64_t channels);
  // Levels from the finest to the coarsest. Layers are recorded under `layer` + their keys.
  DptPaths forward(const std::array<at::Tensor, 4>& levels, Taps* taps,
                   const std::string& layer) const;

 private:
  NetConv level1_, level2_, level3_, level4_;
  FeatureFusion fusion1_, fusion2_, fusion3_, fusion4_;
};

// Key "scratch.output_conv" of MiDaS and ZoeDepth.
class DptHead : public Module {
 public:
  DptHead(Module& parent, std::string_view key, int64_t channels);
  struct Output {
    at::Tensor features;  // [B,32,2H,2W]
    at::Tensor depth;     // [B,2H,2W], not negative
  };
  Output forward(const at::Tensor& x, Taps* taps, const std::string& layer) const;

 private:
  NetConv reduce_, features_, depth_;
};

}  // namespace zc
