// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/error.h"
#include "kernels/winograd_kernels.h"

namespace zc::kernels {
namespace {

// Tiles in a block. Few channels: the transformed input and the products of a block stay in a
// second-level cache. Many: the weights come from memory, so more tiles share each reading of them,
// up to a limit of 8 MiB of transformed input.
struct BlockSizes {
  int64_t small, large, fewest;
};
constexpr BlockSizes kBlocksOfFour = {56, 112, 28}, kBlocksOfSix = {28, 56, 14};
constexpr int64_t kManyChannels = 256;
constexpr int64_t kMostInputFloats = int64_t{2} << 20;
// Output channels between two output transforms; bounds the products that wait for it.
constexpr int64_t kPassChannels = 128;

// From this width on, tiles of 6 x 6 pay: they take a fifth of the products less, but more for
// their transforms, and a larger part of them lies outside a small picture.
constexpr int64_t kWide = 128;

// Of weights that are kept, and of small pictures, where it matters whether Winograd pays.
constexpr int64_t kUsualTile = 4, kUsualPositions = 36;

// Costs in which Winograd and the direct sum differ, in products: for each tile, the two transforms
// take about as long as this many for each of their channels (measured); the transform of a filter
// takes as many instructions as this many products.
constexpr int64_t kTransformCost = 1728;
constexpr int64_t kFilterCost = 190;

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace

const WinogradKernels* winograd_kernels_for(InstructionSet set, int64_t tile) {
  const std::vector<InstructionSet> sets = instruction_sets();
  if (std::find(sets.begin(), sets.end(), set) == sets.end()) return nullptr;
  switch (set) {
    case InstructionSet::avx512:
      return winograd_avx512(tile);
    case InstructionSet::avx2:
      return winograd_avx2(tile);
    case InstructionSet::portable:
      return winograd_portable(tile);
  }
  return nullptr;
}

WinogradWeights with_strides(WinogradWeights w) {
  if (w.tap_stride == 0) w.tap_stride = 1;
  if (w.in_stride == 0) w.in_stride = 9;
  if (w.out_stride == 0) w.out_stride = 9 * w.in;
  return w;
}

WinogradGrid winograd_grid(const WinogradShape& s, int64_t tile) {
  const int64_t out_height = s.height + 2 * s.padding - 2, out_width = s.width + 2 * s.padding - 2;
  ZC_BUG_IF(s.batch < 1 || s.padding < 0 || out_height < 1 || out_width < 1);
  return {s, out_height, out_width, divide_up(out_height, tile), divide_up(out_width, tile)};
}

AlignedFloats zero_floats(int64_t count) {
  AlignedFloats zeros = allocate_floats(static_cast<size_t>(count));
  std::fill_n(zeros.get(), count, 0.0f);
  return zeros;
}

AlignedFloats padded_bias(const WinogradWeights& weights, int64_t columns) {
  AlignedFloats bias = zero_floats(divide_up(weights.out, columns) * columns + kGroup);
  if (weights.bias != nullptr) std::copy_n(weights.bias, weights.out, bias.get());
  return bias;
}

int64_t winograd_tile(int64_t out_width) {
  return out_width < kWide ? kUsualTile : 6;
}

bool winograd_pays(int64_t in, int64_t out, const WinogradShape& shape) {
  const WinogradGrid grid = winograd_grid(shape, kUsualTile);
  const int64_t tiles = grid.tiles_down * grid.tiles_across;
  const int64_t pixels = grid.out_height * grid.out_width;
  const int64_t saved = 9 * pixels - kUsualPositions * tiles;  // products for each pair of channels
  return (saved - kFilterCost) * in * out >= kTransformCost * (in + out) * tiles;
}

namespace {

// How a call is cut: into blocks of tiles and, where there are fewer of them than threads, each
// block into slices of output channels. A slice repeats the input transform of its block, which is
// small beside the products of 64 channels or more.
struct Plan {
  const WinogradPacked* packed;
  const WinogradGrid* grid;
  int64_t tiles;
  int64_t blocks;
  int64_t capacity;  // tiles in the largest block
  int64_t slices;
  int64_t pass_panels;      // panels between two output transforms
  int64_t position_stride;  // of the transformed input, in floats
  size_t input_floats, product_floats;

  int64_t group_stride() const { return capacity * kGroup; }
  int64_t product_stride() const { return capacity * kGroup * packed->kernels->positions(); }
};

Plan plan_for(const WinogradPacked& packed, const WinogradGrid& grid, int64_t workers) {
  const int64_t columns = packed.kernels->columns;
  Plan p;
  p.packed = &packed;
  p.grid = &grid;
  p.tiles = grid.shape.batch * grid.tiles_down * grid.tiles_across;
  const int64_t positions = packed.kernels->positions();
  const BlockSizes& sizes = packed.kernels->tile == 6 ? kBlocksOfSix : kBlocksOfFour;
  const int64_t most = packed.in < kManyChannels
                           ? sizes.small
                           : std::clamp(kMostInputFloats / (positions * packed.groups * kGroup),
                                        sizes.fewest, sizes.large);
  p.blocks = divide_up(p.tiles, most);
  if (p.blocks > workers / 2) p.blocks = divide_up(p.blocks, workers) * workers;
  p.blocks = std::min(p.blocks, p.tiles);
  p.capacity = divide_up(p.tiles, p.blocks);
  const int64_t most_slices = std::max<int64_t>(1, packed.panels * columns / 64);
  p.slices = p.blocks >= workers ? 1 : std::min(divide_up(workers, p.blocks), most_slices);
  const int64_t slice_panels = divide_up(packed.panels, p.slices);
  p.pass_panels = std::clamp<int64_t>(kPassChannels / columns, 1, slice_panels);
  // An odd number of cache lines: the places of one tile then fall into different sets.
  p.position_stride = (packed.groups * p.capacity | 1) * kGroup;
  p.input_floats = static_cast<size_t>(positions * p.position_stride);
  const int64_t pass_groups = divide_up(p.pass_panels * columns, kGroup);
  p.product_floats = static_cast<size_t>(pass_groups * p.capacity * positions * kGroup);
  return p;
}

// The panels [first, end) for the tiles of one block.
struct Pass {
  int64_t first, end;
  int64_t first_tile, tiles;
};

void multiply_panels(const Plan& plan, const Pass& pass, const float* v, float* m) {
  const WinogradPacked& packed = *plan.packed;
  const int64_t columns = packed.kernels->columns, depth = packed.groups * kGroup;
  for (int64_t s = 0; s < packed.kernels->positions(); ++s) {
    for (int64_t panel = pass.first; panel < pass.end; ++panel) {
      const int64_t column = (panel - pass.first) * columns;
      packed.kernels->multiply(
          {.v = v + s * plan.position_stride,
           .group_stride = plan.group_stride(),
           .groups = packed.groups,
           .tiles = pass.tiles,
           .u = packed.u + (s * packed.panels + panel) * depth * columns,
           .m = m + column / kGroup * plan.product_stride() + s * kGroup + column % kGroup,
           .m_group_stride = plan.product_stride()});
    }
  }
}

void write_results(const Plan& plan, const WinogradCall& call, const Pass& pass, const float* m) {
  const WinogradPacked& packed = *plan.packed;
  const int64_t columns = packed.kernels->columns;
  const int64_t end = std::min(pass.end * columns, packed.end - packed.first);
  for (int64_t channel = pass.first * columns; channel < end; channel += kGroup) {
    packed.kernels->transform_output({.grid = plan.grid,
                                      .m = m,
                                      .bias = packed.bias + channel,
                                      .residual = call.residual,
                                      .y = call.y,
                                      .channels = packed.channels,
                                      .first_channel = packed.first + channel,
                                      .count = std::min(kGroup, end - channel),
                                      .first_tile = pass.first_tile,
                                      .tiles = pass.tiles,
                                      .activation = call.activation});
    m += plan.product_stride();
  }
}

void run_task(const Plan& plan, const WinogradCall& call, int64_t task, float* memory) {
  const WinogradPacked& packed = *plan.packed;
  const int64_t block = task / plan.slices, slice = task % plan.slices;
  const int64_t first_tile = plan.tiles * block / plan.blocks;
  const int64_t tiles = plan.tiles * (block + 1) / plan.blocks - first_tile;
  float* v = memory;
  float* m = memory + plan.input_floats;
  packed.kernels->transform_input({.grid = plan.grid,
                                   .x = call.x,
                                   .zeros = packed.zeros,
                                   .channels = packed.in,
                                   .first_tile = first_tile,
                                   .tiles = tiles,
                                   .v = v,
                                   .position_stride = plan.position_stride,
                                   .group_stride = plan.group_stride()});
  const int64_t last = packed.panels * (slice + 1) / plan.slices;
  for (int64_t first = packed.panels * slice / plan.slices; first < last;) {
    const int64_t end = std::min(first + plan.pass_panels, last);
    const Pass pass = {first, end, first_tile, tiles};
    multiply_panels(plan, pass, v, m);
    write_results(plan, call, pass, m);
    first = end;
  }
}

}  // namespace

size_t packed_scratch_floats(const WinogradPacked& packed, const WinogradGrid& grid,
                             int64_t workers) {
  const Plan p = plan_for(packed, grid, workers);
  return p.input_floats + p.product_floats;
}

void run_packed(const WinogradPacked& packed, const WinogradCall& call, const Workers& workers) {
  const WinogradGrid grid = winograd_grid(call.shape, packed.kernels->tile);
  const Plan plan = plan_for(packed, grid, workers.count);
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    thread_local KeptFloats scratch;
    float* memory = nullptr;
    for (int64_t i = next++; i < plan.blocks * plan.slices; i = next++) {
      if (memory == nullptr) memory = scratch.at_least(plan.input_floats + plan.product_floats);
      run_task(plan, call, i, memory);
    }
  });
}

WinogradConv::WinogradConv(const WinogradWeights& given, const Workers& workers, InstructionSet set)
    : in_(given.in),
      out_(given.out),
      groups_(divide_up(in_, kGroup)),
      kernels_(winograd_kernels_for(set, kUsualTile)) {
  ZC_BUG_IF(in_ < 1 || out_ < 1 || kernels_ == nullptr || given.type != ElementType::float32);
  const WinogradWeights weights = with_strides(given);
  panels_ = divide_up(out_, kernels_->columns);
  packed_ = allocate_floats(packed_bytes() / sizeof(float));
  bias_ = padded_bias(weights, kernels_->columns);
  zeros_ = zero_floats(groups_ * kGroup);
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

size_t WinogradConv::packed_bytes() const {
  const int64_t rows = panels_ * groups_ * kGroup;
  return static_cast<size_t>(kernels_->positions() * rows * kernels_->columns) * sizeof(float);
}

WinogradPacked WinogradConv::packed() const {
  return {.kernels = kernels_,
          .in = in_,
          .groups = groups_,
          .panels = panels_,
          .u = packed_.get(),
          .bias = bias_.get(),
          .zeros = zeros_.get(),
          .channels = out_,
          .first = 0,
          .end = out_};
}

size_t WinogradConv::scratch_bytes(const WinogradShape& shape, int64_t workers) const {
  return packed_scratch_floats(packed(), winograd_grid(shape, kUsualTile), workers) * sizeof(float);
}

void WinogradConv::run(const WinogradCall& call, const Workers& workers) const {
  run_packed(packed(), call, workers);
}

}  // namespace zc::kernels
