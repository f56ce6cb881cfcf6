// SPDX-License-Identifier: Apache-2.0
// The vectors of winograd_body.h and attention_body.h in AVX2 with FMA. Only files that are
// compiled for them may include this.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace zc::kernels {
namespace {

#define ZC_STATIC static inline __attribute__((always_inline))

struct EightFloats {
  using Reg = __m256;
  static constexpr int64_t width = 8;
  static constexpr int rows = 6;  // 12 sums of the 16 registers

  ZC_STATIC __m256i first(int64_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
  }
  ZC_STATIC Reg load(const float* p) { return _mm256_loadu_ps(p); }
  ZC_STATIC void store(float* p, Reg v) { _mm256_storeu_ps(p, v); }
  ZC_STATIC Reg load_partial(const float* p, int64_t count) {
    return _mm256_maskload_ps(p, first(count));
  }
  ZC_STATIC void store_partial(float* p, int64_t count, Reg v) {
    _mm256_maskstore_ps(p, first(count), v);
  }
  ZC_STATIC Reg set1(float v) { return _mm256_set1_ps(v); }
  ZC_STATIC Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  ZC_STATIC Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  ZC_STATIC Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  ZC_STATIC Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
  ZC_STATIC Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
  ZC_STATIC Reg min(Reg a, Reg b) { return _mm256_min_ps(a, b); }
  ZC_STATIC Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  ZC_STATIC Reg fnma(Reg a, Reg b, Reg c) { return _mm256_fnmadd_ps(a, b, c); }
  ZC_STATIC Reg scale_by_bits(Reg v, Reg bits) {
    const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(bits), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(power, _mm256_castps_si256(v)));
  }
  ZC_STATIC Reg power_bits(Reg v) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 23));
  }

  // Pairs of rows are interleaved, then pairs of pairs, within each half; the halves change places
  // at last.
  ZC_STATIC void transpose(Reg* r) {
    Reg t[8];
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      const Reg a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
      const Reg c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]);
      const Reg d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
      t[i] = _mm256_shuffle_ps(a, c, 0x44);
      t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
      t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
      t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
      r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
  }
};

#undef ZC_STATIC

}  // namespace
}  // namespace zc::kernels
