// SPDX-License-Identifier: Apache-2.0
// Linear layers by our own matrix product, with what follows them in the same pass; differentiable.
#pragma once

#include <ATen/core/Tensor.h>

namespace zc {

// y = x W^T + bias + residual; where `gated` the two halves of W are [value | gate] and
// y = value * gelu(gate) + residual (GEGLU, Shazeer 2020).
struct LinearEpilogue {
  at::Tensor residual = {};  // like y, or undefined
  bool gated = false;
};

// Whether fast_linear() takes these: float32 x [...,D] on the CPU, no autocast, weight [D',D] of
// float32, float16 or bfloat16, and enough rows that packing the weights pays.
bool suits_fast_linear(const at::Tensor& x, const at::Tensor& weight);

// Weights of half precision are widened on the way into the products and take no gradient; a gated
// layer takes none at all. `weight` may have any strides.
at::Tensor fast_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       const LinearEpilogue& epilogue = {});

}  // namespace zc
