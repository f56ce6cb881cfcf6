// SPDX-License-Identifier: Apache-2.0
// AdamW with both moments in 8 bits: blockwise dynamic quantisation (arXiv 2110.02861, section 2).
#pragma once

#include <array>
#include <cstdint>

namespace zc::kernels {

// Values that share one scale.
inline constexpr int64_t kMomentBlock = 256;

// What each code stands for, as a part of its block's scale; ascending. Seven decades 1e-7..1, each
// with twice as many steps as the one below, and 0 and 1: few bits for the size, the rest for
// digits. A value of the first moment has a sign, the second has one bit more. The scale is the
// value of the largest size, sign included: there is a code for 1 and none for -1, and a momentum
// must not shrink because it is negative.
using MomentMap = std::array<float, 256>;
const MomentMap& first_moment_map();   // -0.99..1, 0 at 127
const MomentMap& second_moment_map();  // 0..1

// One decade of a map: code offset + (x - low) * steps_per_unit, cut off, for a part x of at least
// `low`. First and second moments; offsets of the first count from its zero.
struct MomentDecade {
  float low;
  float steps_per_unit;
  int32_t offset;
};
const std::array<MomentDecade, 7>& first_moment_decades();
const std::array<MomentDecade, 7>& second_moment_decades();
// Below this part the first moment counts as 0. The second is 0 only where it is 0 exactly: it is
// what an update is divided by.
inline constexpr float kFirstMomentZero = 2.75e-7f;

// One step's numbers. step_size = lr / (1 - beta1^t), root_correction = sqrt(1 - beta2^t).
struct AdamW8bitStep {
  float decay = 1.0f;  // 1 - lr * weight_decay
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float eps = 1e-8f;
  float step_size = 0.0f;
  float root_correction = 1.0f;
};

// `count` values with one scale for each kMomentBlock of them (the last block may be shorter).
struct AdamW8bitValues {
  int64_t count = 0;
  float* value = nullptr;
  const float* gradient = nullptr;
  uint8_t* first = nullptr;
  float* first_scale = nullptr;
  uint8_t* second = nullptr;
  float* second_scale = nullptr;
};

// One update of the values and of their moments. Blocks do not depend on each other.
void adamw8bit(const AdamW8bitStep& step, const AdamW8bitValues& values);

}  // namespace zc::kernels
