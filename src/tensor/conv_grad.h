// SPDX-License-Identifier: Apache-2.0
// 3x3 convolutions whose forward pass and gradient with respect to their input are computed on the
// CPU by Winograd's method, or by split_conv.h where there is AMX.
#pragma once

#include <ATen/core/Tensor.h>

#include "tensor/ops.h"

namespace zc::ops {

// True where conv2d_trainable() may be used and is likely faster than ATen: what suits_split_conv()
// or suits_winograd() says, with padding 1.
bool can_train_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const ConvOptions& o);

// Like conv2d() with its own backward pass. The gradient of the input is a convolution with the
// filters turned by half a turn; those of weight and bias come from ATen. It keeps x only when the
// weight wants a gradient.
at::Tensor conv2d_trainable(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            ConvOptions o);

}  // namespace zc::ops
