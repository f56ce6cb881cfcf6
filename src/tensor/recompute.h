// SPDX-License-Identifier: Apache-2.0
// Gradient checkpointing (arXiv 1604.06174): a block keeps its inputs for the backward pass, not
// what lies between, and computes again there.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace zc {

// A part of a network: the same result for the same inputs each time, so without random numbers.
// What it captures must live until the backward pass.
using RecomputedBlock = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

// block(inputs). Its gradients reach the inputs and whatever parameters the block uses; they are
// those of a plain call bit for bit, unless a tensor is used both inside several times and outside,
// whose gradient is then summed in another order. Autocast is the same both times. Inputs may be
// undefined. Where no gradient can be wanted this is a plain call. Second derivatives: throws bug.
at::Tensor recompute(const RecomputedBlock& block, const std::vector<at::Tensor>& inputs);

}  // namespace zc
