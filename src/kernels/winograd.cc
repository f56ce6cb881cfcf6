// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/error.h"
#include "kernels/winograd_kernels.h"

namespace zc::kernels {
namespace {

// Tiles in a block. Few channels: the transformed input and the products of 56 tiles stay in a
// second-level cache. Many: the weights come from memory, so more tiles share each reading of them,
// up to a limit of 8 MiB of transformed input.
constexpr int64_t kSmallBlock = 56, kLargeBlock = 112, kFewestTiles = 28;
constexpr int64_t kManyChannels = 256;
constexpr int64_t kMostInputFloats = int64_t{2} << 20;
// Output channels between two output transforms; bounds the products that wait for it.
constexpr int64_t kPassChannels = 128;

// Costs in which Winograd and the direct sum differ, in products for each tile: the two transforms
// take about as long as this many products for each of their channels (measured), and the packed
// weights must come from memory, which fewer tiles than these do not pay back.
constexpr int64_t kTransformCost = 1728;
constexpr int64_t kFewestPayingTiles = 12;

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

const WinogradKernels* kernels_for(InstructionSet set) {
  const std::vector<InstructionSet> sets = instruction_sets();
  if (std::find(sets.begin(), sets.end(), set) == sets.end()) return nullptr;
  switch (set) {
    case InstructionSet::avx512:
      return winograd_avx512();
    case InstructionSet::avx2:
      return winograd_avx2();
    case InstructionSet::portable:
      return winograd_portable();
  }
  return nullptr;
}

WinogradGrid grid_of(const WinogradShape& s) {
  const int64_t out_height = s.height + 2 * s.padding - 2, out_width = s.width + 2 * s.padding - 2;
  ZC_BUG_IF(s.batch < 1 || s.padding < 0 || out_height < 1 || out_width < 1);
  return {s, out_height, out_width, divide_up(out_height, kTile), divide_up(out_width, kTile)};
}

// Packed weights of calls that need theirs once.
struct KeptMemory {
  AlignedFloats memory;
  size_t size = 0;
};
KeptMemory& kept_memory() {
  thread_local KeptMemory kept;
  return kept;
}

AlignedFloats take_memory(size_t count) {
  KeptMemory& kept = kept_memory();
  if (kept.size < count) return allocate_floats(count);
  kept.size = 0;
  return std::move(kept.memory);
}

void keep_memory(AlignedFloats memory, size_t count) {
  KeptMemory& kept = kept_memory();
  if (memory == nullptr || count <= kept.size) return;
  kept = {std::move(memory), count};
}

WinogradWeights with_strides(WinogradWeights w) {
  if (w.tap_stride == 0) w.tap_stride = 1;
  if (w.in_stride == 0) w.in_stride = 9;
  if (w.out_stride == 0) w.out_stride = 9 * w.in;
  return w;
}

}  // namespace

// How a call is cut: into blocks of tiles and, where there are fewer of them than threads, each
// block into slices of output channels. A slice repeats the input transform of its block, which is
// small beside the products of 64 channels or more.
struct WinogradConv::Plan {
  int64_t tiles;
  int64_t blocks;
  int64_t capacity;  // tiles in the largest block
  int64_t slices;
  int64_t pass_panels;      // panels between two output transforms
  int64_t position_stride;  // of the transformed input, in floats
  size_t input_floats, product_floats;
};

// The panels [first, end) for the tiles of one block.
struct WinogradConv::Pass {
  const Plan* plan;
  int64_t first, end;
  int64_t tiles;
};

WinogradConv::Plan WinogradConv::plan_for(const WinogradGrid& grid, int64_t workers) const {
  const int64_t columns = kernels_->columns;
  Plan p;
  p.tiles = grid.shape.batch * grid.tiles_down * grid.tiles_across;
  const int64_t most = in_ < kManyChannels
                           ? kSmallBlock
                           : std::clamp(kMostInputFloats / (kPositions * groups_ * kGroup),
                                        kFewestTiles, kLargeBlock);
  p.blocks = divide_up(p.tiles, most);
  if (p.blocks > workers / 2) p.blocks = divide_up(p.blocks, workers) * workers;
  p.blocks = std::min(p.blocks, p.tiles);
  p.capacity = divide_up(p.tiles, p.blocks);
  const int64_t most_slices = std::max<int64_t>(1, panels_ * columns / 64);
  p.slices = p.blocks >= workers ? 1 : std::min(divide_up(workers, p.blocks), most_slices);
  const int64_t slice_panels = divide_up(panels_, p.slices);
  p.pass_panels = std::clamp<int64_t>(kPassChannels / columns, 1, slice_panels);
  // An odd number of cache lines: the 36 places of one tile then fall into different sets.
  p.position_stride = (groups_ * p.capacity | 1) * kGroup;
  p.input_floats = static_cast<size_t>(kPositions * p.position_stride);
  const int64_t pass_groups = divide_up(p.pass_panels * columns, kGroup);
  p.product_floats = static_cast<size_t>(pass_groups * p.capacity * kPositions * kGroup);
  return p;
}

bool winograd_pays(int64_t in, int64_t out, const WinogradShape& shape) {
  const WinogradGrid grid = grid_of(shape);
  const int64_t tiles = shape.batch * grid.tiles_down * grid.tiles_across;
  const int64_t pixels = shape.batch * grid.out_height * grid.out_width;
  const int64_t saved = 9 * pixels - kPositions * tiles;  // products for each pair of channels
  return tiles >= kFewestPayingTiles && saved * in * out >= kTransformCost * (in + out) * tiles;
}

WinogradConv::WinogradConv(const WinogradWeights& given, const Workers& workers, InstructionSet set)
    : in_(given.in),
      out_(given.out),
      groups_(divide_up(in_, kGroup)),
      kernels_(kernels_for(set)),
      transient_(given.transient) {
  const WinogradWeights weights = with_strides(given);
  ZC_BUG_IF(in_ < 1 || out_ < 1 || kernels_ == nullptr);
  panels_ = divide_up(out_, kernels_->columns);
  const size_t packed = packed_bytes() / sizeof(float);
  packed_ = transient_ ? take_memory(packed) : allocate_floats(packed);
  const int64_t padded = panels_ * kernels_->columns + kGroup;
  bias_ = allocate_floats(static_cast<size_t>(padded));
  std::fill_n(bias_.get(), padded, 0.0f);
  if (weights.bias != nullptr) std::copy_n(weights.bias, out_, bias_.get());
  zeros_ = allocate_floats(static_cast<size_t>(groups_ * kGroup));
  std::fill_n(zeros_.get(), groups_ * kGroup, 0.0f);
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    for (int64_t panel = next++; panel < panels_; panel = next++) {
      kernels_->pack_panel({.weights = weights,
                            .rows = groups_ * kGroup,
                            .panel = panel,
                            .panels = panels_,
                            .u = packed_.get()});
    }
  });
}

WinogradConv::~WinogradConv() {
  if (transient_) keep_memory(std::move(packed_), packed_bytes() / sizeof(float));
}

size_t WinogradConv::packed_bytes() const {
  return static_cast<size_t>(kPositions * panels_ * kernels_->columns * groups_ * kGroup) *
         sizeof(float);
}

size_t WinogradConv::scratch_bytes(const WinogradShape& shape, int64_t workers) const {
  const Plan p = plan_for(grid_of(shape), workers);
  return (p.input_floats + p.product_floats) * sizeof(float);
}

void WinogradConv::multiply_panels(const Pass& pass, const float* v, float* m) const {
  const int64_t columns = kernels_->columns, depth = groups_ * kGroup;
  const int64_t group_stride = pass.plan->capacity * kGroup, m_stride = group_stride * kPositions;
  for (int64_t s = 0; s < kPositions; ++s) {
    for (int64_t panel = pass.first; panel < pass.end; ++panel) {
      const int64_t column = (panel - pass.first) * columns;
      kernels_->multiply({.v = v + s * pass.plan->position_stride,
                          .group_stride = group_stride,
                          .groups = groups_,
                          .tiles = pass.tiles,
                          .u = packed_.get() + (s * panels_ + panel) * depth * columns,
                          .m = m + column / kGroup * m_stride + s * kGroup + column % kGroup,
                          .m_group_stride = m_stride});
    }
  }
}

void WinogradConv::run_task(const WinogradCall& call, const WinogradGrid& grid, const Plan& plan,
                            int64_t task, float* memory) const {
  const int64_t block = task / plan.slices, slice = task % plan.slices;
  const int64_t first_tile = plan.tiles * block / plan.blocks;
  const int64_t tiles = plan.tiles * (block + 1) / plan.blocks - first_tile;
  const int64_t group_stride = plan.capacity * kGroup, m_stride = group_stride * kPositions;
  float* v = memory;
  float* m = memory + plan.input_floats;
  kernels_->transform_input({.grid = &grid,
                             .x = call.x,
                             .zeros = zeros_.get(),
                             .channels = in_,
                             .first_tile = first_tile,
                             .tiles = tiles,
                             .v = v,
                             .position_stride = plan.position_stride,
                             .group_stride = group_stride});
  const int64_t columns = kernels_->columns, last_panel = panels_ * (slice + 1) / plan.slices;
  for (int64_t first = panels_ * slice / plan.slices; first < last_panel;) {
    const int64_t end = std::min(first + plan.pass_panels, last_panel);
    multiply_panels({&plan, first, end, tiles}, v, m);
    const int64_t end_channel = std::min(end * columns, out_);
    const float* group = m;
    for (int64_t channel = first * columns; channel < end_channel; channel += kGroup) {
      kernels_->transform_output({.grid = &grid,
                                  .m = group,
                                  .bias = bias_.get() + channel,
                                  .residual = call.residual,
                                  .y = call.y,
                                  .channels = call.y_channels == 0 ? out_ : call.y_channels,
                                  .first_channel = call.first_channel + channel,
                                  .count = std::min(kGroup, end_channel - channel),
                                  .first_tile = first_tile,
                                  .tiles = tiles,
                                  .activation = call.activation});
      group += m_stride;
    }
    first = end;
  }
}

void WinogradConv::run(const WinogradCall& call, const Workers& workers) const {
  const WinogradGrid grid = grid_of(call.shape);
  const Plan plan = plan_for(grid, workers.count);
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    thread_local KeptFloats scratch;
    float* memory = nullptr;
    for (int64_t i = next++; i < plan.blocks * plan.slices; i = next++) {
      if (memory == nullptr) memory = scratch.at_least(plan.input_floats + plan.product_floats);
      run_task(call, grid, plan, i, memory);
    }
  });
}

}  // namespace zc::kernels
