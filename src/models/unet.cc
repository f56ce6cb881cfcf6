// SPDX-License-Identifier: Apache-2.0
#include "models/unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "base/error.h"
#include "tensor/shapes.h"

namespace zc {

Residuals scaled(const Residuals& residuals, const std::vector<double>& scales) {
  ZC_BUG_IF(residuals.size() != scales.size());
  Residuals result(residuals.size());
  for (size_t i = 0; i < residuals.size(); ++i) {
    if (residuals[i].defined())
      result[i] = scales[i] == 1.0 ? residuals[i] : residuals[i] * scales[i];
  }
  return result;
}

Residuals sum(const Residuals& a, const Residuals& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  ZC_BUG_IF(a.size() != b.size());
  Residuals result(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    result[i] = !a[i].defined() ? b[i] : !b[i].defined() ? a[i] : a[i] + b[i];
  }
  return result;
}

Residuals pooled(const Residuals& residuals) {
  Residuals result;
  for (const auto& r : residuals) {
    result.push_back(r.defined() ? r.mean({2, 3}, /*keepdim=*/true).expand_as(r) : r);
  }
  return result;
}

UNet::DecoderStage::DecoderStage(Module& parent, std::string_view key, const UNetConfig& c,
                                 int64_t in, int64_t out, int64_t depth, bool has_up)
    : Module(parent, key), residual(*this, "0", c, in, out) {
  if (depth > 0) transformer.emplace(*this, "1", c, out, depth);
  if (has_up) up.emplace(*this, depth > 0 ? "2.conv" : "1.conv", out, out, 3);
}

at::Tensor UNet::DecoderStage::operator()(const at::Tensor& h, const at::Tensor& skip,
                                          const at::Tensor& emb, Context& context) const {
  const auto all = [this](const auto& in, Context& c) {
    at::Tensor y = run_stage(residual, transformer ? &*transformer : nullptr,
                             at::cat({in[0], for_batch(in[1], in[0].size(0))}, 1), in[2], c);
    return up ? (*up)(ops::upsample_twice(y)) : y;
  };
  // The joined input is larger than both parts of it that are there anyway.
  if (transformer && transformer->deep()) return all(std::vector{h, skip, emb}, context);
  return run_block(context, {h, skip, emb}, all);
}

UNet::UNet(const UNetConfig& config)
    : config_(config),
      encoder_(*this, config),
      norm_out_(*this, "out.0", config.model_channels, 1e-5, config.norm_groups),
      conv_out_(*this, "out.2", config.model_channels, config.out_channels, 3) {
  std::vector<int64_t> skips = encoder_.channels();
  int64_t channels = skips.back();
  for (size_t level = config.channel_mult.size(); level-- > 0;) {
    const int64_t out = config.model_channels * config.channel_mult[level];
    for (int64_t i = 0; i <= config.num_res_blocks; ++i) {
      const bool up = level > 0 && i == config.num_res_blocks;
      decoder_.emplace_back(*this, fmt::format("output_blocks.{}", decoder_.size()), config,
                            channels + skips.back(), out, config.transformer_depth[level], up);
      skips.pop_back();
      channels = out;
    }
  }
}

at::Tensor UNet::embed(const at::Tensor& t, const at::Tensor& label) const {
  return encoder_.embed(t, label);
}

at::Tensor UNet::forward(const at::Tensor& x, const at::Tensor& emb, Context& context,
                         const Residuals& residuals, at::Tensor* deep) const {
  check_shape(x, "x", {"B", config_.in_channels, "H", "W"});
  check_shape(context.tokens(), "context", {"B", "T", config_.context_dim});
  ZC_BUG_IF(!residuals.empty() && residuals.size() != encoder_.stages().size() + 1);

  const bool shallow = deep != nullptr && deep->defined();
  std::vector<at::Tensor> skips;
  at::Tensor h = channels_last(x);
  for (const EncoderStage& stage : encoder_.stages()) {
    skips.push_back(h = stage(h, emb, context));
    if (shallow) break;
  }
  if (shallow) {
    h = *deep;
  } else {
    h = encoder_.middle(h, emb, context);
    if (!residuals.empty() && residuals.back().defined()) h = h + residuals.back();
  }
  const auto first = shallow ? std::prev(decoder_.end()) : decoder_.begin();
  for (auto stage = first; stage != decoder_.end(); ++stage) {
    if (deep != nullptr && skips.size() == 1) *deep = h;
    at::Tensor skip = skips.back();
    // Control outputs are consumed from the end, each with the skip connection of the same stage.
    if (!residuals.empty() && residuals[skips.size() - 1].defined())
      skip = skip + residuals[skips.size() - 1];
    skips.pop_back();
    h = (*stage)(h, skip, emb, context);
  }
  return conv_out_(norm_out_.silu(h));
}

std::vector<const CrossAttention*> UNet::cross_attentions() const {
  std::vector<const CrossAttention*> layers;
  const auto add = [&](const SpatialTransformer& transformer) {
    for (const TransformerBlock& block : transformer.blocks())
      layers.push_back(&block.cross_attention());
  };
  for (const EncoderStage& stage : encoder_.stages()) {
    if (stage.transformer() != nullptr) add(*stage.transformer());
  }
  for (const DecoderStage& stage : decoder_) {
    if (stage.transformer) add(*stage.transformer);
  }
  add(encoder_.middle_transformer());
  return layers;
}

}  // namespace zc
