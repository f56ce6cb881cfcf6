// SPDX-License-Identifier: Apache-2.0
// ATen's threads for our own kernels, and what those kernels take.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/winograd.h"

namespace zc {

kernels::Workers torch_workers();

// A dense tensor of float32 on the CPU.
bool is_plain_float(const at::Tensor& t);
// Whether float32 products are to be made as they stand: no autocast, which would make them halves.
bool computes_in_float();

}  // namespace zc
