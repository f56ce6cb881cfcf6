// SPDX-License-Identifier: Apache-2.0
#include "annotators/midas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include "annotators/network_image.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int64_t kWidth = 768;
constexpr int64_t kHeads = 12;
constexpr int64_t kBlocks = 12;
constexpr int64_t kChannels = 256;
constexpr int64_t kPositionSide = 24;
constexpr int64_t kTapLevel3 = 8;
constexpr int kMultiple = 32;

cv::Mat slope(const FloatMap& depth, int dx, int dy) {
  const cv::Mat source(depth.height, depth.width, CV_32F, const_cast<float*>(depth.values.data()));
  cv::Mat result;
  cv::Sobel(source, result, CV_32F, dx, dy, 3);
  return result;
}

uint8_t normal_byte(float component) {
  return static_cast<uint8_t>(std::clamp(component * 127.5f + 127.5f, 0.0f, 255.0f));
}

}  // namespace

MidasNetwork::MidasNetwork()
    : class_token_(*this, "pretrained.model.cls_token", {1, 1, kWidth}),
      positions_(*this, "pretrained.model.pos_embed",
                 {1, 1 + kPositionSide * kPositionSide, kWidth}),
      backbone_(*this, "pretrained.model.patch_embed.backbone"),
      patch_projection_(*this, "pretrained.model.patch_embed.proj", 1024, kWidth, 1),
      readout3_(*this, "pretrained.act_postprocess3.0", kWidth),
      readout4_(*this, "pretrained.act_postprocess4.0", kWidth),
      level3_(*this, "pretrained.act_postprocess3.3", kWidth, kWidth, 1),
      level4_(*this, "pretrained.act_postprocess4.3", kWidth, kWidth, 1),
      level4_half_(*this, "pretrained.act_postprocess4.4", kWidth, kWidth, 3,
                   {.stride = 2, .padding = 1}),
      fusion_(*this, "scratch", {256, 512, kWidth, kWidth}, kChannels),
      head_(*this, "scratch.output_conv", kChannels) {
  for (int64_t i = 0; i < kBlocks; ++i)
    blocks_.emplace_back(*this, fmt::format("pretrained.model.blocks.{}", i),
                         VitBlockOptions{.width = kWidth, .heads = kHeads});
}

at::Tensor MidasNetwork::position_table(int64_t height, int64_t width) const {
  const at::Tensor table = positions_.as(at::kFloat);
  const at::Tensor grid =
      tokens_to_map(table.slice(1, 1), kPositionSide, kPositionSide);  // [1,D,24,24]
  const at::Tensor resized = bilinear(grid, height, width, /*align_corners=*/false);
  return at::cat({table.slice(1, 0, 1), map_to_tokens(resized)}, 1);
}

at::Tensor MidasNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "midas", {"B", 3, "H", "W"});
  check_sides(x, "midas", kMultiple);
  record(taps, "net_input", x);
  const std::string model = "layer.pretrained.model.";
  const auto stages = backbone_.forward(x, taps);
  const at::Tensor patches = patch_projection_(stages[2]);  // [B,D,h,w]
  record(taps, model + "patch_embed.proj", patches);
  const int64_t height = patches.size(2), width = patches.size(3);

  const at::Tensor first = class_token_.as(x.scalar_type()).expand({x.size(0), 1, kWidth});
  at::Tensor tokens = at::cat({first, map_to_tokens(patches)}, 1) + position_table(height, width);
  at::Tensor tapped;
  for (int64_t i = 0; i < kBlocks; ++i) {
    tokens = blocks_[static_cast<size_t>(i)].forward(tokens);
    if (i == kTapLevel3) tapped = tokens;
    record(taps, model + fmt::format("blocks.{}", i), tokens);
  }

  const std::string level = "layer.pretrained.act_postprocess";
  const at::Tensor read3 = readout3_(tapped), read4 = readout4_(tokens);
  record(taps, level + "3.0", read3);
  record(taps, level + "4.0", read4);
  const at::Tensor level3 = level3_(tokens_to_map(read3, height, width));
  const at::Tensor level4 = level4_half_(level4_(tokens_to_map(read4, height, width)));
  record(taps, level + "3.3", level3);
  record(taps, level + "4.4", level4);

  const DptPaths paths =
      fusion_.forward({stages[0], stages[1], level3, level4}, taps, "layer.scratch.");
  const at::Tensor depth = head_.forward(paths.path1, taps, "layer.scratch.output_conv.").depth;
  record(taps, "depth", depth);
  return depth;
}

at::Tensor midas_depth(const MidasNetwork& network, const Image& rgb, Taps* taps) {
  const c10::NoGradGuard no_grad;
  const at::Tensor x = rgb_tensor(scaled_to_multiple(rgb, kMultiple)) / 127.5 - 1.0;
  const at::Tensor depth = network.forward(x, taps);
  if (depth.size(1) == rgb.height && depth.size(2) == rgb.width) return depth;
  return bilinear(depth.unsqueeze(1), rgb.height, rgb.width, /*align_corners=*/false).squeeze(1);
}

Image midas_depth_picture(const FloatMap& depth) {
  return to_bytes(normalized(depth));
}

Image midas_normal_picture(const FloatMap& depth, const MidasNormalOptions& options) {
  check_options(options, "normal_midas");
  const cv::Mat slope_x = slope(depth, 1, 0), slope_y = slope(depth, 0, 1);
  const FloatMap nearness = normalized(depth);
  const auto z = static_cast<float>(options.a);
  const auto threshold = static_cast<float>(options.bg_threshold);
  Image picture(depth.width, depth.height, 3);
  for (int row = 0; row < depth.height; ++row) {
    uint8_t* pixel = picture.row(row);
    for (int column = 0; column < depth.width; ++column, pixel += 3) {
      const bool background = nearness.row(row)[column] < threshold;
      const float x = background ? 0.0f : slope_x.at<float>(row, column);
      const float y = background ? 0.0f : slope_y.at<float>(row, column);
      const float length = std::sqrt(x * x + y * y + z * z);
      pixel[0] = normal_byte(x / length);
      pixel[1] = normal_byte(y / length);
      pixel[2] = normal_byte(z / length);
    }
  }
  return picture;
}

Image midas_depth_map(const MidasNetwork& network, const Image& rgb) {
  return midas_depth_picture(float_map(midas_depth(network, rgb)));
}

Image midas_normal_map(const MidasNetwork& network, const Image& rgb,
                       const MidasNormalOptions& options) {
  return midas_normal_picture(float_map(midas_depth(network, rgb)), options);
}

}  // namespace zc
