// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/matmul_kernels.h"
#include "kernels/winograd_kernels.h"

namespace zc::kernels {
namespace {

constexpr int64_t kTaps = 9;
// Input channels whose filters are gathered at a time; they stay in the first-level cache.
constexpr int64_t kGathered = kGroup;

using Widen = void (*)(const uint16_t* from, int64_t count, float* to);

Widen widen_for(ElementType type) {
  const MatmulKernels& matmul = *matmul_kernels_for(instruction_sets().back());
  return type == ElementType::float16 ? matmul.widen_float16 : matmul.widen_bfloat16;
}

// Some input channels of one panel's filters.
struct Gather {
  const WinogradWeights* weights;
  int64_t first_filter, filters, columns;
  int64_t first_channel, channels;
  float* runs;  // [filters][channels][9], for halves
  float* g;     // [channels][9][columns]

  int64_t offset(int64_t filter, int64_t channel) const {
    return (first_filter + filter) * weights->out_stride +
           (first_channel + channel) * weights->in_stride;
  }
};

// Filters whose taps and channels follow each other, as in a contiguous tensor.
void gather_runs(const WinogradKernels& kernels, const Gather& a) {
  const WinogradWeights& w = *a.weights;
  const int64_t length = a.channels * kTaps;
  WinogradTurn turn = {
      .from = nullptr, .stride = w.out_stride, .filters = a.filters, .length = length, .to = a.g};
  if (w.type == ElementType::float32) {
    turn.from = static_cast<const float*>(w.weight) + a.offset(0, 0);
  } else if (w.type == ElementType::float16 && kernels.turn_float16 != nullptr) {
    turn.from = static_cast<const uint16_t*>(w.weight) + a.offset(0, 0);
    return kernels.turn_float16(turn);
  } else {
    const Widen widen = widen_for(w.type);
    for (int64_t i = 0; i < a.filters; ++i) {
      widen(static_cast<const uint16_t*>(w.weight) + a.offset(i, 0), length, a.runs + i * length);
    }
    turn.from = a.runs;
    turn.stride = length;
  }
  kernels.turn_filters(turn);
}

void gather_any(const Gather& a) {
  const WinogradWeights& w = *a.weights;
  const bool halves = w.type != ElementType::float32;
  const Widen widen = widen_for(w.type);
  for (int64_t k = 0; k < a.channels; ++k) {
    float* to = a.g + k * kTaps * a.columns;
    std::fill_n(to, kTaps * a.columns, 0.0f);
    for (int64_t i = 0; i < a.filters; ++i) {
      for (int64_t tap = 0; tap < kTaps; ++tap) {
        const int64_t at = a.offset(i, k) + tap * w.tap_stride;
        float value = 0.0f;
        if (halves) {
          widen(static_cast<const uint16_t*>(w.weight) + at, 1, &value);
        } else {
          value = static_cast<const float*>(w.weight)[at];
        }
        to[tap * a.columns + i] = value;
      }
    }
  }
}

void look_ahead(const Gather& a, WinogradFilters& filters) {
  const int64_t channel = a.first_channel + a.channels;
  const auto element = static_cast<int64_t>(a.weights->type == ElementType::float32 ? 4 : 2);
  filters.ahead = static_cast<const char*>(a.weights->weight) + a.offset(0, a.channels) * element;
  filters.ahead_stride = a.weights->out_stride * element;
  filters.ahead_lines = a.filters;
  filters.ahead_bytes = std::min(a.weights->in - channel, kGathered) * kTaps * element;
}

}  // namespace

void transform_filter_block(const WinogradKernels& kernels, const WinogradFilterBlock& block) {
  const WinogradWeights& w = *block.weights;
  const int64_t columns = kernels.columns, first = block.panel * columns;
  const int64_t depth = block.groups * kGroup;
  thread_local KeptFloats kept;
  float* g = kept.at_least(static_cast<size_t>(2 * kGathered * kTaps * columns));
  for (int64_t k = 0; k < depth; k += kGathered) {
    const int64_t count = std::min(kGathered, depth - k);
    const int64_t channel = block.first_group * kGroup + k;
    const int64_t there = std::clamp<int64_t>(w.in - channel, 0, count);
    const Gather gather = {.weights = &w,
                           .first_filter = first,
                           .filters = std::min(columns, w.out - first),
                           .columns = columns,
                           .first_channel = channel,
                           .channels = there,
                           .runs = g + kGathered * kTaps * columns,
                           .g = g};
    const bool runs = w.in_stride == kTaps && w.tap_stride == 1;
    runs ? gather_runs(kernels, gather) : gather_any(gather);
    std::fill_n(g + there * kTaps * columns, (count - there) * kTaps * columns, 0.0f);
    WinogradFilters filters = {.g = g,
                               .count = count,
                               .u = block.u + k * columns,
                               .position_stride = block.position_stride};
    if (runs) look_ahead(gather, filters);
    kernels.transform_filters(filters);
  }
}

}  // namespace zc::kernels
