// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw8bit.h"

#include <algorithm>
#include <cmath>

namespace zc::kernels {
namespace {

#define ZC_INLINE inline __attribute__((always_inline))

using Decades = std::array<MomentDecade, 7>;

constexpr int32_t kZeroOfFirst = 127;
constexpr int32_t kTopOfFirst = 128;  // code of 1, counted from zero's

// Decade d has bins << d steps; its codes follow those of zero and of the decades below.
constexpr Decades decades_of(int bins) {
  constexpr std::array<float, 7> kLows = {1e-7f, 1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f};
  Decades decades{};
  for (int d = 0; d < 7; ++d) {
    const auto steps = static_cast<float>(bins << d);
    decades[d] = {kLows[d], steps / (9.0f * kLows[d]), 1 + bins * ((1 << d) - 1)};
  }
  return decades;
}

constexpr Decades kFirstDecades = decades_of(1);
constexpr Decades kSecondDecades = decades_of(2);

// Writes 0, the middle of every step, and 1.
void write_parts(int bins, float* parts) {
  *parts++ = 0.0f;
  double low = 1e-7;
  for (int d = 0; d < 7; ++d, low *= 10.0) {
    const int steps = bins << d;
    for (int k = 0; k < steps; ++k)
      *parts++ = static_cast<float>(low + 9.0 * low * (k + 0.5) / steps);
  }
  *parts = 1.0f;
}

MomentMap make_first_map() {
  MomentMap map{};
  write_parts(1, map.data() + kZeroOfFirst);
  for (int32_t k = 1; k <= kZeroOfFirst; ++k) map[kZeroOfFirst - k] = -map[kZeroOfFirst + k];
  return map;
}

MomentMap make_second_map() {
  MomentMap map{};
  write_parts(2, map.data());
  return map;
}

// 0 <= x <= 1, not below the first decade.
ZC_INLINE int32_t code_of(const Decades& decades, float x) {
  float low = decades[0].low, steps = decades[0].steps_per_unit;
  int32_t offset = decades[0].offset;
#pragma GCC unroll 6
  for (int d = 1; d < 7; ++d) {
    const bool higher = x >= decades[d].low;
    low = higher ? decades[d].low : low;
    steps = higher ? decades[d].steps_per_unit : steps;
    offset = higher ? decades[d].offset : offset;
  }
  return offset + static_cast<int32_t>((x - low) * steps);
}

ZC_INLINE uint8_t first_code(float x) {
  const float size = x < 0.0f ? -x : x;
  int32_t code = code_of(kFirstDecades, size);
  code = size < kFirstMomentZero ? 0 : code;
  code = size >= 1.0f ? kTopOfFirst : code;
  const int32_t below = code < kZeroOfFirst ? code : kZeroOfFirst;  // there is no -1
  return static_cast<uint8_t>(kZeroOfFirst + (x < 0.0f ? -below : code));
}

ZC_INLINE uint8_t second_code(float x) {
  int32_t code = code_of(kSecondDecades, x);
  code = x > 0.0f ? code : 0;
  return static_cast<uint8_t>(x >= 1.0f ? 255 : code);
}

struct Maps {
  const float* first;
  const float* second;
};

// The values of one block and, in m and v, their new moments.
ZC_INLINE void update_block(const AdamW8bitStep& s, const Maps& maps, int64_t count,
                            const AdamW8bitValues& b, float* __restrict m, float* __restrict v) {
  const float old_first = *b.first_scale, old_second = *b.second_scale;
  float* __restrict value = b.value;
  const float* __restrict gradient = b.gradient;
  const uint8_t* __restrict first = b.first;
  const uint8_t* __restrict second = b.second;
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradient[i];
    const float new_m = s.beta1 * (maps.first[first[i]] * old_first) + (1.0f - s.beta1) * g;
    const float new_v =
        s.beta2 * (maps.second[second[i]] * old_second) + (1.0f - s.beta2) * (g * g);
    const float divisor = std::sqrt(new_v) / s.root_correction + s.eps;
    value[i] = value[i] * s.decay - s.step_size * (new_m / divisor);
    m[i] = new_m;
    v[i] = new_v;
  }
}

ZC_INLINE void keep_moments(int64_t count, const float* __restrict m, const float* __restrict v,
                            const AdamW8bitValues& b) {
  float least_m = 0.0f, most_m = 0.0f, most_v = 0.0f;
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    least_m = m[i] < least_m ? m[i] : least_m;
    most_m = m[i] > most_m ? m[i] : most_m;
    most_v = v[i] > most_v ? v[i] : most_v;
  }
  const float scale_m = most_m >= -least_m ? most_m : least_m;
  *b.first_scale = scale_m;
  *b.second_scale = most_v;
  const float by_m = scale_m != 0.0f ? scale_m : 1.0f;
  const float by_v = most_v > 0.0f ? most_v : 1.0f;
  uint8_t* __restrict first = b.first;
  uint8_t* __restrict second = b.second;
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) first[i] = first_code(m[i] / by_m);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) second[i] = second_code(v[i] / by_v);
}

ZC_INLINE void update(const AdamW8bitStep& s, const Maps& maps, AdamW8bitValues b) {
  float m[kMomentBlock], v[kMomentBlock];
  for (int64_t left = b.count; left > 0; left -= kMomentBlock) {
    const int64_t count = std::min(left, kMomentBlock);
    update_block(s, maps, count, b, m, v);
    keep_moments(count, m, v, b);
    b.value += count;
    b.gradient += count;
    b.first += count;
    b.second += count;
    ++b.first_scale;
    ++b.second_scale;
  }
}

// The same code for each instruction set; without contraction all give the same bits.
#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) void update_avx512(
    const AdamW8bitStep& s, const Maps& maps, const AdamW8bitValues& b) {
  update(s, maps, b);
}
__attribute__((target("avx2"))) void update_avx2(const AdamW8bitStep& s, const Maps& maps,
                                                 const AdamW8bitValues& b) {
  update(s, maps, b);
}
#endif
void update_plain(const AdamW8bitStep& s, const Maps& maps, const AdamW8bitValues& b) {
  update(s, maps, b);
}

auto choose_update() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq")) {
    return update_avx512;
  }
  if (__builtin_cpu_supports("avx2")) return update_avx2;
#endif
  return update_plain;
}

}  // namespace

const MomentMap& first_moment_map() {
  static const MomentMap map = make_first_map();
  return map;
}

const MomentMap& second_moment_map() {
  static const MomentMap map = make_second_map();
  return map;
}

const std::array<MomentDecade, 7>& first_moment_decades() {
  return kFirstDecades;
}

const std::array<MomentDecade, 7>& second_moment_decades() {
  return kSecondDecades;
}

void adamw8bit(const AdamW8bitStep& step, const AdamW8bitValues& values) {
  static const auto chosen = choose_update();
  chosen(step, {first_moment_map().data(), second_moment_map().data()}, values);
}

}  // namespace zc::kernels
