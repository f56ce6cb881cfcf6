// SPDX-License-Identifier: Apache-2.0
// Sums of products in pairs of terms, for processors with AVX-512 that add in other units than
// those that multiply (AMD since Zen 4): two terms of a sum cost one product and additions beside
// it,
//   x1 w1 + x2 w2 = (x1 + w2) (x2 + w1) - x1 x2 - w1 w2,
// where the last two are sums of a row and of a column alone (S. Winograd, A New Algorithm for
// Inner Product, IEEE Transactions on Computers C-17, 1968). Half of the products are spared; of
// each two sums one takes two additions and a product, the other one addition and two products,
// so that both kinds of units have the same to do.
//
// Rounding is that of x1 x2, so x and w must be of one size; and each second pair is subtracted,
// (x3 - w4) (x4 - w3), so that what rows of one sign would add up takes itself away. Only files
// that are compiled for AVX-512 F may include this.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/vectors_avx512.h"

namespace zc::kernels {
namespace {

#define ZC_INLINE inline __attribute__((always_inline))

// 12 x 32 sums take 24 of the 32 registers, two pairs' weights four.
constexpr int64_t kPairRows = 12, kPairParts = 2, kPairLanes = 16;
constexpr int64_t kPairColumns = kPairParts * kPairLanes;
constexpr int64_t kPairUnit = 4;  // terms: a pair that is added and one that is subtracted

inline bool adds_beside_products() {
  return __builtin_cpu_is("amd") != 0 && __builtin_cpu_supports("avx512f") != 0;
}

inline int64_t padded_depth(int64_t depth) {
  return (depth + kPairUnit - 1) / kPairUnit * kPairUnit;
}

struct Scales {
  __m512 scale, undo;
};

// 2^-e and 2^e, where 2^2e is about the mean square. Squares that leave float32 say nothing, the
// largest element does then. Rows of zeros come back as zeros, not as what is left of the other
// operand. Rounded down, not to the nearest even exponent: twice the row then has twice the result.
ZC_INLINE Scales scales_of(__m512 squares, __m512 largest, int64_t depth) {
  const __m512 mean = _mm512_mul_ps(squares, _mm512_set1_ps(1.0f / static_cast<float>(depth)));
  const __mmask16 plain = _mm512_cmp_ps_mask(mean, _mm512_set1_ps(1e-30f), _CMP_GT_OQ) &
                          _mm512_cmp_ps_mask(mean, _mm512_set1_ps(1e30f), _CMP_LT_OQ);
  const __m512 half = _mm512_mul_ps(_mm512_getexp_ps(mean), _mm512_set1_ps(0.5f));
  __m512 exponent = _mm512_mask_mov_ps(_mm512_getexp_ps(largest), plain, half);
  exponent = _mm512_roundscale_ps(exponent, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  // Powers that have an inverse; zeros have the exponent -inf, and infinities +inf.
  exponent =
      _mm512_min_ps(_mm512_max_ps(exponent, _mm512_set1_ps(-120.0f)), _mm512_set1_ps(120.0f));
  const __m512 one = _mm512_set1_ps(1.0f);
  const __mmask16 some = _mm512_cmp_ps_mask(largest, _mm512_setzero_ps(), _CMP_NEQ_UQ);
  return {_mm512_scalef_ps(one, _mm512_sub_ps(_mm512_setzero_ps(), exponent)),
          _mm512_maskz_scalef_ps(some, one, exponent)};
}

// Of 16 rows or columns side by side, gathered while they pass by.
struct Sizes {
  __m512 squares[2] = {}, largest = {};
};

template <int64_t i>
ZC_INLINE void take(Sizes& sizes, __m512 v) {
  sizes.squares[i % 2] = _mm512_fmadd_ps(v, v, sizes.squares[i % 2]);
  sizes.largest = _mm512_max_ps(sizes.largest, _mm512_abs_ps(v));
}

ZC_INLINE Sizes sizes_of(const float* from, int64_t depth, int64_t stride) {
  Sizes sizes;
  int64_t k = 0;
  for (; k + 2 <= depth; k += 2) {
    take<0>(sizes, _mm512_loadu_ps(from + k * stride));
    take<1>(sizes, _mm512_loadu_ps(from + (k + 1) * stride));
  }
  if (k < depth) take<0>(sizes, _mm512_loadu_ps(from + k * stride));
  return sizes;
}

// from[k * stride] scaled into `to`, with zeros up to the padded depth, and after them what the
// product needs besides.
ZC_INLINE void scale_into(const Sizes& sizes, const float* from, float* to, int64_t depth,
                          int64_t stride) {
  const Scales s =
      scales_of(_mm512_add_ps(sizes.squares[0], sizes.squares[1]), sizes.largest, depth);
  const int64_t padded = padded_depth(depth);
  __m512 minus_products = _mm512_setzero_ps();
  for (int64_t k = 0; k < padded; k += kPairUnit) {
    __m512 v[kPairUnit];
#pragma GCC unroll 4
    for (int64_t i = 0; i < kPairUnit; ++i) {
      v[i] = k + i < depth ? _mm512_loadu_ps(from + (k + i) * stride) : _mm512_setzero_ps();
      v[i] = _mm512_mul_ps(v[i], s.scale);
      _mm512_storeu_ps(to + (k + i) * stride, v[i]);
    }
    const __m512 both = _mm512_fmsub_ps(v[2], v[3], _mm512_mul_ps(v[0], v[1]));
    minus_products = _mm512_add_ps(minus_products, both);
  }
  _mm512_storeu_ps(to + padded * stride, s.undo);
  _mm512_storeu_ps(to + (padded + 1) * stride, minus_products);
}

// With the element of x as an operand in memory: a register that holds it 16 times would take one
// of the units that multiply and add.
ZC_INLINE __m512 plus(__m512 w, const float* x) {
  __m512 sum;
  asm("vaddps %2%{1to16%}, %1, %0" : "=v"(sum) : "v"(w), "m"(*x));
  return sum;
}

ZC_INLINE __m512 minus(__m512 w, const float* x) {
  __m512 difference;
  asm("vsubps %2%{1to16%}, %1, %0" : "=v"(difference) : "v"(w), "m"(*x));
  return difference;
}

ZC_INLINE void add_product(__m512& sum, __m512 factor, const float* x) {
  asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(factor), "m"(*x));
}

// sum[row][part] += what `depth` terms, a multiple of kPairUnit, add to it but for the sums of a
// row and of a column alone: x[depth][places], weights[depth][kPairColumns].
template <int64_t rows, int64_t places>
ZC_INLINE void add_pairs(const float* x, const float* weights, int64_t depth,
                         __m512 (*sum)[kPairParts]) {
  for (int64_t k = 0; k < depth; k += kPairUnit) {
    {
      const __m512 a0 = _mm512_loadu_ps(weights), a1 = _mm512_loadu_ps(weights + kPairLanes);
      const __m512 b0 = _mm512_loadu_ps(weights + kPairColumns);
      const __m512 b1 = _mm512_loadu_ps(weights + kPairColumns + kPairLanes);
#pragma GCC unroll 16
      for (int64_t i = 0; i < rows; ++i) {
        const __m512 u0 = plus(a0, x + places + i), u1 = plus(a1, x + places + i);
        sum[i][0] = _mm512_fmadd_ps(plus(b0, x + i), u0, sum[i][0]);
        add_product(sum[i][1], u1, x + i);
        sum[i][1] = _mm512_fmadd_ps(b1, u1, sum[i][1]);
      }
    }
    weights += 2 * kPairColumns;
    x += 2 * places;
    {
      const __m512 a0 = _mm512_loadu_ps(weights), a1 = _mm512_loadu_ps(weights + kPairLanes);
      const __m512 b0 = _mm512_loadu_ps(weights + kPairColumns);
      const __m512 b1 = _mm512_loadu_ps(weights + kPairColumns + kPairLanes);
#pragma GCC unroll 16
      for (int64_t i = 0; i < rows; ++i) {
        const __m512 u0 = minus(a0, x + places + i), u1 = minus(a1, x + places + i);
        sum[i][0] = _mm512_fnmadd_ps(minus(b0, x + i), u0, sum[i][0]);
        add_product(sum[i][1], u1, x + i);
        sum[i][1] = _mm512_fnmadd_ps(b1, u1, sum[i][1]);
      }
    }
    weights += 2 * kPairColumns;
    x += 2 * places;
  }
}

#undef ZC_INLINE

}  // namespace
}  // namespace zc::kernels
