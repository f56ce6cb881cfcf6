// SPDX-License-Identifier: Apache-2.0
// The device that computes: the CPU, or a GPU once libtorch's CUDA library is loaded.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <string>

namespace zc {

// "cpu", "cuda", or "auto": cuda where it can be had. The program is not linked with libtorch's
// CUDA library but loads it here, so that it starts without one. Throws unsupported with what is
// lacking.
at::Device open_device(const std::string& name);

// Standard normal numbers, float32, on `device`. From a CPU generator: on a GPU they are drawn
// there by a generator that this one seeds, which is as repeatable but gives other numbers than the
// CPU.
at::Tensor normal_numbers(at::IntArrayRef shape, at::Generator& generator, at::Device device);

}  // namespace zc
