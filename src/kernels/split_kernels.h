// SPDX-License-Identifier: Apache-2.0
// What split_conv.cc asks of an instruction set. Positions are those of a picture with its margin;
// each has its channels in steps of 32: the 32 high parts, then the 32 low ones.
#pragma once

#include <cstdint>

#include "kernels/matmul_kernels.h"
#include "kernels/split_conv.h"

namespace zc::kernels {

constexpr int64_t kSplitTerms = 32;    // channels in a step
constexpr int64_t kSplitColumns = 32;  // filters in a group
constexpr int64_t kSplitRows = 16;     // positions in a tile
// Of a step of a group: high parts of 16 and of the other 16 filters, then the low ones; each as
// [pair of terms][filter][2].
constexpr int64_t kSplitStepHalves = 2 * kSplitTerms * kSplitColumns;

// Positions of one line: `before` of zeros, `count` of x, `after` of zeros.
struct SplitLine {
  const float* x;  // [count,x_stride], of which the first `channels`
  int64_t before, count, after;
  int64_t channels, x_stride;
  int64_t position_stride;  // in halves
  uint16_t* to;
};

// sums[tile][row][filter] (+)= for two tiles of positions and one group of filters.
struct SplitTiles {
  const uint16_t* x[2] = {};  // the first position of each
  int64_t row_stride;         // between the positions of a tile, in halves
  int64_t tap_stride;         // between taps that follow each other, in halves of x
  const uint16_t* weights;    // [tap][step], `weights_stride` halves from tap to tap
  int64_t weights_stride;
  int64_t taps, steps;
  bool add;                // to what is in sums
  bool high_only = false;  // of the products, those of the two high parts alone
  float* sums = nullptr;   // [2][16][32]
  // Weights that are needed next, which come nearer meanwhile: so many halves for each step.
  const uint16_t* ahead = nullptr;
  int64_t ahead_halves = 0;
};

struct SplitKernels {
  // Before the first `multiply` of a thread's piece of work, and after the last.
  void (*begin)();
  void (*end)();
  void (*split_line)(const SplitLine&);
  // to[places[j] + row] = from[row * stride + j] for 16 rows and j < count, a multiple of 16.
  void (*turn)(const float* from, int64_t stride, int64_t count, const int32_t* places, float* to);
  // to[i] = from[i * stride], i < 32
  void (*pick)(const float* from, int64_t stride, float* to);
  // terms[32][terms_stride] floats of 32 filters -> one step of a group.
  void (*split_weights)(const float* terms, int64_t terms_stride, uint16_t* to);
  void (*multiply)(const SplitTiles&);
  // Of a tile of 32 columns.
  void (*finish)(const MatmulEnd&);
  // As MatmulKernels::multiply_in_registers, of bfloat16 products; null without AMX.
  double (*multiply_in_registers)(int64_t rounds);
};

// Null where the compiler, the machine or the system has no AMX.
const SplitKernels* split_amx();
// Does the same sums anywhere, slowly; for tests of what is around it.
const SplitKernels* split_portable();

}  // namespace zc::kernels
