// SPDX-License-Identifier: Apache-2.0
#include "kernels/split_plan.h"

#include <algorithm>

#include "base/error.h"

namespace zc::kernels {
namespace {

// A block's positions with their margin, as many channels of them at a time as this, stay in a
// second-level cache, which two threads may share, while each step of the filters comes once for
// all of them from a farther one.
constexpr int64_t kMostBlockTiles = 32;
constexpr int64_t kMostPositionHalves = 448 * 1024;
// Results of one line in a block: of convolutions, whose lines overlap; and the fewest of linear
// layers, however many channels they have.
constexpr int64_t kMostBlockWidth = 128, kFewestRows = 128;
// Steps between two visits of the sums: filters of so many stay in a first-level cache.
constexpr int64_t kMostSteps = 8;
// Filters that are packed at a time, but no fewer than these groups: positions are split anew for
// each.
constexpr int64_t kMostPackedHalves = int64_t{4} << 20;
constexpr int64_t kFewestGroups = 4;

SplitConvWeights with_strides(SplitConvWeights w) {
  if (w.in_stride == 0) w.in_stride = w.size * w.size;
  if (w.out_stride == 0) w.out_stride = w.size * w.size * w.in;
  return w;
}

void choose_blocks(SplitPlan& p) {
  const SplitConvCall& c = p.call;
  const int64_t pitch = pitch_of(p, p.out_width);
  const int64_t line_tiles = divide_up(p.out_width, kSplitRows);
  p.runs_on = c.stride == 1 && divide_up((p.out_height - 1) * pitch + p.out_width, kSplitRows) <
                                   p.out_height * line_tiles;
  const int64_t fitting =
      kMostPositionHalves / (p.steps * 2 * kSplitTerms) / kSplitRows * kSplitRows;
  const int64_t most_width =
      p.weights.size == 1 ? std::clamp<int64_t>(fitting, kFewestRows, kMostBlockTiles * kSplitRows)
                          : kMostBlockWidth;
  p.columns_across = p.runs_on ? 1 : divide_up(p.out_width, most_width);
  p.block_width = divide_up(divide_up(p.out_width, p.columns_across), kSplitRows) * kSplitRows;
  p.block_width = std::min(p.block_width, p.out_width);
  p.columns_across = divide_up(p.out_width, p.block_width);
  const int64_t lines = c.batch * p.out_height;
  const int64_t most_lines =
      std::max<int64_t>(1, kMostBlockTiles * kSplitRows / (p.runs_on ? pitch : p.block_width));
  // Blocks of equal size.
  p.block_lines = divide_up(lines, divide_up(lines, most_lines));
  // Of the largest block there can be, so that sums have the same order in each batch and for any
  // number of rows.
  const int64_t pictures = divide_up(most_lines, p.out_height);
  const int64_t positions = p.weights.size == 1
                                ? most_width
                                : lines_of_input(p, divide_up(most_lines, pictures)) * pictures *
                                      pitch_of(p, p.block_width);
  const int64_t most_steps =
      std::max(kMostSteps, kMostPositionHalves / positions / (2 * kSplitTerms));
  p.plane_steps = divide_up(p.steps, divide_up(p.steps, most_steps));
  p.position_stride = p.plane_steps * 2 * kSplitTerms + kSplitTerms;
}

// Of the steps [first, first + count).
std::vector<SplitPiece> pieces_of(const SplitPlan& p, int64_t first, int64_t count) {
  const int64_t size = p.weights.size;
  const int64_t most_steps = divide_up(count, divide_up(count, kMostSteps));
  const int64_t most_taps = std::clamp<int64_t>(kMostSteps / count, 1, size);
  std::vector<SplitPiece> pieces;
  for (int64_t row = 0; row < size; ++row) {
    for (int64_t tap = 0; tap < size; tap += most_taps) {
      for (int64_t step = 0; step < count; step += most_steps) {
        pieces.push_back({row, tap, std::min(most_taps, size - tap), first + step,
                          std::min(most_steps, count - step)});
      }
    }
  }
  return pieces;
}

}  // namespace

SplitFilters split_filters(const SplitPlan& p, int64_t group, int64_t half) {
  constexpr int64_t kHalf = kSplitColumns / 2;
  const int64_t first = group * p.group_results + (p.weights.gated ? 0 : half * kHalf);
  const int64_t count = std::clamp<int64_t>(p.weights.out - first, 0, kHalf);
  return {p.weights.gated && half == 1 ? p.weights.out + first : first, count};
}

SplitPlan split_plan(const SplitConvWeights& weights, const SplitConvCall& call,
                     const SplitKernels* kernels) {
  SplitPlan p = {};
  p.weights = with_strides(weights);
  p.call = call;
  p.kernels = kernels;
  const SplitConvWeights& w = p.weights;
  ZC_BUG_IF(kernels == nullptr || w.in < 1 || w.out < 1 || w.size < 1 || call.batch < 1 ||
            call.stride < 1 || call.padding < 0);
  p.taps = w.size * w.size;
  ZC_BUG_IF((w.tap_stride != 1 && w.tap_stride != -1) ||
            (w.in_stride != p.taps && w.out_stride != p.taps) ||
            (w.gated && (w.in_stride != p.taps || call.activation != MatmulActivation::none)));
  const auto out_of = [&](int64_t length) {
    return length + 2 * call.padding < w.size
               ? 0
               : (length + 2 * call.padding - w.size) / call.stride + 1;
  };
  p.out_height = out_of(call.height);
  p.out_width = out_of(call.width);
  ZC_BUG_IF(p.out_height < 1 || p.out_width < 1);
  p.steps = divide_up(w.in, kSplitTerms);
  choose_blocks(p);
  for (int64_t first = 0; first < p.steps; first += p.plane_steps) {
    const int64_t count = std::min(p.plane_steps, p.steps - first);
    p.planes.push_back({first, count, pieces_of(p, first, count)});
  }
  p.group_results = w.gated ? kSplitColumns / 2 : kSplitColumns;
  const int64_t groups = divide_up(w.out, p.group_results);
  p.groups_packed = std::min(
      groups, std::max(kFewestGroups, kMostPackedHalves / (p.taps * p.steps * kSplitStepHalves)));
  p.bias.assign(static_cast<size_t>(groups * kSplitColumns), 0.0f);
  for (int64_t half = 0; w.bias != nullptr && half < 2 * groups; ++half) {
    const SplitFilters f = split_filters(p, half / 2, half % 2);
    std::copy_n(w.bias + f.first, f.count, p.bias.begin() + half * kSplitColumns / 2);
  }
  return p;
}

}  // namespace zc::kernels
