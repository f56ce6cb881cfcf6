// SPDX-License-Identifier: Apache-2.0
#include "models/text_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <fmt/format.h>

#include "base/error.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

at::Tensor quick_gelu(const at::Tensor& x) {
  return x * at::sigmoid(1.702 * x);
}

void check_ids(const at::Tensor& ids, int64_t positions) {
  if (ids.dim() != 2 || ids.size(1) > positions) check_shape(ids, "ids", {"B", positions});
}

}  // namespace

TextConfig clip_l_text() {
  return {};
}
TextConfig openclip_h_text() {
  return {.width = 1024, .layers = 24, .heads = 16, .projection = 1024};
}
TextConfig openclip_g_text() {
  return {.width = 1280, .layers = 32, .heads = 20, .projection = 1280};
}

ClipTextEncoder::Layer::Layer(Module& parent, std::string_view key, const TextConfig& c)
    : Module(parent, key),
      norm1(*this, "layer_norm1", c.width),
      norm2(*this, "layer_norm2", c.width),
      q(*this, "self_attn.q_proj", c.width, c.width),
      k(*this, "self_attn.k_proj", c.width, c.width),
      v(*this, "self_attn.v_proj", c.width, c.width),
      out(*this, "self_attn.out_proj", c.width, c.width),
      fc1(*this, "mlp.fc1", c.width, c.inner()),
      fc2(*this, "mlp.fc2", c.inner(), c.width) {}

ClipTextEncoder::ClipTextEncoder(const TextConfig& config)
    : config_(config),
      tokens_(*this, "embeddings.token_embedding", config.vocabulary, config.width),
      positions_(*this, "embeddings.position_embedding.weight", {config.positions, config.width}),
      final_norm_(*this, "final_layer_norm", config.width) {
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.emplace_back(*this, fmt::format("encoder.layers.{}", i), config);
  }
}

at::Tensor ClipTextEncoder::run(const at::Tensor& ids, int64_t layers) const {
  check_ids(ids, config_.positions);
  at::Tensor x = tokens_(ids);
  x = x + positions_.as(at::kFloat).narrow(0, 0, ids.size(1));
  for (int64_t i = 0; i < layers; ++i) {
    const Layer& l = layers_[i];
    const at::Tensor h = l.norm1(x);
    x = x + l.out(ops::attention(l.q(h), l.k(h), l.v(h), config_.heads, /*causal=*/true));
    x = x + l.fc2(quick_gelu(l.fc1(l.norm2(x))));
  }
  return x;
}

at::Tensor ClipTextEncoder::forward(const at::Tensor& ids, TextLayer layer) const {
  const at::Tensor x = run(ids, config_.layers - (layer == TextLayer::last ? 0 : 1));
  return layer == TextLayer::penultimate_raw ? x : final_norm_(x);
}

at::Tensor ClipTextEncoder::forward_skip(const at::Tensor& ids, int64_t skip) const {
  ZC_BUG_IF(skip < 1 || skip > config_.layers);
  return final_norm_(run(ids, config_.layers - (skip - 1)));
}

OpenClipTextEncoder::Layer::Layer(Module& parent, std::string_view key, const TextConfig& c)
    : Module(parent, key),
      norm1(*this, "ln_1", c.width),
      norm2(*this, "ln_2", c.width),
      in_weight(*this, "attn.in_proj_weight", {3 * c.width, c.width}),
      in_bias(*this, "attn.in_proj_bias", {3 * c.width}),
      out(*this, "attn.out_proj", c.width, c.width),
      fc(*this, "mlp.c_fc", c.width, c.inner()),
      proj(*this, "mlp.c_proj", c.inner(), c.width) {}

OpenClipTextEncoder::OpenClipTextEncoder(const TextConfig& config)
    : config_(config),
      tokens_(*this, "token_embedding", config.vocabulary, config.width),
      positions_(*this, "positional_embedding", {config.positions, config.width}),
      final_norm_(*this, "ln_final", config.width) {
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.emplace_back(*this, fmt::format("transformer.resblocks.{}", i), config);
  }
  if (config.projection > 0) {
    projection_.emplace(*this, "text_projection",
                        std::vector<int64_t>{config.width, config.projection});
  }
}

at::Tensor OpenClipTextEncoder::run(const at::Tensor& ids, int64_t layers) const {
  check_ids(ids, config_.positions);
  at::Tensor x = tokens_(ids);
  x = x + positions_.as(at::kFloat).narrow(0, 0, ids.size(1));
  for (int64_t i = 0; i < layers; ++i) {
    const Layer& l = layers_[i];
    const at::Tensor h = l.norm1(x);
    const auto qkv =
        ops::linear(h, l.in_weight.as(h.scalar_type()), l.in_bias.as(h.scalar_type())).chunk(3, -1);
    l.in_weight.used();
    x = x + l.out(ops::attention(qkv[0], qkv[1], qkv[2], config_.heads, /*causal=*/true));
    x = x + l.proj(at::gelu(l.fc(l.norm2(x))));
  }
  return x;
}

at::Tensor OpenClipTextEncoder::forward(const at::Tensor& ids, TextLayer layer) const {
  const at::Tensor x = run(ids, config_.layers - (layer == TextLayer::last ? 0 : 1));
  return layer == TextLayer::penultimate_raw ? x : final_norm_(x);
}

OpenClipTextEncoder::Pooled OpenClipTextEncoder::forward_pooled(const at::Tensor& ids,
                                                                int64_t end_id) const {
  Pooled result;
  result.hidden = run(ids, config_.layers - 1);
  const at::Tensor last = final_norm_(run(ids, config_.layers));
  const at::Tensor end =
      at::eq(ids, end_id).to(at::kInt).argmax(-1);  // the first position of the end mark
  const at::Tensor at_end = last.index({at::arange(ids.size(0)), end});
  result.pooled = at::matmul(at_end, projection_.value().as(at_end.scalar_type()));
  return result;
}

}  // namespace zc
