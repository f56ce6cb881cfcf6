// SPDX-License-Identifier: Apache-2.0
#include "annotators/zoe_core.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros_like.h>

#include <array>
#include <vector>

#include <fmt/format.h>

namespace zc {
namespace {

constexpr int64_t kWidth = 1024;
constexpr int64_t kHeads = 16;
constexpr int64_t kBlocks = 24;
constexpr int64_t kPatch = 16;
constexpr int64_t kChannels = 256;
constexpr std::array<int64_t, 4> kLevelChannels = {256, 512, 1024, 1024};
// Differences of rows and of columns in the grid of 24 x 24 patches that the table was learnt for,
// and three rows for what the class token has to do with.
constexpr int64_t kTableSide = 2 * 24 - 1;
constexpr int64_t kTableRows = kTableSide * kTableSide + 3;

}  // namespace

BeitGrid beit_grid(int64_t height, int64_t width) {
  const int64_t patches = height * width, tokens = 1 + patches;
  const int64_t span = 2 * width - 1, rows = (2 * height - 1) * span + 3;
  BeitGrid grid{height, width, at::empty({tokens * tokens}, at::kLong)};
  int64_t* row = grid.rows.data_ptr<int64_t>();
  *row++ = rows - 1;
  for (int64_t j = 0; j < patches; ++j) *row++ = rows - 3;
  for (int64_t i = 0; i < patches; ++i) {
    *row++ = rows - 2;
    const int64_t y = i / width + height - 1, x = i % width + width - 1;
    for (int64_t j = 0; j < patches; ++j) *row++ = (y - j / width) * span + x - j % width;
  }
  return grid;
}

BeitBlock::BeitBlock(Module& parent, std::string_view key)
    : Module(parent, key),
      attention_scale_(*this, "gamma_1", {kWidth}),
      mlp_scale_(*this, "gamma_2", {kWidth}),
      norm_attention_(*this, "norm1", kWidth, kVitNormEps),
      query_bias_(*this, "attn.q_bias", {kWidth}),
      value_bias_(*this, "attn.v_bias", {kWidth}),
      positions_(*this, "attn.relative_position_bias_table", {kTableRows, kHeads}),
      qkv_(*this, "attn.qkv.weight", {3 * kWidth, kWidth}),
      attention_out_(*this, "attn.proj", kWidth, kWidth),
      norm_mlp_(*this, "norm2", kWidth, kVitNormEps),
      mlp_(*this, "mlp", kWidth) {}

at::Tensor BeitBlock::position_bias(const BeitGrid& grid) const {
  const at::Tensor table = positions_.as(at::kFloat).t();  // [N,2212]
  const at::Tensor differences =
      table.slice(1, 0, kTableRows - 3).reshape({1, kHeads, kTableSide, kTableSide});
  const at::Tensor resized = bilinear(differences, 2 * grid.height - 1, 2 * grid.width - 1,
                                      /*align_corners=*/false);
  const at::Tensor rows =
      at::cat({resized.reshape({kHeads, -1}), table.slice(1, kTableRows - 3)}, 1);
  const int64_t tokens = 1 + grid.height * grid.width;
  return rows.index_select(1, grid.rows).view({1, kHeads, tokens, tokens});
}

at::Tensor BeitBlock::attention(const at::Tensor& x, const BeitGrid& grid) const {
  const at::ScalarType type = x.scalar_type();
  const at::Tensor query_bias = query_bias_.as(type);
  // Keys have no bias.
  const at::Tensor bias = at::cat({query_bias, at::zeros_like(query_bias), value_bias_.as(type)});
  const auto qkv = at::linear(x, qkv_.as(type), bias)
                       .unflatten(-1, {3, kHeads, kWidth / kHeads})
                       .permute({2, 0, 3, 1, 4})  // [3,B,N,T,d]
                       .unbind(0);
  const at::Tensor y =
      at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], position_bias(grid));
  return attention_out_(y.transpose(1, 2).flatten(2));
}

at::Tensor BeitBlock::forward(const at::Tensor& x, const BeitGrid& grid) const {
  const at::ScalarType type = x.scalar_type();
  const at::Tensor h = x + attention(norm_attention_(x), grid) * attention_scale_.as(type);
  return h + mlp_(norm_mlp_(h)) * mlp_scale_.as(type);
}

ZoeCore::Level::Level(Module& core, int64_t number, int64_t channels)
    : readout(core, fmt::format("pretrained.act_postprocess{}.0", number), kWidth),
      conv(core, fmt::format("pretrained.act_postprocess{}.3", number), kWidth, channels, 1) {}

at::Tensor ZoeCore::Level::operator()(const at::Tensor& tokens, const BeitGrid& grid) const {
  return conv(tokens_to_map(readout(tokens), grid.height, grid.width));
}

ZoeCore::ZoeCore(Module& parent, std::string_view key)
    : Module(parent, key),
      class_token_(*this, "pretrained.model.cls_token", {1, 1, kWidth}),
      patches_(*this, "pretrained.model.patch_embed.proj", 3, kWidth, kPatch, {.stride = kPatch}),
      level1_(*this, 1, kLevelChannels[0]),
      level2_(*this, 2, kLevelChannels[1]),
      level3_(*this, 3, kLevelChannels[2]),
      level4_(*this, 4, kLevelChannels[3]),
      enlarge1_(*this, "pretrained.act_postprocess1.4", kLevelChannels[0], kLevelChannels[0], 4, 4,
                0),
      enlarge2_(*this, "pretrained.act_postprocess2.4", kLevelChannels[1], kLevelChannels[1], 2, 2,
                0),
      halve4_(*this, "pretrained.act_postprocess4.4", kLevelChannels[3], kLevelChannels[3], 3,
              {.stride = 2, .padding = 1}),
      fusion_(*this, "scratch", kLevelChannels, kChannels),
      head_(*this, "scratch.output_conv", kChannels) {
  for (int64_t i = 0; i < kBlocks; ++i)
    blocks_.emplace_back(*this, fmt::format("pretrained.model.blocks.{}", i));
}

ZoeCore::Output ZoeCore::forward(const at::Tensor& x, Taps* taps, const std::string& layer) const {
  const std::string model = layer + ".pretrained.model.";
  const BeitGrid grid = beit_grid(x.size(2) / kPatch, x.size(3) / kPatch);
  const at::Tensor patches = map_to_tokens(patches_(x));
  record(taps, model + "patch_embed", patches);
  const at::Tensor first = class_token_.as(x.scalar_type()).expand({x.size(0), 1, kWidth});
  at::Tensor tokens = at::cat({first, patches}, 1);
  std::array<at::Tensor, 4> tapped;  // after blocks 5, 11, 17, 23
  for (int64_t i = 0; i < kBlocks; ++i) {
    tokens = blocks_[static_cast<size_t>(i)].forward(tokens, grid);
    record(taps, model + fmt::format("blocks.{}", i), tokens);
    if (i % 6 == 5) tapped[static_cast<size_t>(i / 6)] = tokens;
  }

  const std::array<at::Tensor, 4> levels = {
      enlarge1_(level1_(tapped[0], grid)), enlarge2_(level2_(tapped[1], grid)),
      level3_(tapped[2], grid), halve4_(level4_(tapped[3], grid))};
  const std::string level = layer + ".pretrained.act_postprocess";
  record(taps, level + "1.4", levels[0]);
  record(taps, level + "2.4", levels[1]);
  record(taps, level + "3.3", levels[2]);
  record(taps, level + "4.4", levels[3]);

  Output out;
  out.paths = fusion_.forward(levels, taps, layer + ".scratch.");
  DptHead::Output head = head_.forward(out.paths.path1, taps, layer + ".scratch.output_conv.");
  out.features = std::move(head.features);
  out.depth = std::move(head.depth);
  record(taps, layer, out.depth);
  return out;
}

}  // namespace zc
