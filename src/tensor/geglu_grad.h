// SPDX-License-Identifier: Apache-2.0
// GEGLU as one differentiable operation on the CPU: what its backward pass can compute again is not
// kept.
#pragma once

#include <ATen/core/Tensor.h>

namespace zc::ops {

// a * gelu(g) of x [.., 2D] = (a, g), as geglu(); keeps x alone, where the plain operators keep
// gelu(g) too. float32 on the CPU.
at::Tensor geglu_trainable(const at::Tensor& x);

}  // namespace zc::ops
