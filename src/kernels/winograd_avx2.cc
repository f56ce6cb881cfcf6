// SPDX-License-Identifier: Apache-2.0
// Winograd steps for AVX2 with FMA. This file alone is compiled for them; see winograd_body.h.
#include "kernels/winograd_kernels.h"

#if defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>

#include <cstdint>

#include "kernels/winograd_body.h"

namespace zc::kernels {
namespace {

#define ZC_STATIC static inline __attribute__((always_inline))

struct Avx2 {
  using Reg = __m256;
  static constexpr int64_t width = 8;

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
};

}  // namespace

const WinogradKernels* winograd_avx2() {
  static constexpr WinogradKernels kernels = kernels_of<Avx2, 6, 2>();
  return &kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const WinogradKernels* winograd_avx2() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
