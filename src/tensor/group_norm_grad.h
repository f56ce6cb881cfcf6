// SPDX-License-Identifier: Apache-2.0
// GroupNorm and SiLU as one differentiable operation on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include "tensor/ops.h"

namespace zc::ops {

// True where group_norm_trainable() may be used: float32 or bfloat16 pictures on the CPU, float32
// weights.
bool can_train_group_norm(const at::Tensor& x, const at::Tensor& weight);

// Like group_norm(), where no gradient is wanted and can_train_group_norm() says yes. The result is
// channels-last.
at::Tensor group_norm_fast(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           GroupNormOptions o);

// Like group_norm(), with its own backward pass; it keeps x alone for it.
at::Tensor group_norm_trainable(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, GroupNormOptions o);

}  // namespace zc::ops
