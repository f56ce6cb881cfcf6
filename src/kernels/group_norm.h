// SPDX-License-Identifier: Apache-2.0
// GroupNorm with an optional SiLU behind it, forward and backward, channels-last: one pass to
// measure, one to apply.
#pragma once

#include <cstdint>

namespace zc::kernels {

enum class Real : uint8_t { f32, bf16 };

// One sample, or some whole groups of it: positions x channels, channels contiguous.
struct GroupNormShape {
  int64_t positions;
  int64_t channels;
  int64_t groups;  // divides channels
  double eps;
  bool silu;
  int64_t stride = 0;  // elements from one position to the next; 0: channels
};

// How many groups make a part that is worth a thread of its own. It depends on the shape alone, so
// that results do not depend on the number of threads.
int64_t group_norm_part(int64_t channels, int64_t groups);

// y = silu?((x - mean) * rstd * weight + bias). x, y in `real`; weight, bias float [channels];
// mean, rstd float [groups] are written for the backward pass.
void group_norm_forward(const GroupNormShape& shape, Real real, const void* x, const float* weight,
                        const float* bias, void* y, float* mean, float* rstd);

// The same in two steps, for pictures that are worked on in parts: y = silu?(x * scale + shift)
// where scale and shift, float [channels], come from all positions of x. group_norm_apply() takes
// any of the positions, with the rest of the shape as it was, and gives the same numbers.
void group_norm_scales(const GroupNormShape& shape, Real real, const void* x, const float* weight,
                       const float* bias, float* scale, float* shift, float* mean, float* rstd);
void group_norm_apply(const GroupNormShape& shape, Real real, const void* x, const float* scale,
                      const float* shift, void* y);

// From dy: dx (same type as x) and, added to what they hold, d_weight and d_bias [channels].
void group_norm_backward(const GroupNormShape& shape, Real real, const void* dy, const void* x,
                         const float* weight, const float* bias, const float* mean,
                         const float* rstd, void* dx, float* d_weight, float* d_bias);

}  // namespace zc::kernels
