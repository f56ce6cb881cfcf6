// SPDX-License-Identifier: Apache-2.0
// Products of float32 for processors with AVX-512 that add in other units than those that multiply
// (AMD since Zen 4): two terms of a sum cost one product and additions beside it,
//   x1 w1 + x2 w2 = (x1 + w2) (x2 + w1) - x1 x2 - w1 w2,
// where the last two are sums of a row and of a column alone (S. Winograd, A New Algorithm for
// Inner Product, IEEE Transactions on Computers C-17, 1968). Half of the products are spared; of
// each two sums one takes two additions and a product, the other one addition and two products,
// so that both kinds of units have the same to do.
//
// Its rounding is that of x1 x2, so rows of x and columns of weights are brought to the same size
// first, by powers of two; and each second pair is subtracted, (x3 - w4) (x4 - w3), so that what
// rows of one sign would add up takes itself away. Errors are then 1.1 to 2.3 times those of plain
// sums (measured), and they go by the whole row and the whole column, not by the terms of one sum.
#include "kernels/matmul_kernels.h"

#if defined(__AVX512F__)

#include <immintrin.h>

#include "kernels/matmul_body.h"
#include "kernels/vectors_avx512.h"

namespace zc::kernels {
namespace {

#define ZC_INLINE inline __attribute__((always_inline))

// 12 x 32 sums take 24 of the 32 registers, two pairs' weights four.
constexpr int64_t kRows = 12, kPlaces = 16, kParts = 2, kLanes = 16, kColumns = kParts * kLanes;
constexpr int64_t kPairUnit = 4;  // depths: a pair that is added and one that is subtracted
// After the depths: what undoes the scale, and minus the sum of the pairs' products.
constexpr int64_t kExtraRows = 2;

int64_t padded_depth(int64_t depth) {
  return (depth + kPairUnit - 1) / kPairUnit * kPairUnit;
}

struct Scales {
  __m512 scale, undo;
};

// 2^-e and 2^e, where 2^2e is about the mean square. Squares that leave float32 say nothing, the
// largest element does then. Rows of zeros come back as zeros, not as what is left of the other
// operand.
Scales scales_of(__m512 squares, __m512 largest, int64_t depth) {
  const __m512 mean = _mm512_mul_ps(squares, _mm512_set1_ps(1.0f / static_cast<float>(depth)));
  const __mmask16 plain = _mm512_cmp_ps_mask(mean, _mm512_set1_ps(1e-30f), _CMP_GT_OQ) &
                          _mm512_cmp_ps_mask(mean, _mm512_set1_ps(1e30f), _CMP_LT_OQ);
  const __m512 half = _mm512_mul_ps(_mm512_getexp_ps(mean), _mm512_set1_ps(0.5f));
  __m512 exponent = _mm512_mask_mov_ps(_mm512_getexp_ps(largest), plain, half);
  exponent = _mm512_roundscale_ps(exponent, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
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
  for (int64_t j = 0; j < kColumns; j += kLanes) {
    scale_into(sizes_of(from + j, depth, kColumns), from + j, to + j, depth, kColumns);
  }
}

template <class From>
void turn_columns(const From* from, int64_t from_stride, int64_t depth, float* to,
                  int64_t to_stride) {
  using V = SixteenFloats;
  for (int64_t k = 0; k < depth; k += V::width) {
    const int64_t count = depth - k < V::width ? depth - k : V::width;
    V::Reg r[V::width];
#pragma GCC unroll 16
    for (int64_t i = 0; i < V::width; ++i) {
      const From* column = from + i * from_stride + k;
      r[i] = count == V::width ? V::load(column) : V::load_partial(column, count);
    }
    V::transpose(r);
#pragma GCC unroll 16
    for (int64_t i = 0; i < V::width; ++i) {
      if (i < count) V::store(to + (k + i) * to_stride, r[i]);
    }
  }
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

template <int64_t rows>
__attribute__((noinline)) void multiply_pairs(const MatmulTile& t) {
  const int64_t depth = padded_depth(t.depth);
  const float* weights = t.weights;
  const float* x = t.x;
  const float* x_extra = t.x + depth * kPlaces;
  const float* weight_extra = t.weights + depth * kColumns;
  __m512 sum[rows][kParts];
#pragma GCC unroll 2
  for (int64_t j = 0; j < kParts; ++j) {
    const __m512 own = _mm512_loadu_ps(weight_extra + kColumns + j * kLanes);
#pragma GCC unroll 16
    for (int64_t i = 0; i < rows; ++i) sum[i][j] = plus(own, x_extra + kPlaces + i);
  }
  const int64_t steps = depth / (kPairUnit * rows) * kPairUnit + kPairUnit;
  int64_t k = 0;
  for (int64_t row = 0; k < depth; ++row) {
    if (row < rows) prefetch_row(t, row);
    const int64_t end = k + steps < depth ? k + steps : depth;
    for (; k < end; k += kPairUnit, weights += kPairUnit * kColumns, x += kPairUnit * kPlaces) {
      {
        const __m512 a0 = _mm512_loadu_ps(weights), a1 = _mm512_loadu_ps(weights + kLanes);
        const __m512 b0 = _mm512_loadu_ps(weights + kColumns);
        const __m512 b1 = _mm512_loadu_ps(weights + kColumns + kLanes);
#pragma GCC unroll 16
        for (int64_t i = 0; i < rows; ++i) {
          const __m512 u0 = plus(a0, x + kPlaces + i), u1 = plus(a1, x + kPlaces + i);
          sum[i][0] = _mm512_fmadd_ps(plus(b0, x + i), u0, sum[i][0]);
          add_product(sum[i][1], u1, x + i);
          sum[i][1] = _mm512_fmadd_ps(b1, u1, sum[i][1]);
        }
      }
      {
        const float* later = weights + 2 * kColumns;
        const float* x2 = x + 2 * kPlaces;
        const __m512 a0 = _mm512_loadu_ps(later), a1 = _mm512_loadu_ps(later + kLanes);
        const __m512 b0 = _mm512_loadu_ps(later + kColumns);
        const __m512 b1 = _mm512_loadu_ps(later + kColumns + kLanes);
#pragma GCC unroll 16
        for (int64_t i = 0; i < rows; ++i) {
          const __m512 u0 = minus(a0, x2 + kPlaces + i), u1 = minus(a1, x2 + kPlaces + i);
          sum[i][0] = _mm512_fnmadd_ps(minus(b0, x2 + i), u0, sum[i][0]);
          add_product(sum[i][1], u1, x2 + i);
          sum[i][1] = _mm512_fnmadd_ps(b1, u1, sum[i][1]);
        }
      }
    }
  }
#pragma GCC unroll 2
  for (int64_t j = 0; j < kParts; ++j) {
    const __m512 undo = _mm512_loadu_ps(weight_extra + j * kLanes);
#pragma GCC unroll 16
    for (int64_t i = 0; i < rows; ++i) {
      float* to = t.sums + i * kColumns + j * kLanes;
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

bool adds_beside_products() {
  return __builtin_cpu_is("amd") != 0 && __builtin_cpu_supports("avx512f") != 0;
}

#undef ZC_INLINE

MatmulKernels make_kernels(const MatmulKernels& base) {
  MatmulKernels own = matmul_kernels_of<Vectors<16>, kParts, kRows>();
  own.places = kPlaces;
  own.pack_rows = pack_pairs;
  own.turn = turn_columns<float>;
  own.turn_float16 = turn_columns<uint16_t>;
  own.multiply = multiply_pairs_up_to<kRows>;
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
