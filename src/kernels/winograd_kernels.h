// SPDX-License-Identifier: Apache-2.0
// What winograd.cc asks of each instruction set: the three steps of a block of tiles.
#pragma once

#include <cstdint>

#include "kernels/winograd.h"

namespace zc::kernels {

// Channels lie in groups of 16 in the working memory, one cache line of float32.
inline constexpr int64_t kGroup = 16;
// The interpolation points of F(tile x tile, 3x3) are 0, infinity and +- each of these; winograd.h
// says why.
template <int64_t tile>
struct WinogradPoints;
template <>
struct WinogradPoints<4> {
  static constexpr double pairs[] = {0.625, 1.5};
};
template <>
struct WinogradPoints<6> {
  static constexpr double pairs[] = {1, 0.5, 2};
};

// The picture and the tiles that cover its result, row by row, one sample after the other.
struct WinogradGrid {
  WinogradShape shape;
  int64_t out_height, out_width;
  int64_t tiles_down, tiles_across;
};

// The filters of one panel, float32, into u[position][panel][row][column], zeros where there is
// none.
struct WinogradPanel {
  WinogradWeights weights;
  int64_t rows;  // input channels, up to whole groups
  int64_t panel, panels;
  float* u;
};

// Filters as they lie in memory, one after the other, into columns.
struct WinogradTurn {
  const void* from;  // [filters][length], `stride` elements between filters
  int64_t stride;
  int64_t filters, length;
  float* to;  // [length][columns]
};

// u[position][k][column] = G g G^T of `count` input channels of one panel.
struct WinogradFilters {
  const float* g;  // [count][9][columns]
  int64_t count;
  float* u;
  int64_t position_stride;
  // What is read next, some of it between any two channels: lines that lie far apart, where a
  // processor does not foresee them, and more of them than it can wait for at a time.
  const char* ahead = nullptr;
  int64_t ahead_stride = 0, ahead_lines = 0, ahead_bytes = 0;
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
  float* m;        // [column / 16][tile][position][16], at this position
  int64_t m_group_stride;
  bool add = false;  // to what m holds
};

// y = activation(A^T m A + bias + residual) of one group of channels of `tiles` tiles.
struct WinogradOutput {
  const WinogradGrid* grid;
  const float* m;     // [tile][position][16]
  const float* bias;  // [16]
  const float* residual;
  float* y;
  int64_t channels;
  int64_t first_channel, count;  // of the group; count is at most 16
  int64_t first_tile, tiles;
  Activation activation;
};

struct WinogradKernels {
  int64_t tile;     // results of a tile along each axis; a patch of tile + 2 inputs makes them
  int64_t columns;  // output channels in a panel of weights
  void (*pack_panel)(const WinogradPanel&);
  void (*turn_filters)(const WinogradTurn&);
  void (*transform_filters)(const WinogradFilters&);
  void (*transform_input)(const WinogradInput&);
  void (*multiply)(const WinogradProduct&);
  void (*transform_output)(const WinogradOutput&);
  // The same of float16, which becomes float32. Null: widened first.
  void (*turn_float16)(const WinogradTurn&) = nullptr;

  // Of a patch; there is one product for each.
  int64_t positions() const { return (tile + 2) * (tile + 2); }
};

// For tiles of 4 or 6. Null for an instruction set that this machine lacks.
const WinogradKernels* winograd_kernels_for(InstructionSet set, int64_t tile);

// Those of a contiguous tensor where they are 0.
WinogradWeights with_strides(WinogradWeights weights);

// Throws bug for sizes below 1.
WinogradGrid winograd_grid(const WinogradShape& shape, int64_t tile);

// The bias and then 16 zeros at least, up to whole panels.
AlignedFloats padded_bias(const WinogradWeights& weights, int64_t columns);
AlignedFloats zero_floats(int64_t count);

// The filters of one panel for the input channels of some groups, into u[position][k][column],
// zeros where there is none.
struct WinogradFilterBlock {
  const WinogradWeights* weights;  // with all their strides
  int64_t panel;
  int64_t first_group, groups;
  float* u;
  int64_t position_stride;
};
void transform_filter_block(const WinogradKernels& kernels, const WinogradFilterBlock& block);

// Packed filters of some channels of a layer.
struct WinogradPacked {
  const WinogradKernels* kernels;
  int64_t in;
  int64_t groups, panels;
  const float* u;      // [position][panel][groups * 16][columns]
  const float* bias;   // [panels * columns + 16], zeros at the end
  const float* zeros;  // [groups * 16]
  int64_t channels;    // of y
  int64_t first, end;  // those of these filters
};
void run_packed(const WinogradPacked& packed, const WinogradCall& call, const Workers& workers);
size_t packed_scratch_floats(const WinogradPacked& packed, const WinogradGrid& grid,
                             int64_t workers);

// Null where the compiler does not know the instruction set. Whether the machine has it is asked
// elsewhere.
const WinogradKernels* winograd_portable(int64_t tile);
const WinogradKernels* winograd_avx2(int64_t tile);
const WinogradKernels* winograd_avx512(int64_t tile);

}  // namespace zc::kernels
