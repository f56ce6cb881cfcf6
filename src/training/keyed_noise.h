// SPDX-License-Identifier: Apache-2.0
// The random numbers of training, by seed, step and sample: the same however a step's samples are
// split among passes and ranks, and after any restart.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace zc {

// The samples of one pass within their optimizer step.
struct BatchPlace {
  int64_t seed = 0;
  int64_t step = 0;
  int64_t first = 0;         // sample of the step that comes first in this pass
  int64_t global_batch = 1;  // samples of the step: ranks * accumulation * batch
};

// One stream for each use, so that no two share numbers. The values are part of the results of a
// seed: append only.
enum class RandomUse : uint32_t { noise = 1, noise_offset = 2, time = 3, latent = 4 };

// Standard normal, float32 [B,...]; row i depends on (seed, step, first + i, use) alone. Drawn on
// all threads of the CPU and moved to the device, so that devices agree.
at::Tensor keyed_noise(at::IntArrayRef shape, const BatchPlace& place, RandomUse use,
                       at::Device device);

// One number in [0,1) for the whole step.
double keyed_number(const BatchPlace& place, RandomUse use);

}  // namespace zc
