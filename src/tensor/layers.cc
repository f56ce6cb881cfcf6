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
  return ops::linear_takes(x, p.stored()) ? p.present() : weight_for(p, x);
}

at::Tensor conv_weight(const Parameter& p, const at::Tensor& x, const ops::ConvOptions& o) {
  return ops::conv2d_takes(x, p.stored(), o) ? p.present() : weight_for(p, x);
}

// Until the end of the operator that uses the weight.
class InUse {
 public:
  explicit InUse(const Parameter& p) : parameter_(p) {}
  ~InUse() { parameter_.used(); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  const Parameter& parameter_;
};

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
  const InUse weight(weight_);
  return ops::conv2d(x, conv_weight(weight_, x, options_), bias_for(bias_, x), options_);
}

Linear::Linear(Module& parent, std::string_view key, int64_t in, int64_t out, bool bias)
    : Module(parent, key), weight_(*this, "weight", {out, in}) {
  if (bias) bias_.emplace(*this, "bias", std::vector<int64_t>{out});
}

at::Tensor Linear::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  const InUse weight(weight_);
  return ops::linear(x, linear_weight(weight_, x), bias_for(bias_, x), residual);
}

at::Tensor Linear::geglu(const at::Tensor& x) const {
  const InUse weight(weight_);
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

bool GroupNorm::has_scales(const at::Tensor& x) const {
  return ops::has_group_norm_scales(x, weight_for(weight_, x));
}

ops::GroupNormScales GroupNorm::scales(const at::Tensor& x) const {
  return ops::group_norm_scales(x, weight_for(weight_, x), weight_for(bias_, x), options_);
}

at::Tensor GroupNorm::silu_of_rows(const at::Tensor& rows,
                                   const ops::GroupNormScales& scales) const {
  auto o = options_;
  o.silu = true;
  return ops::group_norm_apply(rows, scales, o);
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
  const InUse weight(weight_);
  // A look-up of rows that are widened afterwards: the table may be large.
  const at::Tensor rows = at::embedding(weight_.stored(), ids);
  return at::isReducedFloatingType(rows.scalar_type()) ? rows.to(at::kFloat) : rows;
}

}  // namespace zc
