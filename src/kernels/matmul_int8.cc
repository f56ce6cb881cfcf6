// SPDX-License-Identifier: Apache-2.0
// Products of 8 bits (matmul_int8.h) for AVX-512 with VNNI. This file alone is compiled for it.
#include "kernels/matmul_int8.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)

#include <cstring>

#include "kernels/matmul_vnni.h"

namespace zc::kernels {
namespace {

constexpr int64_t kTogether = 4;  // products that one instruction adds up

constexpr int64_t padded(int64_t depth) {
  return (depth + kTogether - 1) / kTogether * kTogether;
}

// A packed tile of x: kRows rows of padded(depth) bytes, 128 more than the value; then the steps.
struct PackedRows {
  explicit PackedRows(float* at, int64_t depth)
      : bytes(reinterpret_cast<uint8_t*>(at)),
        stride(padded(depth)),
        steps(at + kRows * stride / 4) {}
  uint8_t* bytes;
  int64_t stride;
  float* steps;
};

// The larger of `largest` and |v|, each lane; what is not a number stays.
inline __m512 larger(__m512 largest, __m512 v) {
  const __mmask16 bad = _mm512_cmp_ps_mask(largest, largest, _CMP_UNORD_Q);
  return _mm512_mask_mov_ps(_mm512_max_ps(largest, _mm512_abs_ps(v)), bad, largest);
}

inline float largest_of(__m512 v) {
  if (_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q) != 0) return __builtin_nanf("");
  return _mm512_reduce_max_ps(v);
}

void quantize_row(const float* x, int64_t depth, uint8_t* to, float* step) {
  __m512 largest = _mm512_setzero_ps();
  int64_t k = 0;
  for (; k + kLanes <= depth; k += kLanes) largest = larger(largest, _mm512_loadu_ps(x + k));
  const auto rest = static_cast<__mmask16>((1u << (depth - k)) - 1u);
  if (k < depth) largest = larger(largest, _mm512_maskz_loadu_ps(rest, x + k));
  *step = int8_step(largest_of(largest));
  const __m512 inverse = _mm512_set1_ps(1.0f / *step);
  const __m512i middle = _mm512_set1_epi32(128);
  const auto quantized = [&](__m512 v) {
    return _mm512_cvtepi32_epi8(
        _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(v, inverse)), middle));
  };
  for (k = 0; k + kLanes <= depth; k += kLanes)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + k), quantized(_mm512_loadu_ps(x + k)));
  if (k < depth) {
    const auto room = static_cast<__mmask16>((1u << (padded(depth) - k)) - 1u);
    _mm_mask_storeu_epi8(to + k, room, quantized(_mm512_maskz_loadu_ps(rest, x + k)));
  }
}

void pack_rows(const MatmulRows& r) {
  const PackedRows packed(r.to, r.depth);
  float room[kMostDepth];
  for (int64_t i = 0; i < r.rows; ++i) {
    quantize_row(row_of(r, i, room), r.depth, packed.bytes + i * packed.stride, packed.steps + i);
  }
}

// The weights of a piece: [depth / 4][column][4] bytes, then for each column its step and what the
// 128 that were added to each x come to.
struct PackedWeights {
  explicit PackedWeights(float* at, int64_t depth)
      : bytes(reinterpret_cast<int8_t*>(at)),
        steps(at + padded(depth) * kColumns / 4),
        corrections(reinterpret_cast<int32_t*>(steps + kColumns)) {}
  int8_t* bytes;
  float* steps;
  int32_t* corrections;
};

void quantize_weights(const float* from, int64_t depth, float* to) {
  const PackedWeights packed(to, depth);
  for (int64_t part = 0; part < kParts; ++part) {
    const float* w = from + part * kLanes;
    __m512 largest = _mm512_setzero_ps();
    for (int64_t k = 0; k < depth; ++k)
      largest = larger(largest, _mm512_loadu_ps(w + k * kColumns));
    alignas(64) float steps[kLanes];
    _mm512_store_ps(steps, largest);
    for (float& step : steps) step = int8_step(step);
    const __m512 step = _mm512_load_ps(steps);
    const __m512 inverse = _mm512_div_ps(_mm512_set1_ps(1.0f), step);
    __m512i sums = _mm512_setzero_si512();
    for (int64_t k = 0; k < depth; k += kTogether) {
      __m512i word = _mm512_setzero_si512();
      for (int64_t j = 0; j < kTogether && k + j < depth; ++j) {
        const __m512i value =
            _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(w + (k + j) * kColumns), inverse));
        sums = _mm512_add_epi32(sums, value);
        const __m512i byte = _mm512_and_si512(value, _mm512_set1_epi32(255));
        word = _mm512_or_si512(word,
                               _mm512_sllv_epi32(byte, _mm512_set1_epi32(static_cast<int>(8 * j))));
      }
      _mm512_storeu_si512(packed.bytes + (k * kColumns + part * kLanes * kTogether), word);
    }
    _mm512_storeu_ps(packed.steps + part * kLanes, step);
    _mm512_storeu_si512(packed.corrections + part * kLanes,
                        _mm512_mullo_epi32(sums, _mm512_set1_epi32(-128)));
  }
}

// _mm512_dpbusd_epi32, whose sums GCC 12 copies to and fro instead of keeping them in registers.
inline __attribute__((always_inline)) void add_products(__m512i& sum, __m512i bytes,
                                                        __m512i weights) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(bytes), "v"(weights));
}

template <int64_t rows>
__attribute__((noinline)) void multiply_rows(const MatmulTile& t) {
  const PackedRows x(const_cast<float*>(t.x), t.depth);
  const PackedWeights w(const_cast<float*>(t.weights), t.depth);
  __m512i sum[rows][kParts];
#pragma GCC unroll 4
  for (int64_t j = 0; j < kParts; ++j) {
    const __m512i start = _mm512_loadu_si512(w.corrections + j * kLanes);
#pragma GCC unroll 8
    for (int64_t i = 0; i < rows; ++i) sum[i][j] = start;
  }
  const int8_t* weights = w.bytes;
  const uint8_t* bytes = x.bytes;
  for (int64_t k = 0; k < t.depth;
       k += kTogether, weights += kColumns * kTogether, bytes += kTogether) {
    __m512i weight[kParts];
#pragma GCC unroll 4
    for (int64_t j = 0; j < kParts; ++j)
      weight[j] = _mm512_loadu_si512(weights + j * kLanes * kTogether);
#pragma GCC unroll 8
    for (int64_t i = 0; i < rows; ++i) {
      int four;
      std::memcpy(&four, bytes + i * x.stride, sizeof four);
      const __m512i value = _mm512_set1_epi32(four);
#pragma GCC unroll 4
      for (int64_t j = 0; j < kParts; ++j) add_products(sum[i][j], value, weight[j]);
    }
  }
#pragma GCC unroll 8
  for (int64_t i = 0; i < rows; ++i) {
    const __m512 row_step = _mm512_set1_ps(x.steps[i]);
#pragma GCC unroll 4
    for (int64_t j = 0; j < kParts; ++j) {
      float* to = t.sums + i * kColumns + j * kLanes;
      const __m512 step = _mm512_mul_ps(row_step, _mm512_loadu_ps(w.steps + j * kLanes));
      const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[i][j]), step);
      _mm512_storeu_ps(to, t.add ? _mm512_add_ps(_mm512_loadu_ps(to), product) : product);
    }
  }
}

constexpr MultiplyRows kMultiply[kRows] = {multiply_rows<1>, multiply_rows<2>, multiply_rows<3>,
                                           multiply_rows<4>, multiply_rows<5>, multiply_rows<6>};

}  // namespace

const MatmulKernels* matmul_int8_avx512() {
  static const MatmulKernels* const kernels =
      vnni_kernels({pack_rows, multiply_tile<kMultiply>, quantize_weights});
  return kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const MatmulKernels* matmul_int8_avx512() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
