// SPDX-License-Identifier: Apache-2.0
// Matrix products in pairs of terms, which pairs_avx512.h explains. Rows of x and columns of
// weights are brought to one size first, by powers of two. Errors are then 1.1 to 2.1 times those
// of plain sums (measured), and they go by the whole row and the whole column, not by the terms of
// one sum. This file alone is compiled for it.
#include "kernels/matmul_kernels.h"

#if defined(__AVX512F__)

#include "kernels/matmul_body.h"
#include "kernels/pairs_avx512.h"

namespace zc::kernels {
namespace {

constexpr int64_t kPlaces = 16, kColumns = kPairColumns;
// After the depths: what undoes the scale, and minus the sum of the pairs' products.
constexpr int64_t kExtraRows = 2;

// Sixteen rows of sixteen depths turned at a time; rows that do not exist are the last one again.
void pack_pairs(const MatmulRows& r) {
  using V = SixteenFloats;
  Sizes sizes;
  int64_t k = 0;
  for (; r.depth_stride == 1 && k + V::width <= r.depth; k += V::width) {
    V::Reg v[V::width];
#pragma GCC unroll 16
    for (int64_t i = 0; i < V::width; ++i) {
      v[i] = V::load(r.x + (i < r.rows ? i : r.rows - 1) * r.row_stride + k);
    }
    V::transpose(v);
#pragma GCC unroll 16
    for (int64_t i = 0; i < V::width; ++i) V::store(r.to + (k + i) * kPlaces, v[i]);
    for (int64_t i = 0; i < V::width; i += 2) {
      take<0>(sizes, v[i]);
      take<1>(sizes, v[i + 1]);
    }
  }
  for (; k < r.depth; ++k) {
    float row[kPlaces];
    for (int64_t i = 0; i < kPlaces; ++i) {
      row[i] = r.x[(i < r.rows ? i : r.rows - 1) * r.row_stride + k * r.depth_stride];
    }
    const V::Reg v = V::load(row);
    V::store(r.to + k * kPlaces, v);
    take<0>(sizes, v);
  }
  scale_into(sizes, r.to, r.to, r.depth, kPlaces);
}

void scale_weights(const float* from, int64_t depth, float* to) {
  for (int64_t j = 0; j < kColumns; j += kPairLanes) {
    scale_into(sizes_of(from + j, depth, kColumns), from + j, to + j, depth, kColumns);
  }
}

template <int64_t rows>
__attribute__((noinline)) void multiply_pairs(const MatmulTile& t) {
  const int64_t depth = padded_depth(t.depth);
  const float* x_extra = t.x + depth * kPlaces;
  const float* weight_extra = t.weights + depth * kColumns;
  __m512 sum[rows][kPairParts];
#pragma GCC unroll 2
  for (int64_t j = 0; j < kPairParts; ++j) {
    const __m512 own = _mm512_loadu_ps(weight_extra + kColumns + j * kPairLanes);
#pragma GCC unroll 16
    for (int64_t i = 0; i < rows; ++i) sum[i][j] = plus(own, x_extra + kPlaces + i);
  }
  const int64_t steps = depth / (kPairUnit * rows) * kPairUnit + kPairUnit;
  int64_t k = 0;
  for (int64_t row = 0; k < depth; ++row) {
    if (row < rows) prefetch_row(t, row);
    const int64_t count = k + steps < depth ? steps : depth - k;
    add_pairs<rows, kPlaces>(t.x + k * kPlaces, t.weights + k * kColumns, count, sum);
    k += count;
  }
#pragma GCC unroll 2
  for (int64_t j = 0; j < kPairParts; ++j) {
    const __m512 undo = _mm512_loadu_ps(weight_extra + j * kPairLanes);
#pragma GCC unroll 16
    for (int64_t i = 0; i < rows; ++i) {
      float* to = t.sums + i * kColumns + j * kPairLanes;
      const __m512 own = _mm512_mul_ps(undo, _mm512_set1_ps(x_extra[i]));
      _mm512_storeu_ps(to, t.add ? _mm512_fmadd_ps(sum[i][j], own, _mm512_loadu_ps(to))
                                 : _mm512_mul_ps(sum[i][j], own));
    }
  }
}

template <int64_t rows>
void multiply_pairs_up_to(const MatmulTile& t) {
  if constexpr (rows > 1) {
    if (t.rows < rows) return multiply_pairs_up_to<rows - 1>(t);
  }
  multiply_pairs<rows>(t);
}

MatmulKernels make_kernels(const MatmulKernels& base) {
  MatmulKernels own = matmul_kernels_of<Vectors<16>, kPairParts, kPairRows>();
  own.places = kPlaces;
  own.pack_rows = pack_pairs;
  own.turn = turn_columns<kColumns / 2, float>;
  own.turn_float16 = turn_columns<kColumns / 2, uint16_t>;
  own.multiply = multiply_pairs_up_to<kPairRows>;
  own.widen_float16 = base.widen_float16;
  own.depth_unit = kPairUnit;
  own.extra_rows = kExtraRows;
  own.split_weights = scale_weights;
  own.split_when_packed = true;
  own.multiply_in_registers = base.multiply_in_registers;
  return own;
}

}  // namespace

const MatmulKernels* matmul_pairs() {
  const MatmulKernels* base = matmul_avx512();
  if (base == nullptr || !adds_beside_products()) return nullptr;
  static const MatmulKernels own = make_kernels(*base);
  return &own;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const MatmulKernels* matmul_pairs() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
