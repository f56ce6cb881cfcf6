// SPDX-License-Identifier: Apache-2.0
// The gradient of the filters of a 3x3 convolution as nine matrix products.
#pragma once

#include <ATen/core/Tensor.h>

namespace zc {

// Whether the products are faster than ATen's convolution: in float32 where they run on AMX.
bool suits_weight_products(const at::Tensor& x, const at::Tensor& dy);

// Of x [B,C,H,W] and the gradient dy [B,C',H,W] of the result at stride 1 and padding 1:
// [C',C,3,3].
at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& dy);

}  // namespace zc
