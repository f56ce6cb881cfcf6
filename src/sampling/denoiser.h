// SPDX-License-Identifier: Apache-2.0
// The two functions that a sampler is given: the model and the noise.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace zc {

// What the model predicts for x at timestep t (which some samplers make fractional), guidance
// included. Same shape as x.
using Denoiser = std::function<at::Tensor(const at::Tensor& x, double t)>;

// New standard normal noise of the shape, type and device of `like`.
using NoiseFunction = std::function<at::Tensor(const at::Tensor& like)>;

}  // namespace zc
