// SPDX-License-Identifier: Apache-2.0
// What the kernels of gpu_kernels.cu take. Compiled with them for the GPU, and by the host's
// compiler: fixed layout, no includes.
#pragma once

namespace zc::kernels {

constexpr int kWarp = 32;
constexpr int kMostThreads = 512;  // of a block

// GroupNorm of x, which lies as [pictures, positions, channels]. Two kernels: the first one's grid
// is [chunks, pictures], the second one's [any, pictures].
struct GroupNormArguments {
  const void* x;
  const void* weight;  // [channels]; null for ones
  const void* bias;    // [channels]; null for zeros
  float* partials;     // [pictures, groups, chunks, 2]: mean, sum of squared distances from it
  void* y;             // as x
  int positions, channels, groups;
  int rows;       // positions that a block works on at once
  int chunks;     // pieces of a picture that are measured by themselves
  int per_chunk;  // positions in each, the last may have fewer
  int per_block;  // positions that a block of the second kernel applies the result to
  float eps;
  bool float_parameters;  // weight and bias are float32, else of x's type
  bool silu;
};

// LayerNorm of each row of x [rows, width]; a warp takes a row.
struct LayerNormArguments {
  const void* x;
  const void* weight;  // [width]; null for ones
  const void* bias;    // [width]; null for zeros
  void* y;
  long long rows;
  int width;
  float eps;
  bool float_parameters;
};

// x [rows, 2 * width] -> y [rows, width]; any number of blocks.
struct GegluArguments {
  const void* x;
  void* y;
  long long rows;
  int width;
};

}  // namespace zc::kernels
