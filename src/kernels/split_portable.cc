// SPDX-License-Identifier: Apache-2.0
// Parts of a split convolution in plain C++.
#include <bit>

#include "kernels/matmul_body.h"
#include "kernels/split_kernels.h"

namespace zc::kernels {
namespace {

void nothing() {}

float value_of(uint16_t bfloat16) {
  return std::bit_cast<float>(uint32_t{bfloat16} << 16);
}

// To the nearest, ties to even; what is no number stays none.
uint16_t rounded(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if (x != x) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

struct Halves {
  uint16_t high, low;
};

Halves split_value(float x) {
  const uint16_t high = rounded(x);
  return {high, rounded(x - value_of(high))};
}

void split_line(const SplitLine& l) {
  const int64_t steps = (l.channels + kSplitTerms - 1) / kSplitTerms;
  for (int64_t p = 0; p < l.before + l.count + l.after; ++p) {
    const bool inside = p >= l.before && p < l.before + l.count;
    for (int64_t c = 0; c < steps * kSplitTerms; ++c) {
      const bool given = inside && c < l.channels;
      const Halves h = split_value(given ? l.x[(p - l.before) * l.x_stride + c] : 0.0f);
      uint16_t* to = l.to + p * l.position_stride + c / kSplitTerms * 2 * kSplitTerms;
      to[c % kSplitTerms] = h.high;
      to[kSplitTerms + c % kSplitTerms] = h.low;
    }
  }
}

void turn(const float* from, int64_t stride, int64_t count, const int32_t* places, float* to) {
  for (int64_t j = 0; j < count; ++j)
    for (int64_t row = 0; row < 16; ++row) to[places[j] + row] = from[row * stride + j];
}

void pick(const float* from, int64_t stride, float* to) {
  for (int64_t i = 0; i < kSplitColumns; ++i) to[i] = from[i * stride];
}

// Where the high part of a term of a filter lies in a step; the low one is half a step behind.
int64_t place_of(int64_t term, int64_t filter) {
  return filter / 16 * 16 * kSplitTerms + term / 2 * 32 + filter % 16 * 2 + term % 2;
}

void split_weights(const float* terms, int64_t terms_stride, uint16_t* to) {
  for (int64_t term = 0; term < kSplitTerms; ++term) {
    for (int64_t f = 0; f < kSplitColumns; ++f) {
      const Halves h = split_value(terms[term * terms_stride + f]);
      to[place_of(term, f)] = h.high;
      to[kSplitStepHalves / 2 + place_of(term, f)] = h.low;
    }
  }
}

float sum_of_step(const uint16_t* x, const uint16_t* weights, int64_t filter, bool high_only) {
  float sum = 0;
  for (int64_t term = 0; term < kSplitTerms; ++term) {
    const float xh = value_of(x[term]), xl = value_of(x[kSplitTerms + term]);
    const float wh = value_of(weights[place_of(term, filter)]);
    const float wl = value_of(weights[kSplitStepHalves / 2 + place_of(term, filter)]);
    sum += high_only ? xh * wh : xh * wh + xh * wl + xl * wh;
  }
  return sum;
}

void multiply_split(const SplitTiles& t) {
  for (int64_t row = 0; row < 2 * kSplitRows; ++row) {
    const uint16_t* x = t.x[row / kSplitRows] + row % kSplitRows * t.row_stride;
    for (int64_t f = 0; f < kSplitColumns; ++f) {
      float& sum = t.sums[row * kSplitColumns + f];
      if (!t.add) sum = 0;
      for (int64_t i = 0; i < t.taps * t.steps; ++i) {
        sum +=
            sum_of_step(x + i / t.steps * t.tap_stride + i % t.steps * 2 * kSplitTerms,
                        t.weights + i / t.steps * t.weights_stride + i % t.steps * kSplitStepHalves,
                        f, t.high_only);
      }
    }
  }
}

}  // namespace

const SplitKernels* split_portable() {
  static constexpr SplitKernels kernels = {
      nothing, nothing,       split_line,     turn,
      pick,    split_weights, multiply_split, finish_tile<Vectors<4>, kSplitColumns / 4>,
      nullptr};
  return &kernels;
}

}  // namespace zc::kernels
