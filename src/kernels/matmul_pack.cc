// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul_pack.h"

#include <algorithm>
#include <vector>

namespace zc::kernels {
namespace {

using FourFloats = float __attribute__((vector_size(16)));
using FourAnywhere = float __attribute__((vector_size(16), aligned(4), may_alias));

FourFloats four_at(const float* p) {
  return *reinterpret_cast<const FourAnywhere*>(p);
}

void put_four(float* p, FourFloats v) {
  *reinterpret_cast<FourAnywhere*>(p) = v;
}

// The depths [0, 4) of four columns, each of which lies in one piece, into four rows.
void transpose_four(const float* from, int64_t column_stride, float* to, int64_t to_stride) {
  const FourFloats a = four_at(from), b = four_at(from + column_stride);
  const FourFloats c = four_at(from + 2 * column_stride), d = four_at(from + 3 * column_stride);
  const FourFloats ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const FourFloats cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const FourFloats ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const FourFloats cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  put_four(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  put_four(to + to_stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  put_four(to + 2 * to_stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  put_four(to + 3 * to_stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

// Half of a panel's columns: `count` of W's from `first` on, then zeros up to `width`.
struct HalfPanel {
  int64_t first, count, width;
  int64_t to_stride;
};

HalfPanel half_panel(const MatmulWeights& w, const MatmulKernels& kernels, int64_t panel,
                     int64_t half) {
  const int64_t width = kernels.columns / 2;
  const int64_t column = w.gated ? panel * width : (2 * panel + half) * width;
  const int64_t count = std::clamp<int64_t>(w.columns - column, 0, width);
  return {w.gated && half == 1 ? column + w.columns : column, count, width, kernels.columns};
}

template <class From, class To, class Convert>
void pack_elements(const MatmulWeights& w, const HalfPanel& p, int64_t first_depth, To* to,
                   const Convert& convert) {
  const From* from = static_cast<const From*>(w.weight) + p.first * w.column_stride;
  for (int64_t k = first_depth; k < w.depth; ++k) {
    To* row = to + k * p.to_stride;
    const From* source = from + k * w.depth_stride;
    for (int64_t c = 0; c < p.count; ++c) row[c] = convert(source[c * w.column_stride]);
    for (int64_t c = p.count; c < p.width; ++c) row[c] = To{};
  }
}

void pack_floats(const MatmulWeights& w, const MatmulKernels& kernels, const HalfPanel& p,
                 float* to) {
  int64_t k = 0;
  if (w.depth_stride == 1 && p.count == p.width) {
    const float* from = static_cast<const float*>(w.weight) + p.first * w.column_stride;
    if (kernels.turn != nullptr)
      return kernels.turn(from, w.column_stride, w.depth, to, p.to_stride);
    for (; k + 4 <= w.depth; k += 4) {
      for (int64_t c = 0; c < p.width; c += 4) {
        transpose_four(from + k + c * w.column_stride, w.column_stride, to + k * p.to_stride + c,
                       p.to_stride);
      }
    }
  }
  pack_elements<float>(w, p, k, to, [](float v) { return v; });
}

// Halves that lie along the depth: each column is widened in one go, then packed as floats are.
void pack_widened(const MatmulWeights& w, const MatmulKernels& kernels, const HalfPanel& p,
                  float* to, void (*widen)(const uint16_t*, int64_t, float*)) {
  if (w.type == ElementType::float16 && kernels.turn_float16 != nullptr && p.count == p.width) {
    const auto* from = static_cast<const uint16_t*>(w.weight) + p.first * w.column_stride;
    return kernels.turn_float16(from, w.column_stride, w.depth, to, p.to_stride);
  }
  thread_local std::vector<float> columns;
  columns.resize(static_cast<size_t>(p.count * w.depth));
  for (int64_t c = 0; c < p.count; ++c) {
    widen(static_cast<const uint16_t*>(w.weight) + (p.first + c) * w.column_stride, w.depth,
          columns.data() + c * w.depth);
  }
  MatmulWeights floats = w;
  floats.weight = columns.data();
  floats.column_stride = w.depth;
  pack_floats(floats, kernels, {0, p.count, p.width, p.to_stride}, to);
}

}  // namespace

int64_t panel_results(const MatmulWeights& weights, const MatmulKernels& kernels) {
  return weights.gated ? kernels.columns / 2 : kernels.columns;
}

size_t packed_element_bytes(const MatmulWeights& weights) {
  const bool halves = weights.keep_type && weights.type != ElementType::float32;
  return halves ? sizeof(uint16_t) : sizeof(float);
}

void pack_panel_of(const MatmulWeights& weights, const MatmulKernels& kernels, int64_t panel,
                   void* to) {
  const auto widen =
      weights.type == ElementType::float16 ? kernels.widen_float16 : kernels.widen_bfloat16;
  for (int64_t half = 0; half < 2; ++half) {
    const HalfPanel p = half_panel(weights, kernels, panel, half);
    float* floats = static_cast<float*>(to) + half * p.width;
    if (weights.type == ElementType::float32) {
      pack_floats(weights, kernels, p, floats);
    } else if (weights.keep_type) {
      uint16_t* halves = static_cast<uint16_t*>(to) + half * p.width;
      pack_elements<uint16_t>(weights, p, 0, halves, [](uint16_t v) { return v; });
    } else if (weights.depth_stride == 1) {
      pack_widened(weights, kernels, p, floats, widen);
    } else {
      pack_elements<uint16_t>(weights, p, 0, floats, [&](uint16_t v) {
        float value;
        widen(&v, 1, &value);
        return value;
      });
    }
  }
}

void pack_bias_of(const MatmulWeights& weights, const MatmulKernels& kernels, int64_t panel,
                  float* to) {
  std::fill_n(to, kernels.columns, 0.0f);
  for (int64_t half = 0; weights.bias != nullptr && half < 2; ++half) {
    const HalfPanel p = half_panel(weights, kernels, panel, half);
    std::copy_n(weights.bias + p.first, p.count, to + half * p.width);
  }
}

}  // namespace zc::kernels
