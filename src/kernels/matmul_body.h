// SPDX-License-Identifier: Apache-2.0
// The parts of a matrix product that differ between instruction sets, written once for the
// compiler's vectors of any width. Included by matmul_<set>.cc and split_<set>.cc only. All of it
// has internal linkage, and no library header that defines functions is included: code made for one
// instruction set must not serve another. These files are compiled with -ffp-contract=fast, which
// makes a * b + c one instruction where there is one.
#pragma once

#include <cstdint>

#include "kernels/matmul_kernels.h"

namespace zc::kernels {
namespace {

#define ZC_INLINE inline __attribute__((always_inline))

// GCC 12 takes a vector's size from a template's parameter in a typedef only.
template <int64_t lanes>
struct Vectors {
  static constexpr int64_t width = lanes;
  typedef float Reg __attribute__((vector_size(lanes * 4)));
  typedef uint32_t Bits __attribute__((vector_size(lanes * 4)));
  // The same without a demand on the address.
  typedef float Loose __attribute__((vector_size(lanes * 4), aligned(4), may_alias));
};

template <class V>
ZC_INLINE typename V::Reg load(const float* p) {
  return *reinterpret_cast<const typename V::Loose*>(p);
}

template <class V>
ZC_INLINE void store(float* p, typename V::Reg v) {
  *reinterpret_cast<typename V::Loose*>(p) = v;
}

// How many places a packed row of x takes: its tile's rows, in vectors of four.
constexpr int64_t places_for(int64_t rows) {
  return (rows + 3) / 4 * 4;
}

using Four = Vectors<4>;

// to[k][0..4) for four depths k out of four rows, `stride` apart, of four depths each.
ZC_INLINE void transpose_block(const float* const* from, float* to, int64_t stride) {
  const Four::Reg a = load<Four>(from[0]), b = load<Four>(from[1]);
  const Four::Reg c = load<Four>(from[2]), d = load<Four>(from[3]);
  const Four::Reg ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four::Reg cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four::Reg ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four::Reg cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store<Four>(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store<Four>(to + stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store<Four>(to + 2 * stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store<Four>(to + 3 * stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

// Rows that do not exist are the last one again; no sum of theirs is ever taken.
template <int64_t places>
void pack_rows(const MatmulRows& p) {
  int64_t done = 0;
  if (p.depth_stride == 1) {
    done = p.depth / 4 * 4;
    for (int64_t i = 0; i < p.rows; i += 4) {
      const float* from[4];
      for (int64_t r = 0; r < 4; ++r) {
        from[r] = p.x + (i + r < p.rows ? i + r : p.rows - 1) * p.row_stride;
      }
      float* to = p.to + i;
      for (int64_t k = 0; k < done; k += 4, to += 4 * places) {
        transpose_block(from, to, places);
        for (const float*& row : from) row += 4;
      }
    }
  }
  for (int64_t k = done; k < p.depth; ++k) {
    const float* x = p.x + k * p.depth_stride;
    float* to = p.to + k * places;
    int64_t i = 0;
    for (; p.row_stride == 1 && i + 4 <= p.rows; i += 4) store<Four>(to + i, load<Four>(x + i));
    for (; i < p.rows; ++i) to[i] = x[i * p.row_stride];
  }
}

ZC_INLINE void prefetch_row(const MatmulTile& t, int64_t row) {
  if (t.y != nullptr) {
    const float* y = t.y + row * t.y_stride;
    for (int64_t i = 0; i < t.y_floats; i += 16) __builtin_prefetch(y + i, 1);
  }
  if (t.ahead != nullptr) {
    const float* ahead = t.ahead + row * t.ahead_stride;
    for (int64_t i = 0; i < t.ahead_floats; i += 16) __builtin_prefetch(ahead + i, 0, 2);
  }
}

// `rows` rows at once, so that rows * parts sums stay in registers over the whole depth.
template <class V, int64_t parts, int64_t rows, int64_t places>
__attribute__((noinline)) void multiply_rows(const MatmulTile& t) {
  constexpr int64_t columns = parts * V::width;
  typename V::Reg sum[rows][parts] = {};
  const float* weights = t.weights;
  const float* x = t.x;
  const auto multiply_step = [&](int64_t k) __attribute__((always_inline)) {
    typename V::Reg weight[parts];
#pragma GCC unroll 4
    for (int64_t j = 0; j < parts; ++j) weight[j] = load<V>(weights + k * columns + j * V::width);
#pragma GCC unroll 16
    for (int64_t i = 0; i < rows; ++i) {
      const float value = x[k * places + i];
#pragma GCC unroll 4
      for (int64_t j = 0; j < parts; ++j) sum[i][j] += value * weight[j];
    }
  };
  int64_t k = 0;
  const int64_t steps = t.depth / (4 * rows) * 4 + 4;
  for (int64_t row = 0; k + 4 <= t.depth; ++row) {
    prefetch_row(t, row);
    const int64_t end = k + steps <= t.depth ? k + steps : t.depth;
    for (; k + 4 <= end; k += 4, weights += 4 * columns, x += 4 * places) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) multiply_step(j);
    }
  }
  for (; k < t.depth; ++k, weights += columns, x += places) multiply_step(0);
#pragma GCC unroll 16
  for (int64_t i = 0; i < rows; ++i) {
#pragma GCC unroll 4
    for (int64_t j = 0; j < parts; ++j) {
      float* to = t.sums + i * columns + j * V::width;
      store<V>(to, t.add ? load<V>(to) + sum[i][j] : sum[i][j]);
    }
  }
}

template <class V, int64_t parts, int64_t rows, int64_t places>
void multiply_up_to(const MatmulTile& t) {
  if constexpr (rows > 1) {
    if (t.rows < rows) return multiply_up_to<V, parts, rows - 1, places>(t);
  }
  multiply_rows<V, parts, rows, places>(t);
}

template <class V, int64_t parts, int64_t rows>
void multiply_tile(const MatmulTile& t) {
  multiply_up_to<V, parts, rows, places_for(rows)>(t);
}

// exp(x) for x <= 0 as 2^n times a polynomial on [-ln2/2, ln2/2]; relative error below 3e-7, and
// exp(-87) for all that is smaller. Adding 1.5 * 2^23 rounds to the integer n and leaves it in the
// low bits, from where a shift takes it into the exponent.
template <class V>
ZC_INLINE typename V::Reg exponential_of_negative(typename V::Reg x) {
  using Bits = typename V::Bits;
  x = x < -87.0f ? typename V::Reg{} - 87.0f : x;
  const typename V::Reg shifted = x * 1.44269504f + 12582912.0f;
  const typename V::Reg n = shifted - 12582912.0f;
  const typename V::Reg r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  typename V::Reg p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  return reinterpret_cast<typename V::Reg>((reinterpret_cast<Bits>(shifted) << 23) +
                                           reinterpret_cast<Bits>(p));
}

// x / (1 + exp(-x)), with exp of -|x| only.
template <class V>
ZC_INLINE typename V::Reg silu(typename V::Reg x) {
  const typename V::Reg e = exponential_of_negative<V>(x > 0.0f ? -x : x);
  return (x > 0.0f ? x : x * e) / (1.0f + e);
}

// x Phi(x) = max(x, 0) - |x| Q(|x|), where Q(a) = exp(-a^2 / 2) t times a polynomial in
// t = 1 / (1 + 0.275 a). The coefficients are a least-squares fit whose weights were moved until
// the largest errors were alike: 1.1e-8 of gelu, before rounding. Infinity must not meet a zero.
template <class V>
ZC_INLINE typename V::Reg gelu(typename V::Reg x) {
  typename V::Reg a = x > 0.0f ? x : -x;
  a = a > 100.0f ? typename V::Reg{} + 100.0f : a;
  const typename V::Reg t = 1.0f / (0.275f * a + 1.0f);
  typename V::Reg q = t * 0.0251787659f + -0.102210477f;
  q = q * t + 0.115238182f;
  q = q * t - 0.0210400615f;
  q = q * t + 0.0802725106f;
  q = q * t + 0.0814100951f;
  q = q * t + 0.101747401f;
  q = q * t + 0.109694123f;
  q = q * t + 0.109709345f;
  const typename V::Reg tail = a * (q * t) * exponential_of_negative<V>(a * a * -0.5f);
  return (x > 0.0f ? x : typename V::Reg{}) - tail;
}

template <class V>
ZC_INLINE typename V::Reg activate(typename V::Reg x, MatmulActivation activation) {
  if (activation == MatmulActivation::silu) return silu<V>(x);
  if (activation == MatmulActivation::gelu) return gelu<V>(x);
  return x;
}

// One vector of results; `sums` and `bias` are those of its first column, `half` a tile's columns.
template <class V, int64_t half>
ZC_INLINE typename V::Reg result_of(const MatmulEnd& e, const float* sums, const float* bias,
                                    typename V::Reg residual) {
  const typename V::Reg value = load<V>(sums) + load<V>(bias);
  if (!e.gated) return activate<V>(value + residual, e.activation);
  const typename V::Reg gate = load<V>(sums + half) + load<V>(bias + half);
  return value * gelu<V>(gate) + residual;
}

template <class V, int64_t parts>
void finish_tile(const MatmulEnd& e) {
  constexpr int64_t columns = parts * V::width, half = columns / 2;
  static_assert(parts % 2 == 0);
  for (int64_t i = 0; i < e.rows; ++i) {
    const float* sums = e.sums + i * columns;
    const float* residual = e.residual + i * e.residual_stride;
    float* y = e.y + i * e.y_stride;
    for (int64_t j = 0; j < e.count; j += V::width) {
      const int64_t left = e.count - j;
      typename V::Reg r = {};
      if (left >= V::width) {
        if (e.residual != nullptr) r = load<V>(residual + j);
        store<V>(y + j, result_of<V, half>(e, sums + j, e.bias + j, r));
        continue;
      }
      for (int64_t c = 0; e.residual != nullptr && c < left; ++c) r[c] = residual[j + c];
      r = result_of<V, half>(e, sums + j, e.bias + j, r);
      for (int64_t c = 0; c < left; ++c) y[j + c] = r[c];
    }
  }
}

ZC_INLINE float from_bits(uint32_t bits) {
  return __builtin_bit_cast(float, bits);
}

// Without an arithmetic on float32's own subnormals, which processors do slowly: those of float16
// are normal in float32, 2^-14 m / 1024 = (1 + m / 1024) 2^-14 - 2^-14.
inline void widen_float16(const uint16_t* __restrict from, int64_t count, float* __restrict to) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t half = from[i], magnitude = (half & 0x7fffu) << 13;
    const uint32_t normal = magnitude + (112u << 23);
    const uint32_t special = magnitude | 0x7f800000u;  // infinity, and what is no number
    const uint32_t small =
        __builtin_bit_cast(uint32_t, from_bits(magnitude | 0x38800000u) - from_bits(0x38800000u));
    const uint32_t bits = magnitude >= (0x7c00u << 13)  ? special
                          : magnitude < (0x0400u << 13) ? small
                                                        : normal;
    to[i] = from_bits(bits | (half & 0x8000u) << 16);
  }
}

inline void widen_bfloat16(const uint16_t* __restrict from, int64_t count, float* __restrict to) {
  for (int64_t i = 0; i < count; ++i) to[i] = from_bits(uint32_t{from[i]} << 16);
}

// As many sums as a tile has, so that each can wait for its last addition while others go on. All
// of them become part of the answer, or the compiler would leave them out.
template <class V, int64_t parts, int64_t rows>
double multiply_in_registers(int64_t rounds) {
  constexpr int64_t sums = rows * parts;
  const typename V::Reg half = typename V::Reg{} + 0.5f, quarter = typename V::Reg{} + 0.25f;
  typename V::Reg sum[sums];
#pragma GCC unroll 32
  for (int64_t i = 0; i < sums; ++i) sum[i] = typename V::Reg{} + static_cast<float>(i);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 32
    for (int64_t i = 0; i < sums; ++i) sum[i] = sum[i] * half + quarter;
  }
  typename V::Reg all = {};
  for (int64_t i = 0; i < sums; ++i) all += sum[i];
  return all[0] == 0.0f ? 0.0 : 2.0 * sums * V::width * static_cast<double>(rounds);
}

template <class V, int64_t parts, int64_t rows>
constexpr MatmulKernels matmul_kernels_of() {
  return {.rows = rows,
          .columns = parts * V::width,
          .places = places_for(rows),
          .pack_rows = pack_rows<places_for(rows)>,
          .multiply = multiply_tile<V, parts, rows>,
          .finish = finish_tile<V, parts>,
          .widen_float16 = widen_float16,
          .widen_bfloat16 = widen_bfloat16,
          .multiply_in_registers = multiply_in_registers<V, parts, rows>};
}

#undef ZC_INLINE

}  // namespace
}  // namespace zc::kernels
