// SPDX-License-Identifier: Apache-2.0
// Winograd steps for AVX-512 F. This file alone is compiled for it; see winograd_body.h.
#include "kernels/winograd_kernels.h"

#if defined(__AVX512F__)

#include <immintrin.h>

#include <cstdint>

// GCC 12 takes the unused lanes in its own header for values that nobody set (its bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/winograd_body.h"

namespace zc::kernels {
namespace {

#define ZC_STATIC static inline __attribute__((always_inline))

struct Avx512 {
  using Reg = __m512;
  static constexpr int64_t width = 16;

  ZC_STATIC __mmask16 first(int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
  ZC_STATIC Reg load(const float* p) { return _mm512_loadu_ps(p); }
  ZC_STATIC void store(float* p, Reg v) { _mm512_storeu_ps(p, v); }
  ZC_STATIC Reg load_partial(const float* p, int64_t count) {
    return _mm512_maskz_loadu_ps(first(count), p);
  }
  ZC_STATIC void store_partial(float* p, int64_t count, Reg v) {
    _mm512_mask_storeu_ps(p, first(count), v);
  }
  ZC_STATIC Reg set1(float v) { return _mm512_set1_ps(v); }
  ZC_STATIC Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  ZC_STATIC Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  ZC_STATIC Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  ZC_STATIC Reg div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
  ZC_STATIC Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
  ZC_STATIC Reg min(Reg a, Reg b) { return _mm512_min_ps(a, b); }
  ZC_STATIC Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  ZC_STATIC Reg fnma(Reg a, Reg b, Reg c) { return _mm512_fnmadd_ps(a, b, c); }
  ZC_STATIC Reg scale_by_bits(Reg v, Reg bits) {
    const __m512i power = _mm512_slli_epi32(_mm512_castps_si512(bits), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(power, _mm512_castps_si512(v)));
  }
};

}  // namespace

// 14 x 32 sums take 28 of the 32 registers; two more hold weights and one the input.
const WinogradKernels* winograd_avx512() {
  static constexpr WinogradKernels kernels = kernels_of<Avx512, 14, 2>();
  return &kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const WinogradKernels* winograd_avx512() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
