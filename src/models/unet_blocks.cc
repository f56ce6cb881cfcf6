// SPDX-License-Identifier: Apache-2.0
#include "models/unet_blocks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sin.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <cmath>

#include "tensor/recompute.h"

namespace zc {

UNetConfig sd15_unet() {
  return {};
}

UNetConfig sd21_unet() {
  UNetConfig c;
  c.num_heads = 0;
  c.head_channels = 64;
  c.context_dim = 1024;
  c.linear_projection = true;
  return c;
}

UNetConfig sdxl_unet() {
  UNetConfig c;
  c.channel_mult = {1, 2, 4};
  c.transformer_depth = {0, 2, 10};
  c.middle_depth = 10;
  c.num_heads = 0;
  c.head_channels = 64;
  c.context_dim = 2048;
  c.linear_projection = true;
  c.label_channels = 2816;
  return c;
}

at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

KeyValue Context::keys_values(const CrossAttention& layer,
                              const std::function<KeyValue()>& compute) {
  if (!keep_) return compute();
  const auto found = kept_.find(&layer);
  if (found != kept_.end()) return found->second;
  return kept_.emplace(&layer, compute()).first->second;
}

at::Tensor run_block(Context& context, std::vector<at::Tensor> inputs, const ContextBlock& block) {
  if (!context.recompute || !c10::GradMode::is_enabled()) return block(inputs, context);
  inputs.push_back(context.tokens());
  const auto with_tokens = [block, image_prompt = context.image_prompt](
                               const std::vector<at::Tensor>& inputs_and_tokens) {
    Context inner(inputs_and_tokens.back());
    inner.image_prompt = image_prompt;
    return block(inputs_and_tokens, inner);
  };
  return recompute(with_tokens, inputs);
}

namespace {

// exp(-ln(max_period) j / half) in float32, correctly rounded, so that it is the same on every CPU:
// the angle t f_j magnifies each step of rounding.
at::Tensor timestep_frequencies(int64_t half, double max_period) {
  at::Tensor frequencies = at::empty({half}, at::kFloat);
  auto* f = frequencies.mutable_data_ptr<float>();
  for (int64_t j = 0; j < half; ++j) {
    const float x = static_cast<float>(j) * static_cast<float>(-std::log(max_period)) /
                    static_cast<float>(half);
    f[j] = static_cast<float>(std::exp(static_cast<double>(x)));
  }
  return frequencies;
}

}  // namespace

at::Tensor timestep_embedding(const at::Tensor& t, int64_t dim, double max_period) {
  const at::Tensor frequencies = timestep_frequencies(dim / 2, max_period).to(t.device());
  const at::Tensor angles = t.to(at::kFloat).unsqueeze(-1) * frequencies;
  at::Tensor embedding = at::cat({at::cos(angles), at::sin(angles)}, -1);
  if (dim % 2 == 1)
    embedding = at::cat({embedding, at::zeros_like(embedding.narrow(-1, 0, 1))}, -1);
  return embedding;
}

ResBlock::ResBlock(Module& parent, std::string_view key, const UNetConfig& c, int64_t in,
                   int64_t out)
    : Module(parent, key),
      norm_in_(*this, "in_layers.0", in, 1e-5, c.norm_groups),
      conv_in_(*this, "in_layers.2", in, out, 3),
      emb_(*this, "emb_layers.1", c.time_channels(), out),
      norm_out_(*this, "out_layers.0", out, 1e-5, c.norm_groups),
      conv_out_(*this, "out_layers.3", out, out, 3) {
  if (in != out) skip_.emplace(*this, "skip_connection", in, out, 1);
}

at::Tensor ResBlock::operator()(const at::Tensor& x, const at::Tensor& emb) const {
  at::Tensor h = conv_in_(norm_in_.silu(x));
  h = h + emb_(ops::silu(emb)).unsqueeze(-1).unsqueeze(-1);
  h = conv_out_(norm_out_.silu(h));
  return (skip_ ? (*skip_)(x) : x) + h;
}

CrossAttention::CrossAttention(Module& parent, std::string_view key, int64_t width,
                               int64_t context_dim, int64_t heads)
    : Module(parent, key),
      width_(width),
      heads_(heads),
      to_q_(*this, "to_q", width, width, false),
      to_k_(*this, "to_k", context_dim, width, false),
      to_v_(*this, "to_v", context_dim, width, false),
      to_out_(*this, "to_out.0", width, width) {}

at::Tensor CrossAttention::self(const at::Tensor& x, const at::Tensor& residual) const {
  return to_out_(ops::attention(to_q_(x), to_k_(x), to_v_(x), heads_), residual);
}

at::Tensor for_batch(const at::Tensor& x, int64_t batch) {
  if (x.size(0) == batch) return x;
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.front() = batch;
  return x.expand(sizes).contiguous(x.suggest_memory_format());
}

at::Tensor CrossAttention::cross(const at::Tensor& x, Context& context,
                                 const at::Tensor& residual) const {
  const KeyValue kv = context.keys_values(
      *this, [&] { return KeyValue{to_k_(context.tokens()), to_v_(context.tokens())}; });
  const int64_t batch = kv.key.size(0);
  const at::Tensor q = for_batch(to_q_(x), batch);
  at::Tensor y = ops::attention(q, kv.key, kv.value, heads_);
  if (context.image_prompt) {
    const auto image = context.image_prompt->layers.find(this);
    if (image != context.image_prompt->layers.end()) {
      y = y + context.image_prompt->scale *
                  ops::attention(q, image->second.key, image->second.value, heads_);
    }
  }
  return to_out_(y, residual.defined() ? for_batch(residual, batch) : residual);
}

FeedForward::FeedForward(Module& parent, std::string_view key, int64_t width)
    : Module(parent, key),
      proj_(*this, "net.0.proj", width, width * 8),
      out_(*this, "net.2", width * 4, width) {}

at::Tensor FeedForward::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  return out_(proj_.geglu(x), residual);
}

TransformerBlock::TransformerBlock(Module& parent, std::string_view key, int64_t width,
                                   int64_t context_dim, int64_t heads)
    : Module(parent, key),
      norm1_(*this, "norm1", width),
      norm2_(*this, "norm2", width),
      norm3_(*this, "norm3", width),
      attn1_(*this, "attn1", width, width, heads),
      attn2_(*this, "attn2", width, context_dim, heads),
      ff_(*this, "ff", width) {}

at::Tensor TransformerBlock::self_attention(const at::Tensor& x, double merged,
                                            const TokenGrid& grid) const {
  const at::Tensor features = norm1_(x);
  if (merged <= 0 || grid.height == 0) return attn1_.self(features, x);
  const MergedTokens tokens(features, grid, merged);
  return tokens.unmerge(attn1_.self(tokens.merge(features))) + x;
}

at::Tensor TransformerBlock::operator()(const at::Tensor& x, Context& context,
                                        const TokenGrid& grid) const {
  at::Tensor h = self_attention(x, context.merged_tokens, grid);
  h = attn2_.cross(norm2_(h), context, h);
  return ff_(norm3_(h), h);
}

SpatialTransformer::SpatialTransformer(Module& parent, std::string_view key, const UNetConfig& c,
                                       int64_t channels, int64_t depth)
    : Module(parent, key),
      outermost_(channels == c.attention_channels()),
      norm_(*this, "norm", channels, 1e-6, c.norm_groups) {
  if (c.linear_projection) {
    linear_in_.emplace(*this, "proj_in", channels, channels);
    linear_out_.emplace(*this, "proj_out", channels, channels);
  } else {
    conv_in_.emplace(*this, "proj_in", channels, channels, 1);
    conv_out_.emplace(*this, "proj_out", channels, channels, 1);
  }
  for (int64_t i = 0; i < depth; ++i) {
    blocks_.emplace_back(*this, fmt::format("transformer_blocks.{}", i), channels, c.context_dim,
                         c.heads_at(channels));
  }
}

at::Tensor SpatialTransformer::operator()(const at::Tensor& x, Context& context) const {
  const int64_t height = x.size(2);
  at::Tensor h = norm_(x);
  if (conv_in_) h = (*conv_in_)(h);
  h = h.permute({0, 2, 3, 1}).flatten(1, 2);  // [B,HW,C]
  if (linear_in_) h = (*linear_in_)(h);
  const TokenGrid grid = outermost_ ? TokenGrid{height, x.size(3)} : TokenGrid{};
  for (const TransformerBlock& b : blocks_) {
    const auto block = [&b, grid](const auto& in, Context& c) { return b(in[0], c, grid); };
    h = deep() ? run_block(context, {h}, block) : b(h, context, grid);
  }
  if (linear_out_) h = (*linear_out_)(h);
  h = h.unflatten(1, {height, -1}).permute({0, 3, 1, 2});  // [B,C,H,W], channels-last in memory
  if (conv_out_) h = (*conv_out_)(h);
  return h + x;
}

at::Tensor run_stage(const ResBlock& residual, const SpatialTransformer* transformer,
                     const at::Tensor& x, const at::Tensor& emb, Context& context) {
  const auto first = [&residual](const auto& in, Context&) { return residual(in[0], in[1]); };
  if (transformer == nullptr) return run_block(context, {x, emb}, first);
  if (transformer->deep()) return (*transformer)(run_block(context, {x, emb}, first), context);
  return run_block(context, {x, emb}, [&residual, transformer](const auto& in, Context& c) {
    return (*transformer)(residual(in[0], in[1]), c);
  });
}

EncoderStage::EncoderStage(Module& parent, std::string_view key, const UNetConfig& c, Kind kind,
                           int64_t in, int64_t out, int64_t depth)
    : Module(parent, key) {
  switch (kind) {
    case Kind::stem:
      conv_.emplace(*this, "0", in, out, 3);
      break;
    case Kind::down:
      conv_.emplace(*this, "0.op", in, out, 3, 2);
      break;
    case Kind::residual:
      residual_.emplace(*this, "0", c, in, out);
      if (depth > 0) transformer_.emplace(*this, "1", c, out, depth);
      break;
  }
}

at::Tensor EncoderStage::operator()(const at::Tensor& x, const at::Tensor& emb,
                                    Context& context) const {
  return conv_ ? (*conv_)(x) : run_stage(*residual_, transformer(), x, emb, context);
}

Encoder::Encoder(Module& parent, const UNetConfig& c)
    : config_(c),
      time_in_(parent, "time_embed.0", c.model_channels, c.time_channels()),
      time_out_(parent, "time_embed.2", c.time_channels(), c.time_channels()),
      middle_key_(parent),
      middle_in_(middle_key_, "0", c, c.model_channels * c.channel_mult.back(),
                 c.model_channels * c.channel_mult.back()),
      middle_transformer_(middle_key_, "1", c, c.model_channels * c.channel_mult.back(),
                          c.middle_depth),
      middle_out_(middle_key_, "2", c, c.model_channels * c.channel_mult.back(),
                  c.model_channels * c.channel_mult.back()) {
  if (c.label_channels > 0) {
    label_in_.emplace(parent, "label_emb.0.0", c.label_channels, c.time_channels());
    label_out_.emplace(parent, "label_emb.0.2", c.time_channels(), c.time_channels());
  }
  const auto add = [&](EncoderStage::Kind kind, int64_t in, int64_t out, int64_t depth) {
    stages_.emplace_back(parent, fmt::format("input_blocks.{}", stages_.size()), c, kind, in, out,
                         depth);
    channels_.push_back(out);
  };
  int64_t channels = c.model_channels;
  add(EncoderStage::Kind::stem, c.in_channels, channels, 0);
  for (size_t level = 0; level < c.channel_mult.size(); ++level) {
    const int64_t out = c.model_channels * c.channel_mult[level];
    for (int64_t i = 0; i < c.num_res_blocks; ++i) {
      add(EncoderStage::Kind::residual, channels, out, c.transformer_depth[level]);
      channels = out;
    }
    if (level + 1 < c.channel_mult.size()) add(EncoderStage::Kind::down, channels, channels, 0);
  }
}

at::Tensor Encoder::embed(const at::Tensor& t, const at::Tensor& label) const {
  at::Tensor emb = time_out_(ops::silu(time_in_(timestep_embedding(t, config_.model_channels))));
  if (label_in_) emb = emb + (*label_out_)(ops::silu((*label_in_)(label)));
  return emb;
}

at::Tensor Encoder::middle(const at::Tensor& x, const at::Tensor& emb, Context& context) const {
  return run_stage(middle_out_, nullptr,
                   run_stage(middle_in_, &middle_transformer_, x, emb, context), emb, context);
}

}  // namespace zc
