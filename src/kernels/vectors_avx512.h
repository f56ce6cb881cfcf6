// SPDX-License-Identifier: Apache-2.0
// The vectors of attention_body.h in AVX-512 F. Only files that are compiled for it may include
// this.
#pragma once

#include <immintrin.h>

#include <cstdint>

// GCC 12 takes the unused lanes in its own header for values that nobody set (its bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace zc::kernels {
namespace {

#define ZC_STATIC static inline __attribute__((always_inline))

struct SixteenFloats {
  using Reg = __m512;
  static constexpr int64_t width = 16;
  static constexpr int rows = 14;  // 28 sums of the 32 registers

  ZC_STATIC __mmask16 first(int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
  ZC_STATIC Reg load(const float* p) { return _mm512_loadu_ps(p); }
  ZC_STATIC void store(float* p, Reg v) { _mm512_storeu_ps(p, v); }
  ZC_STATIC Reg load_partial(const float* p, int64_t count) {
    return _mm512_maskz_loadu_ps(first(count), p);
  }
  // Of float16.
  ZC_STATIC Reg load(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  ZC_STATIC Reg load_partial(const uint16_t* p, int64_t count) {
    uint16_t whole[width] = {};
    for (int64_t i = 0; i < count; ++i) whole[i] = p[i];
    return load(whole);
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
  ZC_STATIC Reg power_bits(Reg v) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 23));
  }

  // Pairs of rows are interleaved, then pairs of pairs, within each quarter of 4 floats; the
  // quarters change places at last.
  ZC_STATIC void transpose(Reg* r) {
    Reg t[16];
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      const Reg a = _mm512_unpacklo_ps(r[i], r[i + 1]), b = _mm512_unpackhi_ps(r[i], r[i + 1]);
      const Reg c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]);
      const Reg d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
      t[i] = _mm512_shuffle_ps(a, c, 0x44);
      t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
      t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
      t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const Reg a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
      const Reg b = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
      const Reg c = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
      const Reg d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
      r[i] = _mm512_shuffle_f32x4(a, b, 0x88);
      r[i + 4] = _mm512_shuffle_f32x4(c, d, 0x88);
      r[i + 8] = _mm512_shuffle_f32x4(a, b, 0xdd);
      r[i + 12] = _mm512_shuffle_f32x4(c, d, 0xdd);
    }
  }
};

#undef ZC_STATIC

// to[k][column] = from[column][k]; see MatmulKernels::turn.
template <int64_t columns, class From>
void turn_columns(const From* from, int64_t from_stride, int64_t depth, float* to,
                  int64_t to_stride) {
  using V = SixteenFloats;
  for (int64_t first = 0; first < columns; first += V::width) {
    for (int64_t k = 0; k < depth; k += V::width) {
      const int64_t count = depth - k < V::width ? depth - k : V::width;
      V::Reg r[V::width];
#pragma GCC unroll 16
      for (int64_t i = 0; i < V::width; ++i) {
        const From* column = from + (first + i) * from_stride + k;
        r[i] = count == V::width ? V::load(column) : V::load_partial(column, count);
      }
      V::transpose(r);
#pragma GCC unroll 16
      for (int64_t i = 0; i < V::width; ++i) {
        if (i < count) V::store(to + (k + i) * to_stride + first, r[i]);
      }
    }
  }
}

}  // namespace
}  // namespace zc::kernels
