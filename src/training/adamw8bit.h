// SPDX-License-Identifier: Apache-2.0
// AdamW with moments in 8 bits on tensors (arXiv 2110.02861; the numbers: kernels/adamw8bit.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace zc {

// Smaller parameters keep moments in float32: norms and biases, whose few values matter most, and
// which take no memory worth saving (bitsandbytes, min_8bit_size).
inline constexpr int64_t kLeastEightBit = 4096;

// Of one parameter of n values, taken row by row, of a convolution [O,I,h,w] as [O,h,w,I]. The
// order does not depend on how the parameter lies in memory, so a saved state fits everywhere.
struct EightBitMoments {
  at::Tensor first, second;              // uint8 [n]
  at::Tensor first_scale, second_scale;  // float32 [ceil(n / 256)]
};

EightBitMoments eight_bit_zeros(const at::Tensor& value);

struct AdamW8bitOptions {
  double learning_rate = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.0;
  int64_t step = 1;  // counted from 1
};

// One update of the value, float32, and of its moments, in place. One pass on all threads of the
// CPU; tensor operators elsewhere.
void adamw8bit_step(const at::Tensor& value, const at::Tensor& gradient,
                    const EightBitMoments& moments, const AdamW8bitOptions& options);

// The same by tensor operators on any device.
void adamw8bit_step_plain(const at::Tensor& value, const at::Tensor& gradient,
                          const EightBitMoments& moments, const AdamW8bitOptions& options);

}  // namespace zc
