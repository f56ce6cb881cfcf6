// SPDX-License-Identifier: Apache-2.0
// ATen's threads for our own kernels, and what those kernels take.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "kernels/matmul.h"

namespace zc {

kernels::Workers torch_workers();

// What kernels that widen halves on their way call the tensor's type; nothing for other types.
std::optional<kernels::ElementType> element_type(const at::Tensor& t);
// A dense tensor of float32 on the CPU.
bool is_plain_float(const at::Tensor& t);
// Whether float32 products are to be made as they stand: no autocast, which would make them halves.
bool computes_in_float();

}  // namespace zc
