// SPDX-License-Identifier: Apache-2.0
// Attention of one head by blocks, written once for vectors V of any instruction set. Included by
// attention_<set>.cc only. All of it has internal linkage, and no library header that defines
// functions is included: code made for one instruction set must not serve another.
//
// Queries lie side by side in the vectors ("panel": two vectors of queries), keys and channels run
// along the rows. So each step of softmax is one for a vector of queries, any number of channels
// fits without padding, and keys and values are read where they are, one number at a time.
#pragma once

#include <cstdint>

#include "kernels/attention_kernels.h"

namespace zc::kernels {
namespace {

#define ZC_INLINE inline __attribute__((always_inline))

// V has: Reg, width, rows (of sums that fit into the registers, each of two vectors), load, store,
// load_partial, store_partial, set1, add, sub, mul, div, max (the second where either is no
// number), fma (a * b + c), power_bits (see power_of_two) and transpose (of width vectors).

// c[row][column] = start + sum over k of a(row, k) b[k][column]
struct Product {
  const float* a;
  int64_t a_stride;
  int64_t rows, depth;
  const float* b;
  int64_t b_stride;
  float* c;
  int64_t c_stride;
  int64_t columns;
  // The start: zero, what c holds, or that times a factor for each column (whole vectors of them).
  bool add = false;
  const float* factor = nullptr;
};

// How a product finds a(row, k): at row * a_stride + k, or at k * a_stride + row.
enum class Along { rows, depth };

template <class V>
ZC_INLINE typename V::Reg read_floats(const float* p, int64_t count) {
  if (count >= V::width) return V::load(p);
  return count > 0 ? V::load_partial(p, count) : V::set1(0.0f);
}

template <class V>
ZC_INLINE void write_floats(float* p, int64_t count, typename V::Reg value) {
  if (count >= V::width) {
    V::store(p, value);
  } else if (count > 0) {
    V::store_partial(p, count, value);
  }
}

// Where a product begins: `whole` if all `count` columns from here on fill whole vectors.
template <class V, int rows, int parts, bool whole>
ZC_INLINE void load_sums(const float* c, int64_t stride, int64_t count, const float* factor,
                         typename V::Reg (*sum)[parts]) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, c += stride) {
#pragma GCC unroll 2
    for (int j = 0; j < parts; ++j) {
      const int64_t at = j * V::width;
      sum[i][j] = whole ? V::load(c + at) : read_floats<V>(c + at, count - at);
      if (factor != nullptr) sum[i][j] = V::mul(sum[i][j], V::load(factor + at));
    }
  }
}

template <class V, int rows, int parts, bool whole>
ZC_INLINE void store_sums(float* c, int64_t stride, int64_t count,
                          const typename V::Reg (*sum)[parts]) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, c += stride) {
#pragma GCC unroll 2
    for (int j = 0; j < parts; ++j) {
      const int64_t at = j * V::width;
      whole ? V::store(c + at, sum[i][j]) : write_floats<V>(c + at, count - at, sum[i][j]);
    }
  }
}

template <class V, int rows, int parts, Along along>
void product_rows(const Product& p, int64_t row, int64_t column) {
  typename V::Reg sum[rows][parts];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < parts; ++j) sum[i][j] = V::set1(0.0f);
  }
  float* c = p.c + row * p.c_stride + column;
  const int64_t count = p.columns - column, c_stride = p.c_stride;
  const bool whole = count >= parts * V::width;
  if (p.factor != nullptr) {
    load_sums<V, rows, parts, true>(c, c_stride, count, p.factor + column, sum);
  } else if (p.add) {
    whole ? load_sums<V, rows, parts, true>(c, c_stride, count, nullptr, sum)
          : load_sums<V, rows, parts, false>(c, c_stride, count, nullptr, sum);
  }
  const int64_t row_step = along == Along::rows ? p.a_stride : 1;
  const int64_t step = along == Along::rows ? 1 : p.a_stride;
  const float* a = p.a + row * row_step;
  const float* b = p.b + column;
  // Unrolled so that the end of a sum over few channels is foreseen.
#pragma GCC unroll 4
  for (int64_t k = p.depth, b_stride = p.b_stride; k > 0; --k, a += step, b += b_stride) {
    typename V::Reg factor[parts];
#pragma GCC unroll 2
    for (int j = 0; j < parts; ++j) factor[j] = V::load(b + j * V::width);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const typename V::Reg value = V::set1(a[i * row_step]);
#pragma GCC unroll 2
      for (int j = 0; j < parts; ++j) sum[i][j] = V::fma(value, factor[j], sum[i][j]);
    }
  }
  whole ? store_sums<V, rows, parts, true>(c, c_stride, count, sum)
        : store_sums<V, rows, parts, false>(c, c_stride, count, sum);
}

template <class V, int rows, Along along>
void product_up_to(const Product& p, int64_t row, int64_t count) {
  if constexpr (rows > 1) {
    if (count < rows) return product_up_to<V, rows - 1, along>(p, row, count);
  }
  for (int64_t column = 0; column < p.columns; column += 2 * V::width) {
    if (p.columns - column > V::width) {
      product_rows<V, rows, 2, along>(p, row, column);
    } else {
      product_rows<V, rows, 1, along>(p, row, column);
    }
  }
}

// The rows in portions as equal as can be: 16 of them are 8 and 8, not 14 and 2, because few rows
// wait for each other's sums. b must be readable up to whole vectors.
template <class V, Along along>
void product(const Product& p) {
  const int64_t portions = (p.rows + V::rows - 1) / V::rows;
  for (int64_t i = 0; i < portions; ++i) {
    const int64_t first = p.rows * i / portions;
    product_up_to<V, V::rows, along>(p, first, p.rows * (i + 1) / portions - first);
  }
}

// 2^x for x of at most 127, by a polynomial on [-1/2, 1/2]; below -126 it is 2^-126. Adding 1.5 *
// 2^23 + 127 rounds x to an integer and leaves the bits of its power of two at the lower end.
template <class V>
ZC_INLINE typename V::Reg power_of_two(typename V::Reg x) {
  x = V::max(V::set1(-126.0f), x);
  const auto magic = V::set1(12583039.0f);
  const auto bits = V::add(x, magic);
  const auto r = V::sub(x, V::sub(bits, magic));
  auto p = V::set1(1.3276471993e-3f);
  p = V::fma(p, r, V::set1(9.6755413344e-3f));
  p = V::fma(p, r, V::set1(5.5507132735e-2f));
  p = V::fma(p, r, V::set1(2.4022119724e-1f));
  p = V::fma(p, r, V::set1(6.9314696706e-1f));
  p = V::fma(p, r, V::set1(1.0f));
  return V::mul(p, V::power_bits(bits));
}

constexpr float kLog2e = 1.44269504f;

ZC_INLINE int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

template <class V>
constexpr int64_t kPanel = 2 * V::width;

// Rows -> columns: out[channel][i] = x[i][channel] * factor for `count` rows, zeros up to the
// panel.
template <class V>
void rows_to_panel(AttentionRows<const float> x, int64_t count, int64_t channels, float factor,
                   float* out) {
  const auto scale = V::set1(factor);
  for (int64_t lane = 0; lane < kPanel<V>; lane += V::width) {
    for (int64_t c = 0; c < channels; c += V::width) {
      typename V::Reg r[V::width];
#pragma GCC unroll 16
      for (int64_t i = 0; i < V::width; ++i) {
        r[i] = V::set1(0.0f);
        if (lane + i < count) {
          r[i] = V::mul(scale, read_floats<V>(x.data + (lane + i) * x.stride + c, channels - c));
        }
      }
      V::transpose(r);
#pragma GCC unroll 16
      for (int64_t i = 0; i < V::width; ++i) {
        if (c + i < channels) V::store(out + (c + i) * kPanel<V> + lane, r[i]);
      }
    }
  }
}

// Columns -> rows: y[i][channel] = x[channel][i] * factor[i] for `count` rows.
template <class V>
void panel_to_rows(const float* x, const float* factor, int64_t count, int64_t channels,
                   AttentionRows<float> y) {
  for (int64_t lane = 0; lane < count; lane += V::width) {
    const auto scale = V::load(factor + lane);
    for (int64_t c = 0; c < channels; c += V::width) {
      typename V::Reg r[V::width];
#pragma GCC unroll 16
      for (int64_t i = 0; i < V::width; ++i) {
        r[i] = V::set1(0.0f);
        if (c + i < channels) r[i] = V::mul(scale, V::load(x + (c + i) * kPanel<V> + lane));
      }
      V::transpose(r);
#pragma GCC unroll 16
      for (int64_t i = 0; i < V::width; ++i) {
        if (lane + i < count) {
          write_floats<V>(y.data + (lane + i) * y.stride + c, channels - c, r[i]);
        }
      }
    }
  }
}

// Key j of these is hidden from query i where j > i + offset.
template <class V>
void hide(float* table, int64_t stride, int64_t keys, int64_t offset, float value) {
  for (int64_t j = 0; j < keys; ++j) {
    const int64_t hidden = smaller(j - offset, kPanel<V>);
    for (int64_t i = 0; i < hidden; ++i) table[j * stride + i] = value;
  }
}

// Logits of some keys -> 2^(logit - largest) in their place; for one vector of queries.
template <class V>
void softmax_step(float* s, int64_t keys, bool first, float* largest, float* sum, float* alpha) {
  const auto old = V::load(largest);
  typename V::Reg top[4];
  // Not a number may get lost here: where a logit is none, so is its power, and so is the sum.
#pragma GCC unroll 4
  for (int64_t i = 0; i < 4; ++i) top[i] = first ? V::load(s) : old;
  int64_t j = 0;
  for (; j + 4 <= keys; j += 4) {
#pragma GCC unroll 4
    for (int64_t i = 0; i < 4; ++i) top[i] = V::max(top[i], V::load(s + (j + i) * kPanel<V>));
  }
  for (; j < keys; ++j) top[0] = V::max(top[0], V::load(s + j * kPanel<V>));
  const auto now = V::max(V::max(top[0], top[1]), V::max(top[2], top[3]));
  auto total = V::set1(0.0f);
  for (j = 0; j < keys; ++j) {
    const auto p = power_of_two<V>(V::sub(V::load(s + j * kPanel<V>), now));
    V::store(s + j * kPanel<V>, p);
    total = V::add(total, p);
  }
  if (!first) {
    const auto shrink = power_of_two<V>(V::sub(old, now));
    V::store(alpha, shrink);
    total = V::fma(V::load(sum), shrink, total);
  }
  V::store(largest, now);
  V::store(sum, total);
}

// A panel of queries in the forward pass.
struct ForwardPanel {
  int64_t first_query, queries;
  float* q;                      // [channels][panel], times scale * log2(e)
  float* o;                      // [channels][panel]
  float *largest, *sum, *alpha;  // [panel]
};

template <class V>
void forward_step(const AttentionForward& f, const ForwardPanel& panel, int64_t first_key,
                  int64_t keys, float* s) {
  const int64_t columns = panel.queries > V::width ? kPanel<V> : V::width;
  if (f.causal) keys = smaller(keys, panel.first_query + panel.queries - first_key);
  if (keys <= 0) return;
  const int64_t offset = panel.first_query - first_key;
  const bool hides = f.causal && keys - 1 > offset;
  product<V, Along::rows>({.a = f.k.data + first_key * f.k.stride,
                           .a_stride = f.k.stride,
                           .rows = keys,
                           .depth = f.channels,
                           .b = panel.q,
                           .b_stride = kPanel<V>,
                           .c = s,
                           .c_stride = kPanel<V>,
                           .columns = columns});
  if (hides) hide<V>(s, kPanel<V>, keys, offset, -__builtin_inff());
  for (int64_t lane = 0; lane < columns; lane += V::width) {
    softmax_step<V>(s + lane, keys, first_key == 0, panel.largest + lane, panel.sum + lane,
                    panel.alpha + lane);
  }
  if (hides) hide<V>(s, kPanel<V>, keys, offset, 0.0f);
  product<V, Along::depth>({.a = f.v.data + first_key * f.v.stride,
                            .a_stride = f.v.stride,
                            .rows = f.channels,
                            .depth = keys,
                            .b = s,
                            .b_stride = kPanel<V>,
                            .c = panel.o,
                            .c_stride = kPanel<V>,
                            .columns = columns,
                            .factor = first_key != 0 ? panel.alpha : nullptr});
}

template <class V>
ForwardPanel forward_panel(const AttentionForward& f, int64_t first) {
  const int64_t padded = (f.queries + kPanel<V> - 1) / kPanel<V> * kPanel<V>;
  float* q = f.memory + 2 * padded + first * 2 * f.channels;
  return {.first_query = f.first_query + first,
          .queries = smaller(kPanel<V>, f.queries - first),
          .q = q,
          .o = q + f.channels * kPanel<V>,
          .largest = f.memory + first,
          .sum = f.memory + padded + first,
          .alpha = f.memory + padded * (2 + 2 * f.channels)};
}

template <class V>
void forward(const AttentionForward& f) {
  for (int64_t first = 0; first < f.queries; first += kPanel<V>) {
    const ForwardPanel panel = forward_panel<V>(f, first);
    rows_to_panel<V>({f.q.data + panel.first_query * f.q.stride, f.q.stride}, panel.queries,
                     f.channels, f.scale * kLog2e, panel.q);
  }
  for (int64_t key = 0; key < f.keys; key += kForwardKeys) {
    for (int64_t first = 0; first < f.queries; first += kPanel<V>) {
      const ForwardPanel panel = forward_panel<V>(f, first);
      forward_step<V>(f, panel, key, smaller(kForwardKeys, f.keys - key), panel.alpha + kPanel<V>);
    }
  }
  for (int64_t first = 0; first < f.queries; first += kPanel<V>) {
    const ForwardPanel panel = forward_panel<V>(f, first);
    for (int64_t lane = 0; lane < panel.queries; lane += V::width) {
      V::store(panel.alpha + lane, V::div(V::set1(1.0f), V::load(panel.sum + lane)));
    }
    panel_to_rows<V>(panel.o, panel.alpha, panel.queries, f.channels,
                     {f.o.data + panel.first_query * f.o.stride, f.o.stride});
  }
}

}  // namespace
}  // namespace zc::kernels
