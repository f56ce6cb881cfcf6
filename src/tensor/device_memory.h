// SPDX-License-Identifier: Apache-2.0
// The memory of a GPU, as libtorch's allocator has it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace zc {

// Bytes that can be had now, those that the allocator holds and does not use among them; 0 for the
// CPU.
int64_t free_device_memory(at::Device device);
// The most that the allocator has held; 0 for the CPU. CUDA's own context comes on top.
int64_t peak_device_memory(at::Device device);
// What the allocator holds and does not use goes back to the system.
void give_back_device_memory(at::Device device);

}  // namespace zc
