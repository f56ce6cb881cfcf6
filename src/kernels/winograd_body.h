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

// The transforms of F(tile x tile, 3x3) along one axis. Its points are 0, some pairs +-p, and
// infinity; d, g and m are what belongs to them in this order. Even and odd powers are summed
// apart, since a pair has them in common but for the sign.
template <int64_t tile>
struct Transforms {
  static constexpr int64_t patch = tile + 2;
  static constexpr int64_t positions = patch * patch;
  static constexpr int64_t pairs = tile / 2;

  static constexpr double point(int64_t i) { return WinogradPoints<tile>::pairs[i]; }
  static constexpr double square(int64_t i) { return point(i) * point(i); }

  // One of the values of G g for the points +-p is the sum of an even and an odd part, the other
  // their difference; all of it is divided by 2 p^2 and by p^2 - q^2 of each other pair +-q.
  static constexpr double divisor(int64_t i) {
    double n = 2 * square(i);
    for (int64_t j = 0; j < pairs; ++j) n *= j == i ? 1 : square(i) - square(j);
    return n;
  }
  static constexpr double at_zero() {
    double n = 1;
    for (int64_t j = 0; j < pairs; ++j) n *= -square(j);
    return 1 / n;
  }

  // The coefficient of x^(2 power) in the product of (x^2 - q^2) over all pairs but `without`.
  static constexpr double coefficient(int64_t power, int64_t without) {
    double c[pairs + 1] = {1};
    for (int64_t j = 0; j < pairs; ++j) {
      if (j == without) continue;
      for (int64_t k = pairs; k > 0; --k) c[k] = c[k - 1] - square(j) * c[k];
      c[0] *= -square(j);
    }
    return c[power];
  }
  static constexpr double power(int64_t i, int64_t exponent) {
    double p = 1;
    for (int64_t k = 0; k < exponent; ++k) p *= point(i);
    return p;
  }
};

// G g for three values each of `columns` filters side by side.
template <int64_t tile, int64_t columns>
ZC_INLINE void weight_row(const double (*g)[columns], int64_t step, double (*out)[columns],
                          int64_t out_step) {
  using T = Transforms<tile>;
  const double *g0 = g[0], *g1 = g[step], *g2 = g[2 * step];
  for (int64_t i = 0; i < columns; ++i) {
    out[0][i] = g0[i] * T::at_zero();
#pragma GCC unroll 3
    for (int64_t j = 0; j < T::pairs; ++j) {
      const double even = g0[i] * (1 / T::divisor(j)) + g2[i] * (T::square(j) / T::divisor(j));
      const double odd = g1[i] * (T::point(j) / T::divisor(j));
      out[(2 * j + 1) * out_step][i] = even + odd;
      out[(2 * j + 2) * out_step][i] = even - odd;
    }
    out[(tile + 1) * out_step][i] = g2[i];
  }
}

// G g G^T of each filter of weights that are kept: in double, since the rounding stays as long as
// they do.
template <int64_t tile, int64_t columns>
void pack_panel(const WinogradPanel& p) {
  using T = Transforms<tile>;
  const int64_t first = p.panel * columns, in = p.weights.in;
  const int64_t left = p.weights.out - first, filters = left < columns ? left : columns;
  const float* weight = static_cast<const float*>(p.weights.weight);
  double g[9][columns] = {}, half[3 * T::patch][columns], full[T::positions][columns];
  for (int64_t k = 0; k < p.rows; ++k) {
    for (int64_t i = 0; i < filters; ++i) {
      const float* filter = weight + (first + i) * p.weights.out_stride + k * p.weights.in_stride;
      for (int64_t j = 0; j < 9; ++j) g[j][i] = k < in ? filter[j * p.weights.tap_stride] : 0;
    }
    for (int64_t j = 0; j < 3; ++j) weight_row<tile, columns>(g + j, 3, half + j, 3);
    for (int64_t i = 0; i < T::patch; ++i)
      weight_row<tile, columns>(half + i * 3, 1, full + i * T::patch, 1);
    for (int64_t s = 0; s < T::positions; ++s) {
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

// G g of three vectors of filters.
template <class V, int64_t tile>
ZC_INLINE void filter_row(const typename V::Reg g[3], typename V::Reg* out) {
  using T = Transforms<tile>;
  out[0] = V::mul(g[0], V::set1(float(T::at_zero())));
#pragma GCC unroll 3
  for (int64_t j = 0; j < T::pairs; ++j) {
    const auto first = V::set1(float(1 / T::divisor(j)));
    const auto odd = V::set1(float(T::point(j) / T::divisor(j)));
    const auto last = V::set1(float(T::square(j) / T::divisor(j)));
    const auto even = V::fma(g[2], last, V::mul(g[0], first));
    out[2 * j + 1] = V::fma(g[1], odd, even);
    out[2 * j + 2] = V::fnma(g[1], odd, even);
  }
  out[tile + 1] = g[2];
}

// G g G^T of one panel's filters for weights that are used once: in float32, which takes a tenth of
// the time and adds little to the rounding of the products.
template <class V, int64_t tile, int64_t columns>
void transform_filters(const WinogradFilters& f) {
  constexpr int64_t patch = Transforms<tile>::patch;
  const float* from = f.g;
  for (int64_t k = 0; k < f.count; ++k, from += 9 * columns) {
    const int64_t end = f.ahead_lines * (k + 1) / f.count;
    for (int64_t line = f.ahead_lines * k / f.count; line < end; ++line) {
      const char* next = f.ahead + line * f.ahead_stride;
      for (int64_t at = 0; at < f.ahead_bytes; at += 64) __builtin_prefetch(next + at);
    }
    for (int64_t lane = 0; lane < columns; lane += V::width) {
      typename V::Reg half[3][patch];
#pragma GCC unroll 3
      for (int64_t j = 0; j < 3; ++j) {
        typename V::Reg g[3], out[patch];
#pragma GCC unroll 3
        for (int64_t i = 0; i < 3; ++i) g[i] = V::load(from + (i * 3 + j) * columns + lane);
        filter_row<V, tile>(g, out);
#pragma GCC unroll 8
        for (int64_t i = 0; i < patch; ++i) half[j][i] = out[i];
      }
      float* u = f.u + k * columns + lane;
#pragma GCC unroll 8
      for (int64_t i = 0; i < patch; ++i) {
        const typename V::Reg g[3] = {half[0][i], half[1][i], half[2][i]};
        typename V::Reg out[patch];
        filter_row<V, tile>(g, out);
#pragma GCC unroll 8
        for (int64_t j = 0; j < patch; ++j, u += f.position_stride) V::store(u, out[j]);
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

template <class V>
ZC_INLINE typename V::Reg times(double factor, typename V::Reg x) {
  return factor == 1 ? x : V::mul(V::set1(float(factor)), x);
}

// y + factor x, which is a sum where the factor is one: processors add beside multiplying.
template <class V>
ZC_INLINE typename V::Reg add_times(typename V::Reg y, double factor, typename V::Reg x) {
  if (factor == 1) return V::add(y, x);
  if (factor == -1) return V::sub(y, x);
  return V::fma(V::set1(float(factor)), x, y);
}

// B^T d. The rows are the coefficients of the products of (x - p) over all points but one: that of
// +p is x (x + p) times (x^2 - q^2) of each other pair.
template <class V, int64_t tile>
ZC_INLINE void input_row(const typename V::Reg* d, typename V::Reg* out) {
  using T = Transforms<tile>;
  const auto sum = [d](int64_t first, int64_t top, int64_t without) {
    auto s = d[first + 2 * top];
#pragma GCC unroll 3
    for (int64_t k = top - 1; k >= 0; --k)
      s = add_times<V>(s, T::coefficient(k, without), d[first + 2 * k]);
    return s;
  };
  out[0] = sum(0, T::pairs, -1);
#pragma GCC unroll 3
  for (int64_t j = 0; j < T::pairs; ++j) {
    const auto even = sum(2, T::pairs - 1, j), odd = sum(1, T::pairs - 1, j);
    out[2 * j + 1] = add_times<V>(even, T::point(j), odd);
    out[2 * j + 2] = add_times<V>(even, -T::point(j), odd);
  }
  out[tile + 1] = sum(1, T::pairs, -1);
}

// A^T m: row j holds the j-th powers of the points.
template <class V, int64_t tile>
ZC_INLINE void output_row(const typename V::Reg* m, typename V::Reg* out) {
  using T = Transforms<tile>;
  typename V::Reg even[T::pairs], odd[T::pairs];
#pragma GCC unroll 3
  for (int64_t j = 0; j < T::pairs; ++j) {
    even[j] = V::add(m[2 * j + 1], m[2 * j + 2]);
    odd[j] = V::sub(m[2 * j + 1], m[2 * j + 2]);
  }
  auto sum = even[0];
#pragma GCC unroll 3
  for (int64_t j = 1; j < T::pairs; ++j) sum = V::add(sum, even[j]);
  out[0] = V::add(m[0], sum);
#pragma GCC unroll 6
  for (int64_t i = 1; i < tile; ++i) {
    const typename V::Reg* part = i % 2 == 0 ? even : odd;
    out[i] = i + 1 == tile ? add_times<V>(m[tile + 1], T::power(0, i), part[0])
                           : times<V>(T::power(0, i), part[0]);
#pragma GCC unroll 3
    for (int64_t j = 1; j < T::pairs; ++j) out[i] = add_times<V>(out[i], T::power(j, i), part[j]);
  }
}

struct TilePlace {
  int64_t sample, row, column;  // of the first result
};

template <int64_t tile>
ZC_INLINE TilePlace place_of(const WinogradGrid& grid, int64_t i) {
  const int64_t line = i / grid.tiles_across;
  return {line / grid.tiles_down, line % grid.tiles_down * tile, i % grid.tiles_across * tile};
}

// One tile, one group of 16 channels, of which `count` exist.
template <class V, int64_t tile, bool whole>
ZC_INLINE void input_group(const float* const* pixels, int64_t channel, int64_t count, float* v,
                           int64_t position_stride) {
  using Reg = typename V::Reg;
  constexpr int64_t patch = Transforms<tile>::patch;
  for (int64_t lane = 0; lane < kGroup; lane += V::width) {
    Reg d[patch][patch];
#pragma GCC unroll 8
    for (int64_t j = 0; j < patch; ++j) {
      Reg column[patch], out[patch];
#pragma GCC unroll 8
      for (int64_t i = 0; i < patch; ++i) {
        column[i] = read<V, whole>(pixels[i * patch + j] + channel, lane, count);
      }
      input_row<V, tile>(column, out);
#pragma GCC unroll 8
      for (int64_t i = 0; i < patch; ++i) d[i][j] = out[i];
    }
#pragma GCC unroll 8
    for (int64_t i = 0; i < patch; ++i) {
      Reg out[patch];
      input_row<V, tile>(d[i], out);
#pragma GCC unroll 8
      for (int64_t j = 0; j < patch; ++j) {
        V::store(v + (i * patch + j) * position_stride + lane, out[j]);
      }
    }
  }
}

template <class V, int64_t tile>
void transform_input(const WinogradInput& a) {
  constexpr int64_t patch = Transforms<tile>::patch;
  const WinogradShape& s = a.grid->shape;
  for (int64_t t = 0; t < a.tiles; ++t) {
    const TilePlace at = place_of<tile>(*a.grid, a.first_tile + t);
    const float* pixels[patch * patch];
    for (int64_t i = 0; i < patch; ++i) {
      const int64_t row = at.row - s.padding + i;
      for (int64_t j = 0; j < patch; ++j) {
        const int64_t column = at.column - s.padding + j;
        const bool inside = row >= 0 && row < s.height && column >= 0 && column < s.width;
        const int64_t pixel = (at.sample * s.height + row) * s.width + column;
        pixels[i * patch + j] = inside ? a.x + pixel * a.channels : a.zeros;
      }
    }
    float* v = a.v + t * kGroup;
    int64_t channel = 0;
    for (; channel + kGroup <= a.channels; channel += kGroup, v += a.group_stride) {
      input_group<V, tile, true>(pixels, channel, kGroup, v, a.position_stride);
    }
    if (channel < a.channels) {
      input_group<V, tile, false>(pixels, channel, a.channels - channel, v, a.position_stride);
    }
  }
}

// `rows` tiles at once, so that rows * parts sums stay in registers over all channels.
template <class V, int64_t tile, int rows, int parts>
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
                            (first + i) * Transforms<tile>::positions * kGroup + column % kGroup);
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
      V::store(p.m + column / kGroup * p.m_group_stride +
                   (first + i) * Transforms<tile>::positions * kGroup + column % kGroup,
               sum[i][j]);
    }
  }
}

template <class V, int64_t tile, int rows, int parts>
void multiply_up_to(const WinogradProduct& p, int64_t first, int64_t count) {
  if constexpr (rows > 1) {
    if (count < rows) return multiply_up_to<V, tile, rows - 1, parts>(p, first, count);
  }
  multiply_rows<V, tile, rows, parts>(p, first);
}

// The tiles in portions as equal as can be: 16 of them are 8 and 8, not 14 and 2, because few rows
// wait for the weights.
template <class V, int64_t tile, int rows, int parts>
void multiply(const WinogradProduct& p) {
  const int64_t portions = (p.tiles + rows - 1) / rows;
  for (int64_t i = 0; i < portions; ++i) {
    const int64_t first = p.tiles * i / portions;
    multiply_up_to<V, tile, rows, parts>(p, first, p.tiles * (i + 1) / portions - first);
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
template <class V, int64_t tile, bool whole>
ZC_INLINE void output_group(const WinogradOutput& a, const float* m, int64_t offset, int64_t rows,
                            int64_t columns) {
  using Reg = typename V::Reg;
  constexpr int64_t patch = Transforms<tile>::patch;
  for (int64_t lane = 0; lane < kGroup; lane += V::width) {
    Reg h[tile][patch];
#pragma GCC unroll 8
    for (int64_t j = 0; j < patch; ++j) {
      Reg column[patch], out[tile];
#pragma GCC unroll 8
      for (int64_t i = 0; i < patch; ++i) {
        column[i] = V::load(m + (i * patch + j) * kGroup + lane);
      }
      output_row<V, tile>(column, out);
#pragma GCC unroll 6
      for (int64_t i = 0; i < tile; ++i) h[i][j] = out[i];
    }
    const Reg bias = V::load(a.bias + lane);
#pragma GCC unroll 6
    for (int64_t i = 0; i < tile; ++i) {
      if (i == rows) break;
      Reg out[tile];
      output_row<V, tile>(h[i], out);
      const int64_t line = offset + i * a.grid->out_width * a.channels;
#pragma GCC unroll 6
      for (int64_t j = 0; j < tile; ++j) {
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

template <class V, int64_t tile>
void transform_output(const WinogradOutput& a) {
  const WinogradGrid& grid = *a.grid;
  const float* m = a.m;
  for (int64_t t = 0; t < a.tiles; ++t, m += Transforms<tile>::positions * kGroup) {
    const TilePlace at = place_of<tile>(grid, a.first_tile + t);
    const int64_t below = grid.out_height - at.row, beside = grid.out_width - at.column;
    const int64_t rows = below < tile ? below : tile, columns = beside < tile ? beside : tile;
    const int64_t pixel = (at.sample * grid.out_height + at.row) * grid.out_width + at.column;
    const int64_t offset = pixel * a.channels + a.first_channel;
    a.count == kGroup ? output_group<V, tile, true>(a, m, offset, rows, columns)
                      : output_group<V, tile, false>(a, m, offset, rows, columns);
  }
}

template <class V, int64_t tile, int rows, int parts>
constexpr WinogradKernels kernels_of() {
  constexpr int64_t columns = parts * V::width;
  return {tile,
          columns,
          pack_panel<tile, columns>,
          turn_filters<V, columns, float>,
          transform_filters<V, tile, columns>,
          transform_input<V, tile>,
          multiply<V, tile, rows, parts>,
          transform_output<V, tile>};
}

#undef ZC_INLINE

}  // namespace
}  // namespace zc::kernels
