// SPDX-License-Identifier: Apache-2.0
#include "annotators/dpt_blocks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>

#include "base/error.h"

namespace zc {

ReadoutProjection::ReadoutProjection(Module& parent, std::string_view key, int64_t width)
    : Module(parent, key), project_(*this, "project.0", 2 * width, width) {}

at::Tensor ReadoutProjection::operator()(const at::Tensor& tokens) const {
  const at::Tensor patches = tokens.slice(1, 1);
  const at::Tensor readout = tokens.slice(1, 0, 1).expand_as(patches);
  return at::gelu(project_(at::cat({patches, readout}, -1)));
}

ResidualConvUnit::ResidualConvUnit(Module& parent, std::string_view key, int64_t channels)
    : Module(parent, key),
      conv1_(*this, "conv1", channels, channels, 3, {.padding = 1}),
      conv2_(*this, "conv2", channels, channels, 3, {.padding = 1}) {}

at::Tensor ResidualConvUnit::operator()(const at::Tensor& x) const {
  return conv2_.plus(conv1_.relu(at::relu(x)), x);
}

MapSize map_size(const at::Tensor& map) {
  return {map.size(-2), map.size(-1)};
}

FeatureFusion::FeatureFusion(Module& parent, std::string_view key, int64_t channels, bool has_below)
    : Module(parent, key),
      unit_(*this, "resConfUnit2", channels),
      out_(*this, "out_conv", channels, channels, 1) {
  if (has_below) level_unit_.emplace(*this, "resConfUnit1", channels);
}

at::Tensor FeatureFusion::forward(const at::Tensor& below, const at::Tensor& level,
                                  MapSize size) const {
  ZC_BUG_IF(!level_unit_);
  return forward(below + (*level_unit_)(level), size);
}

at::Tensor FeatureFusion::forward(const at::Tensor& level, MapSize size) const {
  // The reference enlarges first. A 1x1 convolution and an interpolation commute, and this order is
  // a quarter of the work.
  return bilinear(out_(unit_(level)), size.height, size.width, /*align_corners=*/true);
}

DptFusion::DptFusion(Module& parent, std::string_view key,
                     const std::array<int64_t, 4>& level_channels, int64_t channels)
    : Module(parent, key),
      level1_(*this, "layer1_rn", level_channels[0], channels, 3, {.padding = 1, .bias = false}),
      level2_(*this, "layer2_rn", level_channels[1], channels, 3, {.padding = 1, .bias = false}),
      level3_(*this, "layer3_rn", level_channels[2], channels, 3, {.padding = 1, .bias = false}),
      level4_(*this, "layer4_rn", level_channels[3], channels, 3, {.padding = 1, .bias = false}),
      fusion1_(*this, "refinenet1", channels, true),
      fusion2_(*this, "refinenet2", channels, true),
      fusion3_(*this, "refinenet3", channels, true),
      fusion4_(*this, "refinenet4", channels, false) {}

DptPaths DptFusion::forward(const std::array<at::Tensor, 4>& levels, Taps* taps,
                            const std::string& layer) const {
  const at::Tensor level1 = level1_(levels[0]);
  const at::Tensor level2 = level2_(levels[1]);
  const at::Tensor level3 = level3_(levels[2]);
  const at::Tensor level4 = level4_(levels[3]);
  const MapSize finest = map_size(level1);

  DptPaths paths;
  paths.bottleneck = level4;
  paths.path4 = fusion4_.forward(level4, map_size(level3));
  paths.path3 = fusion3_.forward(paths.path4, level3, map_size(level2));
  paths.path2 = fusion2_.forward(paths.path3, level2, finest);
  paths.path1 = fusion1_.forward(paths.path2, level1, {2 * finest.height, 2 * finest.width});

  record(taps, layer + "layer1_rn", level1);
  record(taps, layer + "layer4_rn", level4);
  record(taps, layer + "refinenet4", paths.path4);
  record(taps, layer + "refinenet3", paths.path3);
  record(taps, layer + "refinenet2", paths.path2);
  record(taps, layer + "refinenet1", paths.path1);
  return paths;
}

DptHead::DptHead(Module& parent, std::string_view key, int64_t channels)
    : Module(parent, key),
      reduce_(*this, "0", channels, channels / 2, 3, {.padding = 1}),
      features_(*this, "2", channels / 2, 32, 3, {.padding = 1}),
      depth_(*this, "4", 32, 1, 1) {}

DptHead::Output DptHead::forward(const at::Tensor& x, Taps* taps, const std::string& layer) const {
  const at::Tensor reduced = reduce_(x);
  record(taps, layer + "0", reduced);
  Output out;
  out.features = at::relu(features_(
      bilinear(reduced, 2 * reduced.size(2), 2 * reduced.size(3), /*align_corners=*/true)));
  record(taps, layer + "3", out.features);
  out.depth = at::relu(depth_(out.features)).squeeze(1);
  return out;
}

}  // namespace zc
