// SPDX-License-Identifier: Apache-2.0
// How split_conv.cc cuts a convolution, and its filters as tiles read them.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/split_kernels.h"

namespace zc::kernels {

// A piece of a group's weights: taps of one line of the filter, and steps of their channels.
struct SplitPiece {
  int64_t row, tap, taps, step, steps;
};

// Steps of all positions that are in a block's memory at the same time.
struct SplitPlane {
  int64_t first, steps;
  std::vector<SplitPiece> pieces;
};

// Everything about a call that does not depend on the block.
struct SplitPlan {
  SplitConvWeights weights;
  SplitConvCall call;
  const SplitKernels* kernels;
  int64_t out_height, out_width;
  int64_t taps, steps;
  int64_t group_results;    // of a group: half of its filters are gates where they are gated
  int64_t plane_steps;      // that are in a block's memory at a time
  int64_t position_stride;  // in halves; an odd number of cache lines, so that a tile's rows fall
                            // into different sets
  // Where tiles run on from one line into the next, the positions between lines are computed and
  // left out: cheaper than tiles that the lines do not fill.
  bool runs_on;
  int64_t block_lines, block_width;
  int64_t columns_across;  // blocks of a line
  int64_t groups_packed;
  std::vector<float> bias;
  std::vector<SplitPlane> planes;
};

// Throws bug for sizes and strides that there cannot be.
SplitPlan split_plan(const SplitConvWeights& weights, const SplitConvCall& call,
                     const SplitKernels* kernels);

struct SplitFilters {
  int64_t first, count;
};

// Half of a group: 16 filters, fewer at the end.
SplitFilters split_filters(const SplitPlan& p, int64_t group, int64_t half);

// The groups [first, first + count) into to[group][tap][step], see kSplitStepHalves.
void pack_split_groups(const SplitPlan& p, int64_t first, int64_t count, uint16_t* to,
                       const Workers& workers);

inline int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Positions between the beginnings of two lines in a block.
inline int64_t pitch_of(const SplitPlan& p, int64_t width) {
  return (width - 1) * p.call.stride + p.weights.size;
}

inline int64_t lines_of_input(const SplitPlan& p, int64_t lines) {
  return (lines - 1) * p.call.stride + p.weights.size;
}

}  // namespace zc::kernels
