// SPDX-License-Identifier: Apache-2.0
#include "tensor/ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>

namespace zc::ops {

at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, ConvOptions o) {
  return at::conv2d(x, weight, bias, {o.stride, o.stride}, {o.padding, o.padding});
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::linear(x, weight, bias);
}

at::Tensor group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      GroupNormOptions o) {
  at::Tensor y = at::group_norm(x, o.groups, weight, bias, o.eps);
  return o.silu ? ops::silu(y) : y;
}

at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps) {
  return at::layer_norm(x, {x.size(-1)}, weight, bias, eps);
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     bool causal) {
  const auto split = [&](const at::Tensor& x) {
    return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);  // [B,N,T,d]
  };
  at::Tensor y = at::scaled_dot_product_attention(split(q), split(k), split(v), {}, 0.0, causal);
  return y.transpose(1, 2).flatten(2);
}

at::Tensor geglu(const at::Tensor& x) {
  const auto halves = x.chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

at::Tensor upsample_twice(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2});
}

at::Tensor silu(const at::Tensor& x) { return at::silu(x); }

}  // namespace zc::ops
