// SPDX-License-Identifier: Apache-2.0
#include "annotators/depth_anything.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include "annotators/network_image.h"
#include "base/error.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int64_t kWidth = 384;
constexpr int64_t kHeads = 6;
constexpr int64_t kBlocks = 12;
constexpr int64_t kChannels = 64;
constexpr int64_t kPositionSide = 37;
constexpr int kPatch = 14;
constexpr int kShortSide = 518;
constexpr int kMaxAspect = 16;
constexpr std::array<int64_t, 4> kLevelChannels = {48, 96, 192, 384};

int network_side(int side, double scale) {
  const double scaled = side * scale;
  // nearbyint rounds halves to even, as NumPy does.
  const auto near = static_cast<int>(std::nearbyint(scaled / kPatch)) * kPatch;
  return near >= kShortSide ? near : static_cast<int>(std::ceil(scaled / kPatch)) * kPatch;
}

// [1,3,H,W] of the network's size; double precision until the last step, as in the reference.
at::Tensor network_input(const Image& image) {
  Image rgb = hwc3(image);
  const double scale = std::max(static_cast<double>(kShortSide) / rgb.height,
                                static_cast<double>(kShortSide) / rgb.width);
  const int width = network_side(rgb.width, scale), height = network_side(rgb.height, scale);
  cv::Mat source(rgb.height, rgb.width, CV_64FC3), target;
  cv::Mat(rgb.height, rgb.width, CV_8UC3, rgb.pixels.data()).convertTo(source, CV_64F);
  source /= 255.0;
  cv::resize(source, target, {width, height}, 0, 0, cv::INTER_CUBIC);

  constexpr std::array<double, 3> kMean = {0.485, 0.456, 0.406};
  constexpr std::array<double, 3> kDeviation = {0.229, 0.224, 0.225};
  at::Tensor x = at::empty({1, 3, height, width}, at::kFloat);
  float* values = x.data_ptr<float>();
  for (size_t channel = 0; channel < 3; ++channel) {
    for (int row = 0; row < height; ++row) {
      const double* pixel = target.ptr<double>(row) + channel;
      for (int column = 0; column < width; ++column, pixel += 3)
        *values++ = static_cast<float>((*pixel - kMean[channel]) / kDeviation[channel]);
    }
  }
  return x;
}

}  // namespace

DepthAnythingNetwork::DepthAnythingNetwork()
    : class_token_(*this, "pretrained.cls_token", {1, 1, kWidth}),
      positions_(*this, "pretrained.pos_embed", {1, 1 + kPositionSide * kPositionSide, kWidth}),
      patches_(*this, "pretrained.patch_embed.proj", 3, kWidth, kPatch, {.stride = kPatch}),
      norm_(*this, "pretrained.norm", kWidth, kVitNormEps),
      project1_(*this, "depth_head.projects.0", kWidth, kLevelChannels[0], 1),
      project2_(*this, "depth_head.projects.1", kWidth, kLevelChannels[1], 1),
      project3_(*this, "depth_head.projects.2", kWidth, kLevelChannels[2], 1),
      project4_(*this, "depth_head.projects.3", kWidth, kLevelChannels[3], 1),
      enlarge1_(*this, "depth_head.resize_layers.0", kLevelChannels[0], kLevelChannels[0], 4, 4, 0),
      enlarge2_(*this, "depth_head.resize_layers.1", kLevelChannels[1], kLevelChannels[1], 2, 2, 0),
      halve4_(*this, "depth_head.resize_layers.3", kLevelChannels[3], kLevelChannels[3], 3,
              {.stride = 2, .padding = 1}),
      fusion_(*this, "depth_head.scratch", kLevelChannels, kChannels),
      reduce_(*this, "depth_head.scratch.output_conv1", kChannels, kChannels / 2, 3,
              {.padding = 1}),
      features_(*this, "depth_head.scratch.output_conv2.0", kChannels / 2, 32, 3, {.padding = 1}),
      depth_(*this, "depth_head.scratch.output_conv2.2", 32, 1, 1) {
  for (int64_t i = 0; i < kBlocks; ++i)
    blocks_.emplace_back(*this, fmt::format("pretrained.blocks.{}", i),
                         VitBlockOptions{.width = kWidth, .heads = kHeads, .layer_scale = true});
}

at::Tensor DepthAnythingNetwork::position_table(int64_t height, int64_t width) const {
  const at::Tensor table = positions_.as(at::kFloat);
  if (height == kPositionSide && width == kPositionSide) return table;
  // DINOv2 adds 0.1 against rounding and scales by what it then has, not by the sizes' quotient.
  const auto scale = [](int64_t side) {
    return (static_cast<double>(side) + 0.1) / static_cast<double>(kPositionSide);
  };
  const at::Tensor grid = tokens_to_map(table.slice(1, 1), kPositionSide, kPositionSide);
  const at::Tensor resized = at::upsample_bicubic2d(grid, {height, width}, /*align_corners=*/false,
                                                    scale(height), scale(width));
  return at::cat({table.slice(1, 0, 1), map_to_tokens(resized)}, 1);
}

at::Tensor DepthAnythingNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "depth_anything", {"B", 3, "H", "W"});
  check_sides(x, "depth_anything", kPatch);
  record(taps, "net_input", x);
  const int64_t height = x.size(2) / kPatch, width = x.size(3) / kPatch;
  const at::Tensor patches = map_to_tokens(patches_(x));
  record(taps, "layer.pretrained.patch_embed", patches);

  const at::Tensor first = class_token_.as(x.scalar_type()).expand({x.size(0), 1, kWidth});
  at::Tensor tokens = at::cat({first, patches}, 1) + position_table(height, width);
  std::array<at::Tensor, 4> maps;  // after blocks 2, 5, 8, 11
  for (int64_t i = 0; i < kBlocks; ++i) {
    tokens = blocks_[static_cast<size_t>(i)].forward(tokens);
    record(taps, fmt::format("layer.pretrained.blocks.{}", i), tokens);
    if (i % 3 == 2)
      maps[static_cast<size_t>(i / 3)] = tokens_to_map(norm_(tokens).slice(1, 1), height, width);
  }

  const std::string head = "layer.depth_head.";
  const at::Tensor projected1 = project1_(maps[0]);
  const std::array<at::Tensor, 4> levels = {enlarge1_(projected1), enlarge2_(project2_(maps[1])),
                                            project3_(maps[2]), halve4_(project4_(maps[3]))};
  record(taps, head + "projects.0", projected1);
  record(taps, head + "resize_layers.0", levels[0]);
  record(taps, head + "resize_layers.1", levels[1]);
  record(taps, head + "resize_layers.3", levels[3]);

  const at::Tensor reduced =
      reduce_(fusion_.forward(levels, taps, "layer.depth_head.scratch.").path1);
  record(taps, head + "scratch.output_conv1", reduced);
  const at::Tensor enlarged = bilinear(reduced, x.size(2), x.size(3), /*align_corners=*/true);
  const at::Tensor depth = at::relu(depth_(features_.relu(enlarged))).squeeze(1);
  record(taps, "depth", depth);
  return depth;
}

at::Tensor depth_anything_depth(const DepthAnythingNetwork& network, const Image& rgb, Taps* taps) {
  ZC_BUG_IF(rgb.empty());
  const auto [shorter, longer] = std::minmax(rgb.width, rgb.height);
  if (longer > int64_t{kMaxAspect} * shorter)
    throw Error(ErrorKind::bad_request, "depth_anything",
                fmt::format("the picture is {} x {}, wanted one at most {} times as long as wide",
                            rgb.width, rgb.height, kMaxAspect));
  const c10::NoGradGuard no_grad;
  return network.forward(network_input(rgb), taps);
}

Image depth_anything_picture(const at::Tensor& depth, int width, int height) {
  check_shape(depth, "depth_anything", {1, "H", "W"});
  FloatMap map = float_map(bilinear(depth.unsqueeze(1), height, width, /*align_corners=*/true));
  return to_bytes(normalized(std::move(map)));
}

Image depth_anything_map(const DepthAnythingNetwork& network, const Image& rgb) {
  return depth_anything_picture(depth_anything_depth(network, rgb), rgb.width, rgb.height);
}

}  // namespace zc
