// SPDX-License-Identifier: Apache-2.0
// Products of 16 bits (matmul_int16.h) for AVX-512 with VNNI. This file alone is compiled for it.
#include "kernels/matmul_int16.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)

#include <cstring>

#include "kernels/matmul_vnni.h"

namespace zc::kernels {
namespace {

constexpr int64_t kTogether = 2;  // products that one instruction adds up

constexpr int64_t padded(int64_t depth) {
  return (depth + kTogether - 1) / kTogether * kTogether;
}

// A packed tile of x: kRows rows of padded(depth) integers; then the steps of each row's blocks.
struct PackedRows {
  explicit PackedRows(float* at, int64_t depth)
      : values(reinterpret_cast<int16_t*>(at)),
        stride(padded(depth)),
        steps(at + kRows * stride / kTogether),
        blocks(int16_blocks(depth)) {}
  int16_t* values;
  int64_t stride;
  float* steps;
  int64_t blocks;
};

// The steps of as many blocks, by their largest sizes and the sums of their squares. The second of
// a maximum is taken where either is not a number, which a sum of squares shows.
inline __m512 steps_of(__m512 largest, __m512 squares) {
  const __m512 norm = _mm512_div_ps(_mm512_sqrt_ps(squares), _mm512_set1_ps(kMostInt16Norm));
  const __m512 step = _mm512_max_ps(_mm512_div_ps(largest, _mm512_set1_ps(kMostInt16)), norm);
  const __mmask16 least =
      _mm512_cmp_ps_mask(squares, _mm512_set1_ps(kLeastInt16 * kLeastInt16), _CMP_LT_OQ);
  return _mm512_mask_mov_ps(step, least, _mm512_set1_ps(1.0f));
}

inline __mmask16 first_lanes(int64_t count) {
  return static_cast<__mmask16>(count >= kLanes ? 0xffffu : (1u << count) - 1u);
}

void measure_block(const float* x, int64_t depth, float* largest, float* squares) {
  __m512 size = _mm512_setzero_ps(), square = _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; k += kLanes) {
    const __m512 v = _mm512_maskz_loadu_ps(first_lanes(depth - k), x + k);
    size = _mm512_max_ps(_mm512_abs_ps(v), size);
    square = _mm512_fmadd_ps(v, v, square);
  }
  *largest = _mm512_reduce_max_ps(size);
  *squares = _mm512_reduce_add_ps(square);
}

void quantize_block(const float* x, int64_t depth, float step, int16_t* to) {
  const __m512 inverse = _mm512_set1_ps(1.0f / step);
  for (int64_t k = 0; k < padded(depth); k += kLanes) {
    const __m512 v = _mm512_maskz_loadu_ps(first_lanes(depth - k), x + k);
    const __m512i steps = _mm512_cvtps_epi32(_mm512_mul_ps(v, inverse));
    _mm512_mask_cvtepi32_storeu_epi16(to + k, first_lanes(padded(depth) - k), steps);
  }
}

void quantize_row(const float* x, int64_t depth, int16_t* to, float* steps) {
  alignas(64) float largest[kLanes] = {}, squares[kLanes] = {}, found[kLanes];
  const int64_t blocks = int16_blocks(depth);
  const auto count = [&](int64_t b) {
    return depth - b * kInt16Block < kInt16Block ? depth - b * kInt16Block : kInt16Block;
  };
  for (int64_t b = 0; b < blocks; ++b)
    measure_block(x + b * kInt16Block, count(b), largest + b, squares + b);
  _mm512_store_ps(found, steps_of(_mm512_load_ps(largest), _mm512_load_ps(squares)));
  for (int64_t b = 0; b < blocks; ++b) {
    steps[b] = found[b];
    quantize_block(x + b * kInt16Block, count(b), found[b], to + b * kInt16Block);
  }
}

void pack_rows(const MatmulRows& r) {
  const PackedRows packed(r.to, r.depth);
  float room[kMostDepth];
  for (int64_t i = 0; i < r.rows; ++i) {
    quantize_row(row_of(r, i, room), r.depth, packed.values + i * packed.stride,
                 packed.steps + i * packed.blocks);
  }
}

// The weights of a piece: for each block the steps of its columns, then [depth / 2][column][2].
constexpr int64_t kBlockFloats = kColumns + kInt16Block / kTogether * kColumns;

void quantize_weights(const float* from, int64_t all_depth, float* to) {
  const __m512i low = _mm512_set1_epi32(0xffff);
  for (int64_t first = 0; first < all_depth;
       first += kInt16Block, from += kInt16Block * kColumns, to += kBlockFloats) {
    const int64_t depth = all_depth - first < kInt16Block ? all_depth - first : kInt16Block;
    for (int64_t part = 0; part < kParts; ++part) {
      const float* w = from + part * kLanes;
      __m512 largest = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
      for (int64_t k = 0; k < depth; ++k) {
        const __m512 v = _mm512_loadu_ps(w + k * kColumns);
        largest = _mm512_max_ps(_mm512_abs_ps(v), largest);
        squares = _mm512_fmadd_ps(v, v, squares);
      }
      const __m512 steps = steps_of(largest, squares);
      const __m512 inverse = _mm512_div_ps(_mm512_set1_ps(1.0f), steps);
      _mm512_storeu_ps(to + part * kLanes, steps);
      float* words = to + kColumns + part * kLanes;
      const auto quantized = [&](int64_t k) {
        return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(w + k * kColumns), inverse));
      };
      for (int64_t k = 0; k < depth; k += kTogether, words += kColumns) {
        const __m512i second =
            k + 1 < depth ? _mm512_slli_epi32(quantized(k + 1), 16) : _mm512_setzero_si512();
        _mm512_storeu_si512(words, _mm512_or_si512(_mm512_and_si512(quantized(k), low), second));
      }
    }
  }
}

// _mm512_dpwssd_epi32, whose sums GCC 12 copies to and fro instead of keeping them in registers.
inline __attribute__((always_inline)) void add_products(__m512i& sum, __m512i x, __m512i weights) {
  asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(weights));
}

template <int64_t rows>
__attribute__((noinline)) void multiply_rows(const MatmulTile& t) {
  const PackedRows x(const_cast<float*>(t.x), t.depth);
  const float* block = t.weights;
  for (int64_t b = 0; b < x.blocks; ++b, block += kBlockFloats) {
    const int64_t first = b * kInt16Block;
    const int64_t depth = t.depth - first < kInt16Block ? t.depth - first : kInt16Block;
    __m512i sum[rows][kParts];
#pragma GCC unroll 8
    for (int64_t i = 0; i < rows; ++i) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < kParts; ++j) sum[i][j] = _mm512_setzero_si512();
    }
    const float* weights = block + kColumns;
    const int16_t* values = x.values + first;
    const auto multiply_step = [&](int64_t step) __attribute__((always_inline)) {
      __m512i weight[kParts];
#pragma GCC unroll 4
      for (int64_t j = 0; j < kParts; ++j)
        weight[j] = _mm512_loadu_si512(weights + step * kColumns + j * kLanes);
#pragma GCC unroll 8
      for (int64_t i = 0; i < rows; ++i) {
        int two;
        std::memcpy(&two, values + i * x.stride + step * kTogether, sizeof two);
        const __m512i value = _mm512_set1_epi32(two);
#pragma GCC unroll 4
        for (int64_t j = 0; j < kParts; ++j) add_products(sum[i][j], value, weight[j]);
      }
    };
    int64_t k = 0;
    for (; k + 4 * kTogether <= depth;
         k += 4 * kTogether, weights += 4 * kColumns, values += 4 * kTogether) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) multiply_step(j);
    }
    for (; k < depth; k += kTogether, weights += kColumns, values += kTogether) multiply_step(0);
    const bool add = t.add || b > 0;
#pragma GCC unroll 8
    for (int64_t i = 0; i < rows; ++i) {
      const __m512 row_step = _mm512_set1_ps(x.steps[i * x.blocks + b]);
#pragma GCC unroll 4
      for (int64_t j = 0; j < kParts; ++j) {
        float* to = t.sums + i * kColumns + j * kLanes;
        const __m512 step = _mm512_mul_ps(row_step, _mm512_loadu_ps(block + j * kLanes));
        const __m512 before = add ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
        _mm512_storeu_ps(to, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[i][j]), step, before));
      }
    }
  }
}

constexpr MultiplyRows kMultiply[kRows] = {multiply_rows<1>, multiply_rows<2>, multiply_rows<3>,
                                           multiply_rows<4>, multiply_rows<5>, multiply_rows<6>};

}  // namespace

const MatmulKernels* matmul_int16_avx512() {
  static const MatmulKernels* const kernels =
      vnni_kernels({pack_rows, multiply_tile<kMultiply>, quantize_weights});
  return kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const MatmulKernels* matmul_int16_avx512() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
