// SPDX-License-Identifier: Apache-2.0
// The three steps of a Winograd convolution, written once for vectors V of any instruction set.
// Included by winograd_<set>.cc only. All of it has internal linkage, and no library header that
// defines functions is included: code made for one instruction set must not serve another.
#pragma once

#include <cstdint>

#include "kernels/winograd_kernels.h"

namespace zc::kernels {
namespace {

#define ZC_INLINE inline __attribute__((always_inline))

// V has: Reg, width, load, store, load_partial, store_partial, set1, add, sub, mul, div, max, min,
// fma (a * b + c), fnma (c - a * b), scale_by_bits (see exponential).

// One of the values of G g for a pair of points +-p is the sum of an even and an odd part, the
// other their difference; all of it is divided by 2 p^2 (p^2 - q^2), where +-q is the other pair.
struct PairFactors {
  double first, odd, last;
};
constexpr PairFactors pair_factors(double p, double q) {
  const double n = 2 * p * p * (p * p - q * q);
  return {1 / n, p / n, p * p / n};
}

// G g for three values each of `columns` filters side by side -> six.
template <int64_t columns>
ZC_INLINE void weight_row(const double (*g)[columns], int64_t step, double (*out)[columns],
                          int64_t out_step) {
  constexpr PairFactors a = pair_factors(kPointA, kPointB), b = pair_factors(kPointB, kPointA);
  constexpr double at_zero = 1 / (kPointA * kPointA * kPointB * kPointB);
  const double *g0 = g[0], *g1 = g[step], *g2 = g[2 * step];
  for (int64_t i = 0; i < columns; ++i) {
    const double even_a = g0[i] * a.first + g2[i] * a.last;
    const double even_b = g0[i] * b.first + g2[i] * b.last;
    const double odd_a = g1[i] * a.odd, odd_b = g1[i] * b.odd;
    out[0][i] = g0[i] * at_zero;
    out[out_step][i] = even_a + odd_a;
    out[2 * out_step][i] = even_a - odd_a;
    out[3 * out_step][i] = even_b + odd_b;
    out[4 * out_step][i] = even_b - odd_b;
    out[5 * out_step][i] = g2[i];
  }
}

// G g G^T of each filter of weights that are kept: in double, since the rounding stays as long as
// they do.
template <int64_t columns>
void pack_panel(const WinogradPanel& p) {
  const int64_t first = p.panel * columns, in = p.weights.in;
  const int64_t left = p.weights.out - first, filters = left < columns ? left : columns;
  const float* weight = static_cast<const float*>(p.weights.weight);
  double g[9][columns] = {}, half[18][columns], full[kPositions][columns];
  for (int64_t k = 0; k < p.rows; ++k) {
    for (int64_t i = 0; i < filters; ++i) {
      const float* filter = weight + (first + i) * p.weights.out_stride + k * p.weights.in_stride;
      for (int64_t j = 0; j < 9; ++j) g[j][i] = k < in ? filter[j * p.weights.tap_stride] : 0;
    }
    for (int64_t j = 0; j < 3; ++j) weight_row<columns>(g + j, 3, half + j, 3);
    for (int64_t i = 0; i < kPatch; ++i) weight_row<columns>(half + i * 3, 1, full + i * kPatch, 1);
    for (int64_t s = 0; s < kPositions; ++s) {
      float* u = p.u + ((s * p.panels + p.panel) * p.rows + k) * columns;
      for (int64_t i = 0; i < columns; ++i) u[i] = float(full[s][i]);
    }
  }
}

template <class V, bool whole, class From>
ZC_INLINE typename V::Reg read(const From* p, int64_t lane, int64_t count) {
  if (whole || count >= lane + V::width) return V::load(p + lane);
  return count > lane ? V::load_partial(p + lane, count - lane) : V::set1(0.0f);
}

template <class V, bool whole>
ZC_INLINE void write(float* p, int64_t lane, int64_t count, typename V::Reg value) {
  if (whole || count >= lane + V::width) {
    V::store(p + lane, value);
  } else if (count > lane) {
    V::store_partial(p + lane, count - lane, value);
  }
}

// G g of three vectors of filters -> six.
template <class V>
ZC_INLINE void filter_row(const typename V::Reg g[3], typename V::Reg out[6]) {
  constexpr PairFactors a = pair_factors(kPointA, kPointB), b = pair_factors(kPointB, kPointA);
  constexpr double at_zero = 1 / (kPointA * kPointA * kPointB * kPointB);
  out[0] = V::mul(g[0], V::set1(float(at_zero)));
  const auto even_a = V::fma(g[2], V::set1(float(a.last)), V::mul(g[0], V::set1(float(a.first))));
  const auto even_b = V::fma(g[2], V::set1(float(b.last)), V::mul(g[0], V::set1(float(b.first))));
  const auto odd_a = V::set1(float(a.odd)), odd_b = V::set1(float(b.odd));
  out[1] = V::fma(g[1], odd_a, even_a);
  out[2] = V::fnma(g[1], odd_a, even_a);
  out[3] = V::fma(g[1], odd_b, even_b);
  out[4] = V::fnma(g[1], odd_b, even_b);
  out[5] = g[2];
}

// G g G^T of one panel's filters for weights that are used once: in float32, which takes a tenth of
// the time and adds little to the rounding of the products.
template <class V, int64_t columns>
void transform_filters(const WinogradFilters& f) {
  const float* from = f.g;
  for (int64_t k = 0; k < f.count; ++k, from += 9 * columns) {
    const int64_t end = f.ahead_lines * (k + 1) / f.count;
    for (int64_t line = f.ahead_lines * k / f.count; line < end; ++line) {
      const char* next = f.ahead + line * f.ahead_stride;
      for (int64_t at = 0; at < f.ahead_bytes; at += 64) __builtin_prefetch(next + at);
    }
    for (int64_t lane = 0; lane < columns; lane += V::width) {
      typename V::Reg half[3][kPatch];
#pragma GCC unroll 3
      for (int64_t j = 0; j < 3; ++j) {
        typename V::Reg g[3], out[kPatch];
#pragma GCC unroll 3
        for (int64_t i = 0; i < 3; ++i) g[i] = V::load(from + (i * 3 + j) * columns + lane);
        filter_row<V>(g, out);
#pragma GCC unroll 6
        for (int64_t i = 0; i < kPatch; ++i) half[j][i] = out[i];
      }
      float* u = f.u + k * columns + lane;
#pragma GCC unroll 6
      for (int64_t i = 0; i < kPatch; ++i) {
        const typename V::Reg g[3] = {half[0][i], half[1][i], half[2][i]};
        typename V::Reg out[kPatch];
        filter_row<V>(g, out);
#pragma GCC unroll 6
        for (int64_t j = 0; j < kPatch; ++j, u += f.position_stride) V::store(u, out[j]);
      }
    }
  }
}

// to[element][column] = from[column][element], zeros for the columns from `filters` on.
template <class V, int64_t columns, class From>
void turn_filters(const WinogradTurn& a) {
  const From* from = static_cast<const From*>(a.from);
  for (int64_t lane = 0; lane < columns; lane += V::width) {
    for (int64_t j = 0; j < a.length; j += V::width) {
      typename V::Reg r[V::width];
#pragma GCC unroll 16
      for (int64_t i = 0; i < V::width; ++i) {
        r[i] = V::set1(0.0f);
        if (lane + i < a.filters) {
          r[i] = read<V, false>(from + (lane + i) * a.stride, j, a.length);
        }
      }
      V::transpose(r);
      float* to = a.to + j * columns + lane;
#pragma GCC unroll 16
      for (int64_t i = 0; i < V::width; ++i) {
        if (j + i < a.length) V::store(to + i * columns, r[i]);
      }
    }
  }
}

// B^T d. With the points 0, +-a, +-b, infinity the rows are the coefficients of the products of
// (x - p) over all points but one: row a is x (x + a) (x^2 - b^2), and so on.
template <class V>
ZC_INLINE void input_row(const typename V::Reg d[6], typename V::Reg out[6]) {
  constexpr double a2 = kPointA * kPointA, b2 = kPointB * kPointB;
  const auto a = V::set1(float(kPointA)), b = V::set1(float(kPointB));
  const auto square_a = V::set1(float(a2)), square_b = V::set1(float(b2));
  const auto sum = V::set1(float(a2 + b2)), product = V::set1(float(a2 * b2));
  out[0] = V::fma(product, d[0], V::fnma(sum, d[2], d[4]));
  const auto even_a = V::fnma(square_b, d[2], d[4]), odd_a = V::fnma(square_b, d[1], d[3]);
  out[1] = V::fma(a, odd_a, even_a);
  out[2] = V::fnma(a, odd_a, even_a);
  const auto even_b = V::fnma(square_a, d[2], d[4]), odd_b = V::fnma(square_a, d[1], d[3]);
  out[3] = V::fma(b, odd_b, even_b);
  out[4] = V::fnma(b, odd_b, even_b);
  out[5] = V::fma(product, d[1], V::fnma(sum, d[3], d[5]));
}

// A^T m: row j holds the j-th powers of the points.
template <class V>
ZC_INLINE void output_row(const typename V::Reg m[6], typename V::Reg out[4]) {
  constexpr double a = kPointA, b = kPointB;
  const auto even_a = V::add(m[1], m[2]), odd_a = V::sub(m[1], m[2]);
  const auto even_b = V::add(m[3], m[4]), odd_b = V::sub(m[3], m[4]);
  out[0] = V::add(m[0], V::add(even_a, even_b));
  out[1] = V::fma(V::set1(float(b)), odd_b, V::mul(V::set1(float(a)), odd_a));
  out[2] = V::fma(V::set1(float(b * b)), even_b, V::mul(V::set1(float(a * a)), even_a));
  out[3] = V::fma(V::set1(float(b * b * b)), odd_b, V::fma(V::set1(float(a * a * a)), odd_a, m[5]));
}

struct TilePlace {
  int64_t sample, row, column;  // of the first result
};

ZC_INLINE TilePlace place_of(const WinogradGrid& grid, int64_t tile) {
  const int64_t line = tile / grid.tiles_across;
  return {line / grid.tiles_down, line % grid.tiles_down * kTile, tile % grid.tiles_across * kTile};
}

// One tile, one group of 16 channels, of which `count` exist.
template <class V, bool whole>
ZC_INLINE void input_group(const float* const* pixels, int64_t channel, int64_t count, float* v,
                           int64_t position_stride) {
  using Reg = typename V::Reg;
  for (int64_t lane = 0; lane < kGroup; lane += V::width) {
    Reg d[kPatch][kPatch];
#pragma GCC unroll 6
    for (int64_t j = 0; j < kPatch; ++j) {
      Reg column[kPatch], out[kPatch];
#pragma GCC unroll 6
      for (int64_t i = 0; i < kPatch; ++i) {
        column[i] = read<V, whole>(pixels[i * kPatch + j] + channel, lane, count);
      }
      input_row<V>(column, out);
#pragma GCC unroll 6
      for (int64_t i = 0; i < kPatch; ++i) d[i][j] = out[i];
    }
#pragma GCC unroll 6
    for (int64_t i = 0; i < kPatch; ++i) {
      Reg out[kPatch];
      input_row<V>(d[i], out);
#pragma GCC unroll 6
      for (int64_t j = 0; j < kPatch; ++j) {
        V::store(v + (i * kPatch + j) * position_stride + lane, out[j]);
      }
    }
  }
}

template <class V>
void transform_input(const WinogradInput& a) {
  const WinogradShape& s = a.grid->shape;
  for (int64_t t = 0; t < a.tiles; ++t) {
    const TilePlace at = place_of(*a.grid, a.first_tile + t);
    const float* pixels[kPositions];
    for (int64_t i = 0; i < kPatch; ++i) {
      const int64_t row = at.row - s.padding + i;
      for (int64_t j = 0; j < kPatch; ++j) {
        const int64_t column = at.column - s.padding + j;
        const bool inside = row >= 0 && row < s.height && column >= 0 && column < s.width;
        const int64_t pixel = (at.sample * s.height + row) * s.width + column;
        pixels[i * kPatch + j] = inside ? a.x + pixel * a.channels : a.zeros;
      }
    }
    float* v = a.v + t * kGroup;
    int64_t channel = 0;
    for (; channel + kGroup <= a.channels; channel += kGroup, v += a.group_stride) {
      input_group<V, true>(pixels, channel, kGroup, v, a.position_stride);
    }
    if (channel < a.channels) {
      input_group<V, false>(pixels, channel, a.channels - channel, v, a.position_stride);
    }
  }
}

// `rows` tiles at once, so that rows * parts sums stay in registers over all channels.
template <class V, int rows, int parts>
__attribute__((noinline)) void multiply_rows(const WinogradProduct& p, int64_t first) {
  typename V::Reg sum[rows][parts];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < parts; ++j) sum[i][j] = V::set1(0.0f);
  }
  if (p.add) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < parts; ++j) {
        const int64_t column = j * V::width;
        sum[i][j] = V::load(p.m + column / kGroup * p.m_group_stride +
                            (first + i) * kPositions * kGroup + column % kGroup);
      }
    }
  }
  const float* u = p.u;
  const float* group = p.v + first * kGroup;
  for (int64_t g = 0; g < p.groups; ++g, group += p.group_stride) {
    const float* v = group;
#pragma GCC unroll 4
    for (int64_t k = 0; k < kGroup; ++k, ++v, u += parts * V::width) {
      typename V::Reg weight[parts];
#pragma GCC unroll 4
      for (int j = 0; j < parts; ++j) weight[j] = V::load(u + j * V::width);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const typename V::Reg value = V::set1(v[i * kGroup]);
#pragma GCC unroll 4
        for (int j = 0; j < parts; ++j) sum[i][j] = V::fma(value, weight[j], sum[i][j]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < parts; ++j) {
      const int64_t column = j * V::width;
      V::store(p.m + column / kGroup * p.m_group_stride + (first + i) * kPositions * kGroup +
                   column % kGroup,
               sum[i][j]);
    }
  }
}

template <class V, int rows, int parts>
void multiply_up_to(const WinogradProduct& p, int64_t first, int64_t count) {
  if constexpr (rows > 1) {
    if (count < rows) return multiply_up_to<V, rows - 1, parts>(p, first, count);
  }
  multiply_rows<V, rows, parts>(p, first);
}

// The tiles in portions as equal as can be: 16 of them are 8 and 8, not 14 and 2, because few rows
// wait for the weights.
template <class V, int rows, int parts>
void multiply(const WinogradProduct& p) {
  const int64_t portions = (p.tiles + rows - 1) / rows;
  for (int64_t i = 0; i < portions; ++i) {
    const int64_t first = p.tiles * i / portions;
    multiply_up_to<V, rows, parts>(p, first, p.tiles * (i + 1) / portions - first);
  }
}

// exp(x) as 2^n times a polynomial on [-ln2/2, ln2/2]; relative error below 3e-7. Adding 1.5 * 2^23
// rounds to the integer n and leaves it in the low bits, from where scale_by_bits takes it.
template <class V>
ZC_INLINE typename V::Reg exponential(typename V::Reg x) {
  x = V::max(V::set1(-87.0f), V::min(V::set1(87.0f), x));
  const auto magic = V::set1(12582912.0f);
  const auto n_bits = V::add(V::mul(x, V::set1(1.44269504f)), magic);
  const auto n = V::sub(n_bits, magic);
  auto r = V::fnma(n, V::set1(0.693359375f), x);
  r = V::fma(n, V::set1(2.12194440e-4f), r);
  auto p = V::set1(1.9875691500e-4f);
  p = V::fma(p, r, V::set1(1.3981999507e-3f));
  p = V::fma(p, r, V::set1(8.3334519073e-3f));
  p = V::fma(p, r, V::set1(4.1665795894e-2f));
  p = V::fma(p, r, V::set1(1.6666665459e-1f));
  p = V::fma(p, r, V::set1(5.0000001201e-1f));
  p = V::add(V::fma(p, V::mul(r, r), r), V::set1(1.0f));
  return V::scale_by_bits(p, n_bits);
}

template <class V>
ZC_INLINE typename V::Reg activate(typename V::Reg x, Activation activation) {
  if (activation == Activation::relu) return V::max(V::set1(0.0f), x);
  if (activation == Activation::silu) {
    const auto one = V::set1(1.0f);
    return V::div(x, V::add(one, exponential<V>(V::sub(V::set1(0.0f), x))));
  }
  return x;
}

// One tile of rows x columns results, the first of which lies at y + offset.
template <class V, bool whole>
ZC_INLINE void output_group(const WinogradOutput& a, const float* m, int64_t offset, int64_t rows,
                            int64_t columns) {
  using Reg = typename V::Reg;
  for (int64_t lane = 0; lane < kGroup; lane += V::width) {
    Reg h[kTile][kPatch];
#pragma GCC unroll 6
    for (int64_t j = 0; j < kPatch; ++j) {
      Reg column[kPatch], out[kTile];
#pragma GCC unroll 6
      for (int64_t i = 0; i < kPatch; ++i) {
        column[i] = V::load(m + (i * kPatch + j) * kGroup + lane);
      }
      output_row<V>(column, out);
#pragma GCC unroll 4
      for (int64_t i = 0; i < kTile; ++i) h[i][j] = out[i];
    }
    const Reg bias = V::load(a.bias + lane);
#pragma GCC unroll 4
    for (int64_t i = 0; i < kTile; ++i) {
      if (i == rows) break;
      Reg out[kTile];
      output_row<V>(h[i], out);
      const int64_t line = offset + i * a.grid->out_width * a.channels;
#pragma GCC unroll 4
      for (int64_t j = 0; j < kTile; ++j) {
        if (j == columns) break;
        const int64_t pixel = line + j * a.channels;
        Reg value = V::add(out[j], bias);
        if (a.residual != nullptr) {
          value = V::add(value, read<V, whole>(a.residual + pixel, lane, a.count));
        }
        write<V, whole>(a.y + pixel, lane, a.count, activate<V>(value, a.activation));
      }
    }
  }
}

template <class V>
void transform_output(const WinogradOutput& a) {
  const WinogradGrid& grid = *a.grid;
  const float* m = a.m;
  for (int64_t t = 0; t < a.tiles; ++t, m += kPositions * kGroup) {
    const TilePlace at = place_of(grid, a.first_tile + t);
    const int64_t below = grid.out_height - at.row, beside = grid.out_width - at.column;
    const int64_t rows = below < kTile ? below : kTile, columns = beside < kTile ? beside : kTile;
    const int64_t pixel = (at.sample * grid.out_height + at.row) * grid.out_width + at.column;
    const int64_t offset = pixel * a.channels + a.first_channel;
    a.count == kGroup ? output_group<V, true>(a, m, offset, rows, columns)
                      : output_group<V, false>(a, m, offset, rows, columns);
  }
}

template <class V, int rows, int parts>
constexpr WinogradKernels kernels_of() {
  constexpr int64_t columns = parts * V::width;
  return {columns,
          pack_panel<columns>,
          turn_filters<V, columns, float>,
          transform_filters<V, columns>,
          transform_input<V>,
          multiply<V, rows, parts>,
          transform_output<V>};
}

#undef ZC_INLINE

}  // namespace
}  // namespace zc::kernels
