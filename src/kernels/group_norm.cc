// SPDX-License-Identifier: Apache-2.0
#include "kernels/group_norm.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace zc::kernels {
namespace {

#define ZC_INLINE inline __attribute__((always_inline))

// Rows summed in float before the sums go to double, so that large pictures lose no digits.
constexpr int64_t kBlock = 64;
// Few channels make short loops. Several positions are taken as one row of at least this many
// elements, with the coefficients repeated.
constexpr int64_t kRow = 512;

struct F32 {
  using Stored = float;
  static ZC_INLINE float load(const float* p) { return *p; }
  static ZC_INLINE void store(float* p, float v) { *p = v; }
};

struct Bf16 {
  using Stored = uint16_t;
  static ZC_INLINE float load(const uint16_t* p) {
    return std::bit_cast<float>(static_cast<uint32_t>(*p) << 16);
  }
  static ZC_INLINE void store(uint16_t* p, float v) {
    const uint32_t bits = std::bit_cast<uint32_t>(v);
    *p = static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >>
                               16);  // to nearest, ties to even
  }
};

// exp(-x) for the sigmoid: 2^n times a polynomial on [-ln2/2, ln2/2], relative error below 3e-7.
// Written without branches, so that the compiler makes vector code of the loops around it.
ZC_INLINE float exp_of(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 87.0f ? 87.0f : x;
  const float n = x * 1.44269504f;
  const float rounded = (n + 12582912.0f) - 12582912.0f;
  const float r = (x - rounded * 0.693359375f) + rounded * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const auto power = static_cast<uint32_t>(static_cast<int32_t>(rounded) + 127) << 23;
  return p * std::bit_cast<float>(power);
}

struct MeasureArguments {
  const GroupNormShape* shape;
  const void* x;
  const float* weight;
  const float* bias;
  float* scale;
  float* shift;
  float* mean;
  float* rstd;
};

struct ApplyArguments {
  const GroupNormShape* shape;
  const void* x;
  const float* scale;
  const float* shift;
  void* y;
};

struct BackwardArguments {
  const GroupNormShape* shape;
  const void* dy;
  const void* x;
  const float* weight;
  const float* bias;
  const float* mean;
  const float* rstd;
  void* dx;
  float* d_weight;
  float* d_bias;
};

ZC_INLINE float sigmoid_of(float u) {
  return 1.0f / (1.0f + exp_of(-u));
}

// d silu(u) / du
ZC_INLINE float silu_slope(float u) {
  const float sigmoid = sigmoid_of(u);
  return sigmoid * (1.0f + u * (1.0f - sigmoid));
}

// One row: dx = dy * slope, and its sums with 1 and with x. Inner loops stand alone so that each
// becomes vector code.
template <class T, bool silu>
ZC_INLINE void backward_row(int64_t channels, const typename T::Stored* __restrict x,
                            const typename T::Stored* __restrict dy,
                            typename T::Stored* __restrict dx, const float* __restrict scale,
                            const float* __restrict shift, float* __restrict sum,
                            float* __restrict sum_x) {
#pragma GCC ivdep
  for (int64_t i = 0; i < channels; ++i) {
    const float v = T::load(x + i);
    float d = T::load(dy + i);
    if constexpr (silu) d *= silu_slope(scale[i] * v + shift[i]);
    T::store(dx + i, d);
    sum[i] += d;
    sum_x[i] += d * v;
  }
}

// Sums of x and x^2 of each element of a row, over `rows` rows.
template <class T>
ZC_INLINE void add_moments(int64_t rows, int64_t width, int64_t step, const typename T::Stored* x,
                           float* __restrict sum, float* __restrict square) {
  for (int64_t r = 0; r < rows; ++r, x += step) {
#pragma GCC ivdep
    for (int64_t i = 0; i < width; ++i) {
      const float v = T::load(x + i);
      sum[i] += v;
      square[i] += v * v;
    }
  }
}

template <class T, bool silu>
ZC_INLINE void apply_row(int64_t width, const typename T::Stored* __restrict x,
                         typename T::Stored* __restrict y, const float* __restrict scale,
                         const float* __restrict shift) {
#pragma GCC ivdep
  for (int64_t i = 0; i < width; ++i) {
    const float u = scale[i] * T::load(x + i) + shift[i];
    if constexpr (silu) {
      T::store(y + i, u * sigmoid_of(u));
    } else {
      T::store(y + i, u);
    }
  }
}

// Several positions make one row where nothing lies between them.
ZC_INLINE int64_t positions_in_row(const GroupNormShape& s) {
  const bool dense = s.stride == 0 || s.stride == s.channels;
  return dense ? std::max<int64_t>(1, kRow / s.channels) : 1;
}

// Calls work(first element, rows, width, step from row to row) for blocks of long rows, then for
// the positions that are left over.
template <class Work>
ZC_INLINE void for_each_block(const GroupNormShape& s, Work&& work) {
  const int64_t repeat = positions_in_row(s);
  const int64_t width = repeat * s.channels, rows = s.positions / repeat;
  const int64_t step = repeat == 1 && s.stride > 0 ? s.stride : width;
  for (int64_t first = 0; first < rows; first += kBlock)
    work(first * step, std::min(kBlock, rows - first), width, step);
  const int64_t left = s.positions - rows * repeat;
  if (left > 0) work(rows * width, left, s.channels, s.channels);
}

// Long rows begin with channel 0, so an element's channel is its index modulo the channels.
ZC_INLINE void fold(int64_t width, int64_t channels, const std::vector<float>& row,
                    std::vector<double>& total) {
  for (int64_t i = 0; i < width; i += channels) {
    for (int64_t c = 0; c < channels; ++c) total[c] += row[i + c];
  }
}

ZC_INLINE int64_t row_width(const GroupNormShape& s) {
  return positions_in_row(s) * s.channels;
}

// Repeats the first `channels` entries to the end.
ZC_INLINE void repeat(std::vector<float>& row, int64_t channels) {
  for (size_t i = static_cast<size_t>(channels); i < row.size(); ++i)
    row[i] = row[i - static_cast<size_t>(channels)];
}

template <class T>
ZC_INLINE void measure(const MeasureArguments& a) {
  const GroupNormShape& s = *a.shape;
  const int64_t c = s.channels, per_group = c / s.groups;
  const auto* x = static_cast<const typename T::Stored*>(a.x);
  const auto size = static_cast<size_t>(row_width(s));
  std::vector<float> sum(size), square(size);
  std::vector<double> total(c), total_square(c);
  for_each_block(
      s, [&](int64_t first, int64_t rows, int64_t width, int64_t step)
             __attribute__((always_inline)) {
               std::fill(sum.begin(), sum.end(), 0.0f);
               std::fill(square.begin(), square.end(), 0.0f);
               add_moments<T>(rows, width, step, x + first, sum.data(), square.data());
               fold(width, c, sum, total);
               fold(width, c, square, total_square);
             });
  const double count = static_cast<double>(s.positions * per_group);
  for (int64_t g = 0; g < s.groups; ++g) {
    double sum_g = 0.0, square_g = 0.0;
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) {
      sum_g += total[i];
      square_g += total_square[i];
    }
    const double mean = sum_g / count;
    const double variance = std::max(0.0, square_g / count - mean * mean);
    const double rstd = 1.0 / std::sqrt(variance + s.eps);
    a.mean[g] = static_cast<float>(mean);
    a.rstd[g] = static_cast<float>(rstd);
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) {
      a.scale[i] = static_cast<float>(rstd * a.weight[i]);
      a.shift[i] = static_cast<float>(a.bias[i] - mean * rstd * a.weight[i]);
    }
  }
}

template <class T>
ZC_INLINE void apply(const ApplyArguments& a) {
  const GroupNormShape& s = *a.shape;
  const int64_t c = s.channels;
  const auto* x = static_cast<const typename T::Stored*>(a.x);
  auto* y = static_cast<typename T::Stored*>(a.y);
  const auto size = static_cast<size_t>(row_width(s));
  std::vector<float> scale(size), shift(size);
  std::copy_n(a.scale, c, scale.begin());
  std::copy_n(a.shift, c, shift.begin());
  repeat(scale, c);
  repeat(shift, c);
  for_each_block(
      s, [&](int64_t first, int64_t rows, int64_t width,
             int64_t step) __attribute__((always_inline)) {
        for (int64_t r = 0; r < rows; ++r, first += step) {
          s.silu ? apply_row<T, true>(width, x + first, y + first, scale.data(), shift.data())
                 : apply_row<T, false>(width, x + first, y + first, scale.data(), shift.data());
        }
      });
}

template <class T>
ZC_INLINE void join_row(int64_t width, const typename T::Stored* __restrict x,
                        typename T::Stored* __restrict dx, const float* __restrict scale,
                        const float* __restrict by_x, const float* __restrict constant) {
#pragma GCC ivdep
  for (int64_t i = 0; i < width; ++i) {
    T::store(dx + i, scale[i] * T::load(dx + i) + (by_x[i] * T::load(x + i) + constant[i]));
  }
}

template <class T>
ZC_INLINE void backward(const BackwardArguments& a) {
  const GroupNormShape& s = *a.shape;
  const int64_t c = s.channels, per_group = c / s.groups;
  const auto* dy = static_cast<const typename T::Stored*>(a.dy);
  const auto* x = static_cast<const typename T::Stored*>(a.x);
  auto* dx = static_cast<typename T::Stored*>(a.dx);
  const auto size = static_cast<size_t>(row_width(s));
  std::vector<float> scale(size), shift(size), sum(size), sum_x(size), by_x(size), constant(size);
  std::vector<double> total(c), total_x(c);
  for (int64_t i = 0; i < c; ++i) {
    const int64_t g = i / per_group;
    scale[i] = a.rstd[g] * a.weight[i];
    shift[i] = a.bias[i] - a.mean[g] * a.rstd[g] * a.weight[i];
  }
  repeat(scale, c);
  repeat(shift, c);
  // The gradient behind the SiLU goes into dx, to be read again below.
  for_each_block(
      s, [&](int64_t first, int64_t rows, int64_t width,
             int64_t step) __attribute__((always_inline)) {
        std::fill(sum.begin(), sum.end(), 0.0f);
        std::fill(sum_x.begin(), sum_x.end(), 0.0f);
        for (int64_t r = 0; r < rows; ++r, first += step) {
          s.silu ? backward_row<T, true>(width, x + first, dy + first, dx + first, scale.data(),
                                         shift.data(), sum.data(), sum_x.data())
                 : backward_row<T, false>(width, x + first, dy + first, dx + first, scale.data(),
                                          shift.data(), sum.data(), sum_x.data());
        }
        fold(width, c, sum, total);
        fold(width, c, sum_x, total_x);
      });
  const double count = static_cast<double>(s.positions * per_group);
  for (int64_t g = 0; g < s.groups; ++g) {
    const double mean = a.mean[g], rstd = a.rstd[g];
    double weighted = 0.0, weighted_x = 0.0;
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) {
      a.d_bias[i] += static_cast<float>(total[i]);
      a.d_weight[i] += static_cast<float>((total_x[i] - mean * total[i]) * rstd);
      weighted += a.weight[i] * total[i];
      weighted_x += a.weight[i] * total_x[i];
    }
    const double factor = (weighted * mean - weighted_x) * rstd * rstd * rstd / count;
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) {
      by_x[i] = static_cast<float>(factor);
      constant[i] = static_cast<float>(-factor * mean - weighted * rstd / count);
    }
  }
  repeat(by_x, c);
  repeat(constant, c);
  for_each_block(
      s, [&](int64_t first, int64_t rows, int64_t width,
             int64_t step) __attribute__((always_inline)) {
        for (int64_t r = 0; r < rows; ++r, first += step) {
          join_row<T>(width, x + first, dx + first, scale.data(), by_x.data(), constant.data());
        }
      });
}

// The same code for each instruction set; the machine is asked once.
#if defined(__x86_64__)
#define ZC_VARIANTS(name, arguments, body)                                                \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))) void name##_avx512(   \
      const arguments& a) {                                                               \
    body;                                                                                 \
  }                                                                                       \
  __attribute__((target("avx2,fma"))) void name##_avx2(const arguments& a) {              \
    body;                                                                                 \
  }                                                                                       \
  void name##_plain(const arguments& a) {                                                 \
    body;                                                                                 \
  }                                                                                       \
  void name(const arguments& a) {                                                         \
    static const auto chosen =                                                            \
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&       \
                __builtin_cpu_supports("avx512dq")                                        \
            ? name##_avx512                                                               \
        : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? name##_avx2   \
                                                                          : name##_plain; \
    chosen(a);                                                                            \
  }
#else
#define ZC_VARIANTS(name, arguments, body) \
  void name(const arguments& a) {          \
    body;                                  \
  }
#endif

ZC_VARIANTS(measure_f32, MeasureArguments, measure<F32>(a))
ZC_VARIANTS(measure_bf16, MeasureArguments, measure<Bf16>(a))
ZC_VARIANTS(apply_f32, ApplyArguments, apply<F32>(a))
ZC_VARIANTS(apply_bf16, ApplyArguments, apply<Bf16>(a))
ZC_VARIANTS(backward_f32, BackwardArguments, backward<F32>(a))
ZC_VARIANTS(backward_bf16, BackwardArguments, backward<Bf16>(a))

}  // namespace

int64_t group_norm_part(int64_t channels, int64_t groups) {
  constexpr int64_t kFewest = 80;  // channels: shorter rows cost more than they gain
  int64_t part = 1;
  while (part < groups && (groups % part != 0 || part * (channels / groups) < kFewest)) ++part;
  return part;
}

void group_norm_forward(const GroupNormShape& shape, Real real, const void* x, const float* weight,
                        const float* bias, void* y, float* mean, float* rstd) {
  std::vector<float> scale(static_cast<size_t>(shape.channels)), shift(scale.size());
  group_norm_scales(shape, real, x, weight, bias, scale.data(), shift.data(), mean, rstd);
  group_norm_apply(shape, real, x, scale.data(), shift.data(), y);
}

void group_norm_scales(const GroupNormShape& shape, Real real, const void* x, const float* weight,
                       const float* bias, float* scale, float* shift, float* mean, float* rstd) {
  const MeasureArguments a{&shape, x, weight, bias, scale, shift, mean, rstd};
  real == Real::f32 ? measure_f32(a) : measure_bf16(a);
}

void group_norm_apply(const GroupNormShape& shape, Real real, const void* x, const float* scale,
                      const float* shift, void* y) {
  const ApplyArguments a{&shape, x, scale, shift, y};
  real == Real::f32 ? apply_f32(a) : apply_bf16(a);
}

void group_norm_backward(const GroupNormShape& shape, Real real, const void* dy, const void* x,
                         const float* weight, const float* bias, const float* mean,
                         const float* rstd, void* dx, float* d_weight, float* d_bias) {
  const BackwardArguments a{&shape, dy, x, weight, bias, mean, rstd, dx, d_weight, d_bias};
  real == Real::f32 ? backward_f32(a) : backward_bf16(a);
}

}  // namespace zc::kernels
