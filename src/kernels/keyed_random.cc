// SPDX-License-Identifier: Apache-2.0
#include "kernels/keyed_random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace zc::kernels {
namespace {

#define ZC_INLINE inline __attribute__((always_inline))

// Blocks of Philox side by side, four numbers each.
constexpr int64_t kLanes = kNormalGroup / 4;

struct Words {
  uint32_t w[4][kLanes];
};

// Ten rounds for blocks first .. first + kLanes - 1 of a stream.
ZC_INLINE void philox(uint64_t key, uint64_t stream, uint64_t first, Words& c) {
  for (int64_t i = 0; i < kLanes; ++i) {
    const uint64_t block = first + static_cast<uint64_t>(i);
    c.w[0][i] = static_cast<uint32_t>(block);
    c.w[1][i] = static_cast<uint32_t>(block >> 32);
    c.w[2][i] = static_cast<uint32_t>(stream);
    c.w[3][i] = static_cast<uint32_t>(stream >> 32);
  }
  auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int64_t i = 0; i < kLanes; ++i) {
      const uint64_t a = uint64_t{0xD2511F53u} * c.w[0][i];
      const uint64_t b = uint64_t{0xCD9E8D57u} * c.w[2][i];
      c.w[0][i] = static_cast<uint32_t>(b >> 32) ^ c.w[1][i] ^ k0;
      c.w[2][i] = static_cast<uint32_t>(a >> 32) ^ c.w[3][i] ^ k1;
      c.w[1][i] = static_cast<uint32_t>(b);
      c.w[3][i] = static_cast<uint32_t>(a);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// ln of a float in [2^-25, 1]: exponent * ln 2 + 2 artanh((m - 1) / (m + 1)), m in [0.7, 1.4), by
// its series; relative error below 3e-7.
ZC_INLINE float ln_of(float u) {
  const auto bits = std::bit_cast<int32_t>(u);
  const int32_t exponent = (bits - 0x3f3504f3) >> 23;  // 0x3f3504f3: the root of 1/2
  const float m = std::bit_cast<float>(bits - (exponent << 23));
  const float s = (m - 1.0f) / (m + 1.0f);
  const float z = s * s;
  const float series = 1.0f + z * (1.0f / 3 + z * (1.0f / 5 + z * (1.0f / 7 + z * (1.0f / 9))));
  return static_cast<float>(exponent) * 0.69314718f + 2.0f * s * series;
}

// Box and Muller: the radius from one word, the angle from the other.
ZC_INLINE void two_normals(uint32_t for_radius, uint32_t for_angle, float& a, float& b) {
  const float u = static_cast<float>(static_cast<int32_t>(for_radius >> 8)) * 0x1p-24f + 0x1p-25f;
  const float radius = std::sqrt(-2.0f * ln_of(u));
  // The nearest quarter of the circle, and the rest in [-pi/4, pi/4).
  const uint32_t quarter = (for_angle + 0x20000000u) >> 30;
  const auto rest = static_cast<int32_t>(for_angle - (quarter << 30));
  const float x = static_cast<float>(rest) * 1.46291807926716e-9f;  // 2 pi / 2^32
  const float z = x * x;
  const float sine =
      x * (1.0f + z * (-1.0f / 6 + z * (1.0f / 120 + z * (-1.0f / 5040 + z * (1.0f / 362880)))));
  const float cosine =
      1.0f + z * (-1.0f / 2 + z * (1.0f / 24 + z * (-1.0f / 720 + z * (1.0f / 40320))));
  const bool odd = (quarter & 1) != 0;
  const float c = odd ? -sine : cosine;
  const float s = odd ? cosine : sine;
  const float sign = (quarter & 2) != 0 ? -radius : radius;
  a = sign * c;
  b = sign * s;
}

ZC_INLINE void normal_group(uint64_t key, uint64_t stream, uint64_t first_block, float* out) {
  Words c;
  philox(key, stream, first_block, c);
  for (int pair = 0; pair < 2; ++pair) {
    const uint32_t* __restrict for_radius = c.w[2 * pair];
    const uint32_t* __restrict for_angle = c.w[2 * pair + 1];
    float* __restrict a = out + static_cast<ptrdiff_t>(2 * pair) * kLanes;
    float* __restrict b = a + kLanes;
#pragma GCC ivdep
    for (int64_t i = 0; i < kLanes; ++i) two_normals(for_radius[i], for_angle[i], a[i], b[i]);
  }
}

ZC_INLINE void normals(uint64_t key, uint64_t stream, int64_t first, int64_t count, float* out) {
  auto block = static_cast<uint64_t>(first / 4);
  for (; count >= kNormalGroup; count -= kNormalGroup, out += kNormalGroup, block += kLanes)
    normal_group(key, stream, block, out);
  if (count == 0) return;
  float last[kNormalGroup];
  normal_group(key, stream, block, last);
  std::copy(last, last + count, out);
}

// The same code for each instruction set; without contraction all give the same bits.
#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) void normals_avx512(
    uint64_t key, uint64_t stream, int64_t first, int64_t count, float* out) {
  normals(key, stream, first, count, out);
}
__attribute__((target("avx2"))) void normals_avx2(uint64_t key, uint64_t stream, int64_t first,
                                                  int64_t count, float* out) {
  normals(key, stream, first, count, out);
}
#endif
void normals_plain(uint64_t key, uint64_t stream, int64_t first, int64_t count, float* out) {
  normals(key, stream, first, count, out);
}

auto choose_normals() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq")) {
    return normals_avx512;
  }
  if (__builtin_cpu_supports("avx2")) return normals_avx2;
#endif
  return normals_plain;
}

// The finaliser of splitmix64: every bit of the result depends on every bit of z.
uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

uint64_t random_key(uint64_t seed, uint64_t step, uint64_t purpose) {
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;
  return mixed(mixed(mixed(seed + kGolden) + step + kGolden) + purpose + kGolden);
}

void keyed_normals(uint64_t key, uint64_t stream, int64_t first, int64_t count, float* out) {
  static const auto chosen = choose_normals();
  chosen(key, stream, first, count, out);
}

double keyed_uniform(uint64_t key, uint64_t stream) {
  Words c;
  philox(key, stream, 0, c);
  const uint64_t bits = uint64_t{c.w[0][0]} << 32 | c.w[1][0];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace zc::kernels
