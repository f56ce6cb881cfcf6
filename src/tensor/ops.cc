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
#include "tensor/fast_attention.h"
#include "tensor/fast_conv.h"
#include "tensor/fast_linear.h"
#include "tensor/geglu_grad.h"
#include "tensor/gpu.h"
#include "tensor/group_norm_grad.h"
#include "tensor/kernel_choice.h"
#include "tensor/split_conv.h"
#include "tensor/torch_workers.h"

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

// Whether our own kernels are to be asked: where gradients are kept they always are.
bool own_kernels(const at::Tensor& x) {
  return (c10::GradMode::is_enabled() || fast_kernels_in_use()) && is_plain_float(x) &&
         computes_in_float();
}

// The GPU's own kernels, where x lies on one that has them; null: ATen's.
const Gpu* own_gpu(const at::Tensor& x) {
  const Gpu* const own = c10::GradMode::is_enabled() ? nullptr : gpu(x.device());
  return own != nullptr && own->has_kernels() ? own : nullptr;
}

bool is_pointwise(const at::Tensor& x, const at::Tensor& weight, const ConvOptions& o) {
  return x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 1 && weight.size(3) == 1 &&
         o.stride == 1 && o.padding == 0;
}

// A linear layer at each position; the result is channels-last.
at::Tensor pointwise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return fast_linear(x.permute({0, 2, 3, 1}), weight.flatten(1), bias).permute({0, 3, 1, 2});
}

}  // namespace

namespace {

enum class ConvRoute : uint8_t { trainable, pointwise, split, winograd, aten };

// A picture of large tiles goes to Winograd even where there is AMX, whose split products were as
// fast there as Winograd's with small tiles (docs/benchmarks.md); with large ones, which take a
// fifth fewer products, it has not been measured there. Products rounded to bfloat16 take a third
// of that.
ConvRoute route_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                   const ConvOptions& o) {
  const bool trains = c10::GradMode::is_enabled();
  if (trains && can_train_conv2d(x, weight, bias, o)) return ConvRoute::trainable;
  if (!own_kernels(x)) return ConvRoute::aten;
  if (is_pointwise(x, weight, o) && suits_fast_linear(x.permute({0, 2, 3, 1}), weight.flatten(1)))
    return ConvRoute::pointwise;
  const bool by_winograd = !trains && suits_winograd(x, weight, bias, o);
  if (by_winograd && takes_large_tiles(x, o) && kernels_in_use() != Kernels::bf16)
    return ConvRoute::winograd;
  if (!trains && suits_split_conv(x, weight, bias, o)) return ConvRoute::split;
  if (by_winograd) return ConvRoute::winograd;
  return ConvRoute::aten;
}

// What is left to ATen is widened for the call, so that halves stay halves in memory.
bool is_widened_for_aten(const at::Tensor& x, const at::Tensor& weight) {
  return !c10::GradMode::is_enabled() && own_kernels(x) &&
         at::isReducedFloatingType(weight.scalar_type());
}

}  // namespace

bool conv2d_takes(const at::Tensor& x, const at::Tensor& weight, ConvOptions o) {
  if (x.scalar_type() == weight.scalar_type()) return true;
  return is_widened_for_aten(x, weight) || route_of(x, weight, {}, o) != ConvRoute::aten;
}

int64_t conv_tile_rows(int64_t width) {
  return kernels::winograd_tile(width);
}

at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  ConvOptions o) {
  switch (route_of(x, weight, bias, o)) {
    case ConvRoute::trainable:
      return conv2d_trainable(x, weight, bias, o);
    case ConvRoute::pointwise:
      return pointwise(x, weight, bias);
    case ConvRoute::split:
      return split_conv2d(x, weight, bias, o);
    case ConvRoute::winograd:
      return winograd_conv(x, weight, bias, o);
    case ConvRoute::aten:
      break;
  }
  return at::conv2d(x, is_widened_for_aten(x, weight) ? weight.to(x.scalar_type()) : weight, bias,
                    {o.stride, o.stride}, {o.padding, o.padding});
}

bool linear_takes(const at::Tensor& x, const at::Tensor& weight) {
  return x.scalar_type() == weight.scalar_type() ||
         (own_kernels(x) && suits_fast_linear(x, weight));
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const at::Tensor& residual) {
  if (own_kernels(x) && suits_fast_linear(x, weight))
    return fast_linear(x, weight, bias, {.residual = residual});
  const at::Tensor y = at::linear(x, weight, bias);
  return residual.defined() ? y + residual : y;
}

at::Tensor linear_geglu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!c10::GradMode::is_enabled() && own_kernels(x) && suits_fast_linear(x, weight))
    return fast_linear(x, weight, bias, {.gated = true});
  return geglu(linear(x, weight, bias));
}

at::Tensor group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      GroupNormOptions o) {
  if (c10::GradMode::is_enabled() && can_train_group_norm(x, weight) &&
      (x.requires_grad() || weight.requires_grad())) {
    return group_norm_trainable(x, weight, bias, o);
  }
  if (own_kernels(x) && can_train_group_norm(x, weight)) return group_norm_fast(x, weight, bias, o);
  if (const Gpu* gpu = own_gpu(x); gpu != nullptr && x.dim() == 4) {
    return gpu->group_norm(x, weight, bias, o.groups, o.eps, o.silu);
  }
  at::Tensor y = at::group_norm(x, o.groups, weight, bias, o.eps);
  return o.silu ? ops::silu(y) : y;
}

bool has_group_norm_scales(const at::Tensor& x, const at::Tensor& weight) {
  return !c10::GradMode::is_enabled() && own_kernels(x) && can_train_group_norm(x, weight);
}

at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      double eps) {
  if (const Gpu* gpu = own_gpu(x)) return gpu->layer_norm(x, weight, bias, eps);
  return at::layer_norm(x, {x.size(-1)}, weight, bias, eps);
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     bool causal) {
  if (own_kernels(q) && suits_fast_attention(q, k, v))
    return fast_attention(q, k, v, heads, causal);
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
  if (const Gpu* gpu = own_gpu(x)) return gpu->geglu(x);
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
