// SPDX-License-Identifier: Apache-2.0
// What winograd.cc asks of each instruction set: the three steps of a block of tiles.
#pragma once

#include <cstdint>

#include "kernels/winograd.h"

namespace zc::kernels {

// Channels lie in groups of 16 in the working memory, one cache line of float32.
inline constexpr int64_t kGroup = 16;
// A tile of 4 x 4 results needs 6 x 6 inputs, and one product at each of these 36 positions.
inline constexpr int64_t kTile = 4;
inline constexpr int64_t kPatch = 6;
inline constexpr int64_t kPositions = kPatch * kPatch;

// The interpolation points are 0, +-kPointA, +-kPointB and infinity; winograd.h says why.
inline constexpr double kPointA = 0.625;
inline constexpr double kPointB = 1.5;

// The picture and the tiles that cover its result, row by row, one sample after the other.
struct WinogradGrid {
  WinogradShape shape;
  int64_t out_height, out_width;
  int64_t tiles_down, tiles_across;
};

// The filters of one panel into u[position][panel][row][column], zeros where there is none.
struct WinogradPanel {
  WinogradWeights weights;
  int64_t rows;  // input channels, up to whole groups
  int64_t panel, panels;
  float* u;
};

// v[position][group][tile][16] = B^T d B of `tiles` tiles, the channels padded with zeros.
struct WinogradInput {
  const WinogradGrid* grid;
  const float* x;
  const float* zeros;  // at least as many as channels
  int64_t channels;
  int64_t first_tile, tiles;
  float* v;
  int64_t position_stride;  // of v, in floats
  int64_t group_stride;     // of v, in floats
};

// m[tile][column] = sum over k of v[tile][k] u[k][column], at one position, for one panel of
// columns.
struct WinogradProduct {
  const float* v;  // [group][tile][16]
  int64_t group_stride;
  int64_t groups;
  int64_t tiles;
  const float* u;  // [groups * 16][columns]
  float* m;        // [column / 16][tile][36][16], at this position
  int64_t m_group_stride;
};

// y = activation(A^T m A + bias + residual) of one group of channels of `tiles` tiles.
struct WinogradOutput {
  const WinogradGrid* grid;
  const float* m;     // [tile][36][16]
  const float* bias;  // [16]
  const float* residual;
  float* y;
  int64_t channels;
  int64_t first_channel, count;  // of the group; count is at most 16
  int64_t first_tile, tiles;
  Activation activation;
};

struct WinogradKernels {
  int64_t columns;  // output channels in a panel of weights
  void (*pack_panel)(const WinogradPanel&);
  void (*transform_input)(const WinogradInput&);
  void (*multiply)(const WinogradProduct&);
  void (*transform_output)(const WinogradOutput&);
};

// Null where the compiler does not know the instruction set. Whether the machine has it is asked
// elsewhere.
const WinogradKernels* winograd_portable();
const WinogradKernels* winograd_avx2();
const WinogradKernels* winograd_avx512();

}  // namespace zc::kernels
