// SPDX-License-Identifier: Apache-2.0
#include "tensor/ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "tensor/conv_grad.h"
#include "tensor/geglu_grad.h"
#include "tensor/group_norm_grad.h"

namespace zc::ops {
namespace {

// Up to this many scores a head, training in bfloat16 takes two batched products: the flash kernel
// prepares a product for every block, which costs more than small blocks take.
constexpr int64_t kDirectAttentionSize = 1024 * 256;

at::Tensor attention_direct(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  const at::Tensor scores = at::matmul(q * scale, k.transpose(-1, -2));
  return at::matmul(at::softmax(scores, -1, at::kFloat).to(v.scalar_type()), v);
}

}  // namespace

at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  ConvOptions o) {
  if (c10::GradMode::is_enabled() && can_train_conv2d(x, weight, bias, o))
    return conv2d_trainable(x, weight, bias, o);
  return at::conv2d(x, weight, bias, {o.stride, o.stride}, {o.padding, o.padding});
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::linear(x, weight, bias);
}

at::Tensor group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      GroupNormOptions o) {
  if (c10::GradMode::is_enabled() && can_train_group_norm(x, weight) &&
      (x.requires_grad() || weight.requires_grad())) {
    return group_norm_trainable(x, weight, bias, o);
  }
  at::Tensor y = at::group_norm(x, o.groups, weight, bias, o.eps);
  return o.silu ? ops::silu(y) : y;
}

at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      double eps) {
  return at::layer_norm(x, {x.size(-1)}, weight, bias, eps);
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     bool causal) {
  const auto split = [&](const at::Tensor& x) {
    return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);  // [B,N,T,d]
  };
  if (c10::GradMode::is_enabled() && q.is_cpu() && q.scalar_type() == at::kBFloat16 && !causal &&
      q.size(1) * k.size(1) <= kDirectAttentionSize) {
    return attention_direct(split(q), split(k), split(v)).transpose(1, 2).flatten(2);
  }
  at::Tensor y = at::scaled_dot_product_attention(split(q), split(k), split(v), {}, 0.0, causal);
  return y.transpose(1, 2).flatten(2);
}

at::Tensor geglu(const at::Tensor& x) {
  if (c10::GradMode::is_enabled() && x.requires_grad() && x.is_cpu() &&
      x.scalar_type() == at::kFloat) {
    return geglu_trainable(x);
  }
  const auto halves = x.chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

at::Tensor upsample_twice(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2});
}

at::Tensor silu(const at::Tensor& x) {
  return at::silu(x);
}

}  // namespace zc::ops
