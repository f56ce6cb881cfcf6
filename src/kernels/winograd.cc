// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd.h"

#include <algorithm>
#include <atomic>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

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
constexpr int64_t kMostColumns = 32;  // of a panel, in any instruction set

// Costs in which Winograd and the direct sum differ, in products for each tile: the two transforms
// take about as long as this many products for each of their channels (measured), and the packed
// weights must come from memory, which fewer tiles than these do not pay back.
constexpr int64_t kTransformCost = 1728;
constexpr int64_t kFewestPayingTiles = 12;

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

bool machine_has(InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx512) return __builtin_cpu_supports("avx512f") != 0;
  if (set == InstructionSet::avx2) {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  }
#endif
  return set == InstructionSet::portable;
}

const WinogradKernels* kernels_for(InstructionSet set) {
  if (!machine_has(set)) return nullptr;
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

AlignedFloats allocate(size_t count) {
  // Large tables are read from end to end: big pages spare the look-up of each small one.
  constexpr size_t kBigPage = size_t{2} << 20, kLine = 64;
  const size_t wanted = std::max<size_t>(count, 1) * sizeof(float);
  const size_t unit = wanted >= kBigPage ? kBigPage : kLine;
  const size_t bytes = (wanted + unit - 1) / unit * unit;
  AlignedFloats p(static_cast<float*>(std::aligned_alloc(unit, bytes)));
  if (p == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (unit == kBigPage) madvise(p.get(), bytes, MADV_HUGEPAGE);  // a wish; its failure costs speed
#endif
  return p;
}

// Memory of the calling thread, kept for its next call: to get it anew would cost a page fault for
// each 4 KiB.
float* scratch_of(size_t count) {
  thread_local AlignedFloats memory;
  thread_local size_t size = 0;
  if (size < count) {
    memory.reset();
    size = 0;
    memory = allocate(count);
    size = count;
  }
  return memory.get();
}

// The even and the odd half of G g for a pair of points +-p, each divided by
// 2 p^2 (p^2 - q^2), where +-q is the other pair.
struct PairFactors {
  explicit PairFactors(double p, double q) {
    const double n = 2 * p * p * (p * p - q * q);
    first = 1 / n;
    odd = p / n;
    last = p * p / n;
  }
  double first, odd, last;
};

// G g for three values each of `columns` filters side by side -> six.
void weight_row(const double (*g)[kMostColumns], int64_t step, double (*out)[kMostColumns],
                int64_t out_step) {
  static const PairFactors a(kPointA, kPointB), b(kPointB, kPointA);
  constexpr double at_zero = 1 / (kPointA * kPointA * kPointB * kPointB);
  const double *g0 = g[0], *g1 = g[step], *g2 = g[2 * step];
  for (int64_t i = 0; i < kMostColumns; ++i) {
    out[0][i] = g0[i] * at_zero;
    const double even_a = g0[i] * a.first + g2[i] * a.last, odd_a = g1[i] * a.odd;
    out[out_step][i] = even_a + odd_a;
    out[2 * out_step][i] = even_a - odd_a;
    const double even_b = g0[i] * b.first + g2[i] * b.last, odd_b = g1[i] * b.odd;
    out[3 * out_step][i] = even_b + odd_b;
    out[4 * out_step][i] = even_b - odd_b;
    out[5 * out_step][i] = g2[i];
  }
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

std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets;
  for (const auto set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (kernels_for(set) != nullptr) sets.push_back(set);
  }
  return sets;
}

WinogradConv::WinogradConv(const WinogradWeights& weights, const Workers& workers,
                           InstructionSet set)
    : in_(weights.in),
      out_(weights.out),
      groups_(divide_up(in_, kGroup)),
      kernels_(kernels_for(set)) {
  ZC_BUG_IF(in_ < 1 || out_ < 1 || kernels_ == nullptr);
  panels_ = divide_up(out_, kernels_->columns);
  packed_ = allocate(packed_bytes() / sizeof(float));
  const int64_t padded = panels_ * kernels_->columns + kGroup;
  bias_ = allocate(static_cast<size_t>(padded));
  std::fill_n(bias_.get(), padded, 0.0f);
  if (weights.bias != nullptr) std::copy_n(weights.bias, out_, bias_.get());
  zeros_ = allocate(static_cast<size_t>(groups_ * kGroup));
  std::fill_n(zeros_.get(), groups_ * kGroup, 0.0f);
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    for (int64_t panel = next++; panel < panels_; panel = next++) pack_panel(weights, panel);
  });
}

size_t WinogradConv::packed_bytes() const {
  return static_cast<size_t>(kPositions * panels_ * kernels_->columns * groups_ * kGroup) *
         sizeof(float);
}

size_t WinogradConv::scratch_bytes(const WinogradShape& shape, int64_t workers) const {
  const Plan p = plan_for(grid_of(shape), workers);
  return (p.input_floats + p.product_floats) * sizeof(float);
}

// G g G^T of each filter, in double: packing happens once, and its rounding stays for ever.
void WinogradConv::pack_panel(const WinogradWeights& weights, int64_t panel) {
  const int64_t columns = kernels_->columns, first = panel * columns;
  const int64_t rows = groups_ * kGroup, filters = std::min(columns, out_ - first);
  double g[9][kMostColumns] = {}, half[18][kMostColumns], full[kPositions][kMostColumns];
  for (int64_t k = 0; k < rows; ++k) {
    for (int64_t i = 0; i < filters && k < in_; ++i) {
      const float* filter = weights.weight + ((first + i) * in_ + k) * 9;
      for (int64_t j = 0; j < 9; ++j) g[j][i] = filter[j];
    }
    if (k == in_) std::fill_n(&g[0][0], 9 * kMostColumns, 0.0);
    for (int64_t j = 0; j < 3; ++j) weight_row(g + j, 3, half + j, 3);
    for (int64_t i = 0; i < kPatch; ++i) weight_row(half + i * 3, 1, full + i * kPatch, 1);
    for (int64_t s = 0; s < kPositions; ++s) {
      float* u = packed_.get() + ((s * panels_ + panel) * rows + k) * columns;
      for (int64_t i = 0; i < columns; ++i) u[i] = static_cast<float>(full[s][i]);
    }
  }
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
                                  .channels = out_,
                                  .first_channel = channel,
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
    float* memory = nullptr;
    for (int64_t i = next++; i < plan.blocks * plan.slices; i = next++) {
      if (memory == nullptr) memory = scratch_of(plan.input_floats + plan.product_floats);
      run_task(call, grid, plan, i, memory);
    }
  });
}

}  // namespace zc::kernels
