// SPDX-License-Identifier: Apache-2.0
// TensorFlow's "SAME" padding.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace zc {

// x [B,C,H,W] padded so that a kernel of that stride gives ceil(H / stride) x ceil(W / stride); the
// odd pixel goes to the right and the bottom.
at::Tensor pad_same(const at::Tensor& x, int64_t kernel, int64_t stride, double value = 0);

}  // namespace zc
