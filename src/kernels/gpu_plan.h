// SPDX-License-Identifier: Apache-2.0
// How the work of gpu_kernels.cu is cut into blocks and threads. Plain arithmetic, so that the
// tests on the CPU run what the GPU will.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/gpu_arguments.h"

namespace zc::kernels {

struct GpuGrid {
  int64_t blocks = 1;
  int64_t pictures = 1;  // the grid's second dimension
  int threads = kWarp;
  int64_t shared_bytes = 0;
};

struct GroupNormSizes {
  int64_t pictures = 0, positions = 0, channels = 0, groups = 0;
  int width = 1;       // elements that one load moves
  int processors = 1;  // of the GPU (SMs)
};

struct GroupNormPlan {
  GroupNormArguments arguments = {};  // sizes; the pointers, eps and flags are the caller's
  GpuGrid measure, apply;
};

inline int64_t ceil_divide(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

inline int whole_warps(int64_t threads) {
  return static_cast<int>(ceil_divide(threads, kWarp)) * kWarp;
}

// The sizes that the kernels of GroupNorm are written for: a block's moments fit its 48 KB of
// shared memory, positions are counted in 32 bits, and a grid's second dimension in 16.
inline bool has_group_norm_plan(int64_t pictures, int64_t positions, int64_t channels) {
  return pictures > 0 && pictures <= 65535 && positions > 0 && positions <= (1 << 30) &&
         channels > 0 && channels <= 6144;
}

// At most `most` equal parts of at least `least` positions; the size of a part.
inline int64_t part_of(int64_t positions, int64_t most, int64_t least) {
  return ceil_divide(positions,
                     std::clamp<int64_t>(positions / least, 1, std::max<int64_t>(most, 1)));
}

inline GroupNormPlan plan_group_norm(const GroupNormSizes& s) {
  const int64_t lanes = s.channels / s.width;
  const int64_t across = std::min<int64_t>(lanes, kMostThreads);
  const int64_t rows = std::max<int64_t>(kMostThreads / lanes, 1);
  // Each thread sees a few positions, so that what a block does once does not count. Two blocks
  // for each processor are enough to read at full speed; the blocks of the second kernel all read
  // what the first ones found, so that there must not be very many of those.
  const int64_t least = 4 * rows;
  const int64_t per_chunk =
      part_of(s.positions, std::min<int64_t>(2 * s.processors / s.pictures, 128), least);
  const int64_t per_block = part_of(s.positions, 4 * s.processors / s.pictures, least);
  GroupNormPlan plan;
  plan.arguments.positions = static_cast<int>(s.positions);
  plan.arguments.channels = static_cast<int>(s.channels);
  plan.arguments.groups = static_cast<int>(s.groups);
  plan.arguments.rows = static_cast<int>(rows);
  plan.arguments.chunks = static_cast<int>(ceil_divide(s.positions, per_chunk));
  plan.arguments.per_chunk = static_cast<int>(per_chunk);
  plan.arguments.per_block = static_cast<int>(per_block);
  plan.measure = {.blocks = plan.arguments.chunks,
                  .pictures = s.pictures,
                  .threads = whole_warps(across * rows),
                  .shared_bytes = 2 * rows * s.channels * static_cast<int64_t>(sizeof(float))};
  plan.apply = {.blocks = ceil_divide(s.positions, per_block),
                .pictures = s.pictures,
                .threads = plan.measure.threads,
                .shared_bytes = 2 * s.groups * static_cast<int64_t>(sizeof(float))};
  return plan;
}

// Rows and widths of the other kernels are counted in 31 bits where they become blocks and lanes.
inline bool has_row_plan(int64_t rows, int64_t width) {
  return rows > 0 && rows <= (int64_t{1} << 31) && width > 0 && width <= (1 << 29);
}

inline GpuGrid plan_layer_norm(int64_t rows) {
  constexpr int kThreads = 256;
  return {.blocks = ceil_divide(rows, kThreads / kWarp), .threads = kThreads};
}

inline GpuGrid plan_geglu(int64_t rows, int64_t width, int elements_of_a_load) {
  return {.blocks = std::min<int64_t>(rows, 1 << 20),
          .threads = std::min(whole_warps(width / elements_of_a_load), 256)};
}

}  // namespace zc::kernels
