// SPDX-License-Identifier: Apache-2.0
#include "annotators/uniformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "annotators/label_map.h"
#include "annotators/network_image.h"
#include "base/error.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr std::array<int64_t, 4> kWidths = {64, 128, 320, 512};
constexpr std::array<int64_t, 4> kBlocks = {3, 4, 8, 3};
constexpr int64_t kHeadWidth = 64;
constexpr int64_t kChannels = 512;
constexpr int64_t kClasses = 150;
constexpr std::array<int64_t, 4> kPools = {1, 2, 3, 6};
// Here the patches' norms differ from the blocks'.
constexpr double kPatchNormEps = 1e-5;
constexpr int kMinSide = 32;
constexpr double kShortSide = 512, kLongSide = 2048;

// A norm over the channels, [B,C,H,W] -> [B,H,W,C].
at::Tensor channels_last_norm(const LayerNorm& norm, const at::Tensor& x) {
  return norm(x.permute({0, 2, 3, 1}));
}

at::Tensor to_channels_first(const at::Tensor& x) {
  return x.permute({0, 3, 1, 2}).contiguous();
}

at::Tensor like(const at::Tensor& x, const at::Tensor& target) {
  return bilinear(x, target.size(2), target.size(3), /*align_corners=*/false);
}

ImageSize network_size(const Image& image) {
  const double scale = std::min(kLongSide / std::max(image.width, image.height),
                                kShortSide / std::min(image.width, image.height));
  // Below the smallest side, which only a strip has, the patches run out.
  const auto side = [scale](int length) {
    return std::max(static_cast<int>(length * scale + 0.5), kMinSide);
  };
  return {side(image.width), side(image.height)};
}

}  // namespace

UniformerPatches::UniformerPatches(Module& parent, std::string_view key, int64_t in, int64_t out,
                                   int64_t stride)
    : Module(parent, key),
      project_(*this, "proj", in, out, stride, {.stride = stride}),
      norm_(*this, "norm", out, kPatchNormEps) {}

at::Tensor UniformerPatches::operator()(const at::Tensor& x) const {
  return to_channels_first(channels_last_norm(norm_, project_(x)));
}

UniformerLocalBlock::UniformerLocalBlock(Module& parent, std::string_view key, int64_t width)
    : Module(parent, key),
      positions_(*this, "pos_embed", width, width, 3, {.padding = 1, .groups = width}),
      norm_attention_(*this, "norm1", width),
      attention_in_(*this, "conv1", width, width, 1),
      attention_(*this, "attn", width, width, 5, {.padding = 2, .groups = width}),
      attention_out_(*this, "conv2", width, width, 1),
      norm_mlp_(*this, "norm2", width),
      mlp_up_(*this, "mlp.fc1", width, 4 * width, 1),
      mlp_down_(*this, "mlp.fc2", 4 * width, width, 1) {}

at::Tensor UniformerLocalBlock::forward(const at::Tensor& x) const {
  at::Tensor h = x + positions_(x);
  h = h + attention_out_(attention_(attention_in_(norm_attention_(h))));
  return h + mlp_down_(at::gelu(mlp_up_(norm_mlp_(h))));
}

UniformerGlobalBlock::UniformerGlobalBlock(Module& parent, std::string_view key, int64_t width)
    : VitBlock(parent, key, {.width = width, .heads = width / kHeadWidth}),
      positions_(*this, "pos_embed", width, width, 3, {.padding = 1, .groups = width}) {}

at::Tensor UniformerGlobalBlock::forward_map(const at::Tensor& x) const {
  const at::Tensor placed = x + positions_(x);
  return tokens_to_map(VitBlock::forward(map_to_tokens(placed)), x.size(2), x.size(3));
}

UniformerBackbone::UniformerBackbone(Module& parent, std::string_view key)
    : Module(parent, key),
      patches1_(*this, "patch_embed1", 3, kWidths[0], 4),
      patches2_(*this, "patch_embed2", kWidths[0], kWidths[1], 2),
      patches3_(*this, "patch_embed3", kWidths[1], kWidths[2], 2),
      patches4_(*this, "patch_embed4", kWidths[2], kWidths[3], 2),
      norm1_(*this, "norm1", kWidths[0], kVitNormEps),
      norm2_(*this, "norm2", kWidths[1], kVitNormEps),
      norm3_(*this, "norm3", kWidths[2], kVitNormEps),
      norm4_(*this, "norm4", kWidths[3], kVitNormEps) {
  for (int64_t i = 0; i < kBlocks[0]; ++i)
    blocks1_.emplace_back(*this, fmt::format("blocks1.{}", i), kWidths[0]);
  for (int64_t i = 0; i < kBlocks[1]; ++i)
    blocks2_.emplace_back(*this, fmt::format("blocks2.{}", i), kWidths[1]);
  for (int64_t i = 0; i < kBlocks[2]; ++i)
    blocks3_.emplace_back(*this, fmt::format("blocks3.{}", i), kWidths[2]);
  for (int64_t i = 0; i < kBlocks[3]; ++i)
    blocks4_.emplace_back(*this, fmt::format("blocks4.{}", i), kWidths[3]);
}

std::array<at::Tensor, 4> UniformerBackbone::forward(const at::Tensor& x, Taps* taps) const {
  at::Tensor h = x;
  std::array<at::Tensor, 4> levels;
  const auto stage = [&](size_t index, const UniformerPatches& patches, const auto& blocks,
                         const LayerNorm& norm) {
    h = patches(h);
    record(taps, fmt::format("layer.backbone.patch_embed{}", index + 1), h);
    for (size_t i = 0; i < blocks.size(); ++i) {
      if constexpr (requires { blocks[i].forward_map(h); }) {
        h = blocks[i].forward_map(h);
      } else {
        h = blocks[i].forward(h);
      }
      record(taps, fmt::format("layer.backbone.blocks{}.{}", index + 1, i), h);
    }
    const at::Tensor normed = channels_last_norm(norm, h);
    record(taps, fmt::format("layer.backbone.norm{}", index + 1), normed);
    // The next stage goes on from what was not normed.
    levels[index] = to_channels_first(normed);
  };
  stage(0, patches1_, blocks1_, norm1_);
  stage(1, patches2_, blocks2_, norm2_);
  stage(2, patches3_, blocks3_, norm3_);
  stage(3, patches4_, blocks4_, norm4_);
  return levels;
}

UperNetConv::UperNetConv(Module& parent, std::string_view key, int64_t in, int64_t out,
                         int64_t kernel)
    : Module(parent, key),
      conv_(*this, {"conv", "bn"},
            {.in = in,
             .out = out,
             .kernel = kernel,
             .conv = {.padding = kernel / 2, .bias = false}}) {}

at::Tensor UperNetConv::operator()(const at::Tensor& x) const {
  return conv_(x).relu_();
}

UperNetHead::UperNetHead(Module& parent, std::string_view key)
    : Module(parent, key),
      bottleneck_(*this, "bottleneck", kWidths[3] + 4 * kChannels, kChannels, 3),
      join_(*this, "fpn_bottleneck", 4 * kChannels, kChannels, 3),
      classes_(*this, "conv_seg", kChannels, kClasses, 1) {
  for (size_t i = 0; i < kPools.size(); ++i)
    pools_.emplace_back(*this, fmt::format("psp_modules.{}.1", i), kWidths[3], kChannels, 1);
  for (size_t i = 0; i < 3; ++i) {
    laterals_.emplace_back(*this, fmt::format("lateral_convs.{}", i), kWidths[i], kChannels, 1);
    smooths_.emplace_back(*this, fmt::format("fpn_convs.{}", i), kChannels, kChannels, 3);
  }
}

at::Tensor UperNetHead::pooled(const at::Tensor& level, Taps* taps) const {
  std::vector<at::Tensor> parts = {level};
  for (size_t i = 0; i < kPools.size(); ++i) {
    const at::Tensor pool = pools_[i](at::adaptive_avg_pool2d(level, {kPools[i], kPools[i]}));
    record(taps, fmt::format("layer.decode_head.psp_modules.{}", i), pool);
    parts.push_back(like(pool, level));
  }
  const at::Tensor joined = bottleneck_(at::cat(parts, 1));
  record(taps, "layer.decode_head.bottleneck", joined);
  return joined;
}

at::Tensor UperNetHead::forward(const std::array<at::Tensor, 4>& levels, Taps* taps) const {
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < 3; ++i) {
    parts.push_back(laterals_[i](levels[i]));
    record(taps, fmt::format("layer.decode_head.lateral_convs.{}", i), parts[i]);
  }
  parts.push_back(pooled(levels[3], taps));
  for (size_t i = 3; i > 0; --i) parts[i - 1] = parts[i - 1] + like(parts[i], parts[i - 1]);
  for (size_t i = 0; i < 3; ++i) {
    parts[i] = smooths_[i](parts[i]);
    record(taps, fmt::format("layer.decode_head.fpn_convs.{}", i), parts[i]);
  }
  for (size_t i = 1; i < parts.size(); ++i) parts[i] = like(parts[i], parts[0]);
  const at::Tensor joined = join_(at::cat(parts, 1));
  const at::Tensor scores = classes_(joined);
  record(taps, "layer.decode_head.fpn_bottleneck", joined);
  record(taps, "layer.decode_head.conv_seg", scores);
  return scores;
}

UniformerNetwork::UniformerNetwork() : backbone_(*this, "backbone"), head_(*this, "decode_head") {}

at::Tensor UniformerNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "uniformer", {"B", 3, "H", "W"});
  if (x.size(2) < kMinSide || x.size(3) < kMinSide)
    throw Error(ErrorKind::bad_request, "uniformer",
                fmt::format("the picture is {} x {}, wanted sides of at least {}", x.size(3),
                            x.size(2), kMinSide));
  record(taps, "net_input", x);
  const at::Tensor scores = head_.forward(backbone_.forward(x, taps), taps);
  if (taps != nullptr) record(taps, "logits", like(scores, x));
  return scores;
}

at::Tensor uniformer_input(const Image& rgb, bool scaled) {
  ZC_BUG_IF(rgb.empty());
  const ImageSize size = scaled ? network_size(rgb) : ImageSize{rgb.width, rgb.height};
  const at::Tensor pixels = rgb_tensor(
      size == ImageSize{rgb.width, rgb.height} ? rgb : resize(rgb, size, Interpolation::linear));
  // The reference's pipeline takes the picture for BGR and turns it around: B meets the numbers
  // that are meant for R.
  const at::Tensor mean = at::tensor({123.675f, 116.28f, 103.53f}).view({1, 3, 1, 1});
  const at::Tensor factor =
      at::tensor({1.0 / 58.395, 1.0 / 57.12, 1.0 / 57.375}).to(at::kFloat).view({1, 3, 1, 1});
  return (at::flip(pixels, {1}) - mean) * factor;
}

Image uniformer_labels(const UniformerNetwork& network, const Image& rgb, Taps* taps) {
  const c10::NoGradGuard no_grad;
  const at::Tensor x = uniformer_input(rgb);
  const at::Tensor scores = network.forward(x, taps);
  // Class by class: all at once would take gigabytes for a large picture.
  const auto enlarged = [&](int64_t label) {
    return bilinear(like(scores.slice(1, label, label + 1), x), rgb.height, rgb.width,
                    /*align_corners=*/false);
  };
  at::Tensor best = enlarged(0);
  at::Tensor labels = at::zeros(best.sizes(), best.options().dtype(at::kByte));
  for (int64_t label = 1; label < kClasses; ++label) {
    const at::Tensor score = enlarged(label);
    labels.masked_fill_(score > best, label);
    best = at::maximum(best, score);
  }
  Image image(rgb.width, rgb.height, 1);
  const at::Tensor bytes = labels.cpu().contiguous();
  std::memcpy(image.pixels.data(), bytes.const_data_ptr(), image.pixels.size());
  return image;
}

Image uniformer_map(const UniformerNetwork& network, const Image& rgb) {
  return ade20k_colored(uniformer_labels(network, rgb));
}

}  // namespace zc
