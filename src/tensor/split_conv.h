// SPDX-License-Identifier: Apache-2.0
// Convolutions through kernels/split_conv.h, where the machine has AMX.
#pragma once

#include <ATen/core/Tensor.h>

#include "tensor/ops.h"

namespace zc {

// Whether split_conv2d() may be used and is likely faster than the others: this thread's kernels
// are the fast ones, x [B,C,H,W] is float32 on the CPU without autocast, square filters
// [C',C,k,k] in float32 or halves, and channels enough to fill tiles. Gradients are not looked at.
bool suits_split_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const ops::ConvOptions& o);

// Filters are packed for this call. No gradients; the result is channels-last.
at::Tensor split_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        const ops::ConvOptions& o);

// conv(x) with the transposed filters turned by half a turn: of dy [B,C',H,W] the gradient of the
// input of a convolution with `weight` [C',C,k,k], k odd, stride 1 and padding k/2.
// suits_split_conv() is to be asked with weight.transpose(0, 1).
at::Tensor split_conv2d_turned(const at::Tensor& dy, const at::Tensor& weight);

}  // namespace zc
