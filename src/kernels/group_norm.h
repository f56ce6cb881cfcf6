// SPDX-License-Identifier: Apache-2.0
// GroupNorm with an optional SiLU behind it, forward and backward, channels-last: one pass to
// measure, one to apply.
#pragma once

#include <cstdint>

namespace zc::kernels {

enum class Real : uint8_t { f32, bf16 };

// One sample: positions x channels, channels contiguous.
struct GroupNormShape {
  int64_t positions;
  int64_t channels;
  int64_t groups;  // divides channels
  double eps;
  bool silu;
};

// y = silu?((x - mean) * rstd * weight + bias). x, y in `real`; weight, bias float [channels];
// mean, rstd float [groups] are written for the backward pass.
void group_norm_forward(const GroupNormShape& shape, Real real, const void* x, const float* weight,
                        const float* bias, void* y, float* mean, float* rstd);

// From dy: dx (same type as x) and, added to what they hold, d_weight and d_bias [channels].
void group_norm_backward(const GroupNormShape& shape, Real real, const void* dy, const void* x,
                         const float* weight, const float* bias, const float* mean,
                         const float* rstd, void* dx, float* d_weight, float* d_bias);

}  // namespace zc::kernels
