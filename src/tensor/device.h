// SPDX-License-Identifier: Apache-2.0
// The device that computes: the CPU, or a GPU once libtorch's CUDA library is loaded.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

namespace zc {

// Which GPU a name means: 0 of "cuda", 3 of "cuda:3"; none of "cpu" and "auto". Throws bad_request
// for any other name. Whether there is such a GPU is not asked.
std::optional<int64_t> gpu_number(const std::string& name);

// "cpu", "cuda" (the first GPU), "cuda:N", or "auto": cuda where it can be had. The program is not
// linked with libtorch's CUDA library but loads it here, so that it starts without one. Throws
// bad_request for another name, unsupported with what is lacking.
at::Device open_device(const std::string& name);

// How many GPUs libtorch sees; 0 without its CUDA library.
int64_t gpu_count();
// Throws unsupported when `count` GPUs, of which there is one at least, do not include that one.
void check_gpu_number(int64_t number, int64_t count);

// What the driver tells of a GPU that open_device() has opened.
struct GpuInfo {
  std::string name;          // "NVIDIA H100 80GB HBM3"; "": not known
  int64_t memory_bytes = 0;  // all of it; 0: not known
};
GpuInfo gpu_info(int64_t number);

// Standard normal numbers, float32, on `device`. From a CPU generator: on a GPU they are drawn
// there by a generator that this one seeds, which is as repeatable but gives other numbers than the
// CPU.
at::Tensor normal_numbers(at::IntArrayRef shape, at::Generator& generator, at::Device device);

}  // namespace zc
