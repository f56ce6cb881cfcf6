// SPDX-License-Identifier: Apache-2.0
#include "annotators/vit_blocks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>

#include "tensor/ops.h"

namespace zc {
namespace {

at::Tensor scaled(const at::Tensor& x, const std::optional<Parameter>& scale) {
  return scale ? x * scale->as(x.scalar_type()) : x;
}

}  // namespace

VitMlp::VitMlp(Module& parent, std::string_view key, int64_t width)
    : Module(parent, key),
      up_(*this, "fc1", width, 4 * width),
      down_(*this, "fc2", 4 * width, width) {}

at::Tensor VitMlp::operator()(const at::Tensor& x) const {
  return down_(at::gelu(up_(x)));
}

VitBlock::VitBlock(Module& parent, std::string_view key, VitBlockOptions options)
    : Module(parent, key),
      options_(options),
      norm_attention_(*this, "norm1", options.width, kVitNormEps),
      qkv_(*this, "attn.qkv", options.width, 3 * options.width),
      attention_out_(*this, "attn.proj", options.width, options.width),
      norm_mlp_(*this, "norm2", options.width, kVitNormEps),
      mlp_(*this, "mlp", options.width) {
  if (!options.layer_scale) return;
  attention_scale_.emplace(*this, "ls1.gamma", std::vector<int64_t>{options.width});
  mlp_scale_.emplace(*this, "ls2.gamma", std::vector<int64_t>{options.width});
}

at::Tensor VitBlock::forward(const at::Tensor& x) const {
  const auto qkv = qkv_(norm_attention_(x)).chunk(3, -1);
  const at::Tensor attended =
      attention_out_(ops::attention(qkv[0], qkv[1], qkv[2], options_.heads));
  const at::Tensor h = x + scaled(attended, attention_scale_);
  return h + scaled(mlp_(norm_mlp_(h)), mlp_scale_);
}

at::Tensor map_to_tokens(const at::Tensor& map) {
  return map.flatten(2).transpose(1, 2);
}

at::Tensor tokens_to_map(const at::Tensor& tokens, int64_t height, int64_t width) {
  return tokens.transpose(1, 2).contiguous().view({tokens.size(0), tokens.size(2), height, width});
}

}  // namespace zc
