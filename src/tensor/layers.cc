// SPDX-License-Identifier: Apache-2.0
#include "tensor/layers.h"

#include <ATen/ops/embedding.h>

namespace zc {
namespace {

// The precision in which a layer computes: its input's, except that float32 weights under autocast
// stay as they are.
at::Tensor weight_for(const Parameter& p, const at::Tensor& x) {
  return p.as(x.scalar_type());
}

// As it is stored where the product can widen it on its way.
at::Tensor linear_weight(const Parameter& p, const at::Tensor& x) {
  return ops::linear_takes(x, p.stored()) ? p.stored() : weight_for(p, x);
}

at::Tensor conv_weight(const Parameter& p, const at::Tensor& x, const ops::ConvOptions& o) {
  return ops::conv2d_takes(x, p.stored(), o) ? p.stored() : weight_for(p, x);
}

at::Tensor bias_for(const std::optional<Parameter>& p, const at::Tensor& x) {
  return p ? p->as(x.scalar_type()) : at::Tensor();
}

}  // namespace

Conv2d::Conv2d(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t kernel,
               int64_t stride, std::optional<int64_t> padding, bool bias)
    : Module(parent, key),
      options_{stride, padding.value_or(kernel / 2)},
      weight_(*this, "weight", {out, in, kernel, kernel}) {
  if (bias) bias_.emplace(*this, "bias", std::vector<int64_t>{out});
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  return ops::conv2d(x, conv_weight(weight_, x, options_), bias_for(bias_, x), options_);
}

Linear::Linear(Module& parent, std::string_view key, int64_t in, int64_t out, bool bias)
    : Module(parent, key), weight_(*this, "weight", {out, in}) {
  if (bias) bias_.emplace(*this, "bias", std::vector<int64_t>{out});
}

at::Tensor Linear::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  return ops::linear(x, linear_weight(weight_, x), bias_for(bias_, x), residual);
}

at::Tensor Linear::geglu(const at::Tensor& x) const {
  return ops::linear_geglu(x, linear_weight(weight_, x), bias_for(bias_, x));
}

GroupNorm::GroupNorm(Module& parent, std::string_view key, int64_t channels, double eps,
                     int64_t groups)
    : Module(parent, key),
      options_{groups, eps, false},
      weight_(*this, "weight", {channels}),
      bias_(*this, "bias", {channels}) {}

at::Tensor GroupNorm::apply(const at::Tensor& x, bool silu) const {
  auto o = options_;
  o.silu = silu;
  return ops::group_norm(x, weight_for(weight_, x), weight_for(bias_, x), o);
}

LayerNorm::LayerNorm(Module& parent, std::string_view key, int64_t width, double eps)
    : Module(parent, key),
      eps_(eps),
      weight_(*this, "weight", {width}),
      bias_(*this, "bias", {width}) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return ops::layer_norm(x, weight_for(weight_, x), weight_for(bias_, x), eps_);
}

Embedding::Embedding(Module& parent, std::string_view key, int64_t rows, int64_t width)
    : Module(parent, key), weight_(*this, "weight", {rows, width}) {}

at::Tensor Embedding::operator()(const at::Tensor& ids) const {
  return at::embedding(weight_.as(at::kFloat), ids);
}

}  // namespace zc
