// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "kernels/winograd_kernels.h"

namespace zc::kernels {
namespace {

// Tiles that share each transform of a filter, which costs as much as the products of five.
constexpr int64_t kFewestTiles = 16, kMostTiles = 64;
// The transformed input of as many tiles, in floats, stays in the third-level cache.
constexpr int64_t kMostInputFloats = int64_t{4} << 20;
// Groups of input channels between two readings of the products.
constexpr int64_t kGroupsAtOnce = 16;
// With products at so many places, filters are transformed once, into memory, some of them at a
// time.
constexpr int64_t kManyProducts = int64_t{18} << 10;
constexpr int64_t kMostPackedFloats = int64_t{12} << 20;
// Tiles of a task of the input transform.
constexpr int64_t kInputTiles = 8;

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

enum class Use { input, filters, products, packed };

template <Use use>
float* kept_floats(int64_t count) {
  thread_local KeptFloats kept;
  return kept.at_least(static_cast<size_t>(count));
}

struct Problem {
  const WinogradKernels* kernels;
  WinogradWeights weights;  // with all strides
  const WinogradCall* call;
  WinogradGrid grid;
  int64_t tiles, groups, panels;
  AlignedFloats bias, zeros;
};

// Blocks of tiles, whose transformed input all threads share: v[position][group][tile][16].
struct Blocks {
  int64_t count, capacity;
  int64_t positions, position_stride;

  int64_t group_stride() const { return capacity * kGroup; }
  int64_t product_stride() const { return capacity * kGroup * positions; }
};

struct Tiles {
  int64_t first, count;
};

Blocks blocks_of(const Problem& p) {
  const int64_t positions = p.kernels->positions();
  const int64_t most =
      std::clamp(kMostInputFloats / (positions * p.groups * kGroup), kFewestTiles, kMostTiles);
  Blocks b = {};
  b.positions = positions;
  b.count = divide_up(p.tiles, most);
  b.capacity = divide_up(p.tiles, b.count);
  // An odd number of cache lines: the places of one tile then fall into different sets.
  b.position_stride = (p.groups * b.capacity | 1) * kGroup;
  return b;
}

void transform_inputs(const Problem& p, const Blocks& b, const Tiles& tiles, float* v,
                      const Workers& workers) {
  const int64_t parts = divide_up(tiles.count, kInputTiles);
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    for (int64_t i = next++; i < parts; i = next++) {
      const int64_t first = tiles.count * i / parts, end = tiles.count * (i + 1) / parts;
      p.kernels->transform_input({.grid = &p.grid,
                                  .x = p.call->x,
                                  .zeros = p.zeros.get(),
                                  .channels = p.weights.in,
                                  .first_tile = tiles.first + first,
                                  .tiles = end - first,
                                  .v = v + first * kGroup,
                                  .position_stride = b.position_stride,
                                  .group_stride = b.group_stride()});
    }
  });
}

// m = v u for one panel, whose filters are transformed some input channels at a time.
void multiply_panel(const Problem& p, const Blocks& b, int64_t tiles, int64_t panel, const float* v,
                    float* m) {
  const int64_t columns = p.kernels->columns, at_once = std::min(kGroupsAtOnce, p.groups);
  const int64_t u_stride = at_once * kGroup * columns + kGroup;
  float* u = kept_floats<Use::filters>(b.positions * u_stride);
  for (int64_t group = 0; group < p.groups; group += at_once) {
    const int64_t groups = std::min(at_once, p.groups - group);
    transform_filter_block(*p.kernels, {.weights = &p.weights,
                                        .panel = panel,
                                        .first_group = group,
                                        .groups = groups,
                                        .u = u,
                                        .position_stride = u_stride});
    for (int64_t s = 0; s < b.positions; ++s) {
      p.kernels->multiply({.v = v + s * b.position_stride + group * b.group_stride(),
                           .group_stride = b.group_stride(),
                           .groups = groups,
                           .tiles = tiles,
                           .u = u + s * u_stride,
                           .m = m + s * kGroup,
                           .m_group_stride = b.product_stride(),
                           .add = group > 0});
    }
  }
}

void run_panel(const Problem& p, const Blocks& b, const Tiles& tiles, int64_t panel,
               const float* v) {
  const int64_t columns = p.kernels->columns;
  float* m = kept_floats<Use::products>(divide_up(columns, kGroup) * b.product_stride());
  multiply_panel(p, b, tiles.count, panel, v, m);
  const int64_t end = std::min((panel + 1) * columns, p.weights.out);
  for (int64_t channel = panel * columns; channel < end; channel += kGroup) {
    p.kernels->transform_output({.grid = &p.grid,
                                 .m = m,
                                 .bias = p.bias.get() + channel,
                                 .residual = p.call->residual,
                                 .y = p.call->y,
                                 .channels = p.weights.out,
                                 .first_channel = channel,
                                 .count = std::min(kGroup, end - channel),
                                 .first_tile = tiles.first,
                                 .tiles = tiles.count,
                                 .activation = p.call->activation});
    m += b.product_stride();
  }
}

void run_blocks(const Problem& p, const Workers& workers) {
  const Blocks b = blocks_of(p);
  float* v = kept_floats<Use::input>(b.positions * b.position_stride);
  for (int64_t i = 0; i < b.count; ++i) {
    const int64_t first = p.tiles * i / b.count;
    const Tiles tiles = {first, p.tiles * (i + 1) / b.count - first};
    transform_inputs(p, b, tiles, v, workers);
    std::atomic<int64_t> next = 0;
    workers.run([&] {
      for (int64_t panel = next++; panel < p.panels; panel = next++)
        run_panel(p, b, tiles, panel, v);
    });
  }
}

void pack_panels(const Problem& p, int64_t first, int64_t count, float* u, const Workers& workers) {
  const int64_t panel_floats = p.groups * kGroup * p.kernels->columns;
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    for (int64_t i = next++; i < count; i = next++) {
      transform_filter_block(*p.kernels, {.weights = &p.weights,
                                          .panel = first + i,
                                          .first_group = 0,
                                          .groups = p.groups,
                                          .u = u + i * panel_floats,
                                          .position_stride = count * panel_floats});
    }
  });
}

// In slices, so that packed memory stays small.
void run_slices(const Problem& p, const Workers& workers) {
  const int64_t columns = p.kernels->columns, panel_floats = p.groups * kGroup * columns;
  const int64_t packed_floats = panel_floats * p.kernels->positions();
  const int64_t most = std::max<int64_t>(1, kMostPackedFloats / packed_floats);
  const int64_t slices = divide_up(p.panels, most);
  float* u = kept_floats<Use::packed>(divide_up(p.panels, slices) * packed_floats);
  for (int64_t i = 0; i < slices; ++i) {
    const int64_t first = p.panels * i / slices, end = p.panels * (i + 1) / slices;
    pack_panels(p, first, end - first, u, workers);
    run_packed({.kernels = p.kernels,
                .in = p.weights.in,
                .groups = p.groups,
                .panels = end - first,
                .u = u,
                .bias = p.bias.get() + first * columns,
                .zeros = p.zeros.get(),
                .channels = p.weights.out,
                .first = first * columns,
                .end = std::min(end * columns, p.weights.out)},
               *p.call, workers);
  }
}

}  // namespace

void winograd_conv(const WinogradWeights& weights, const WinogradCall& call, const Workers& workers,
                   InstructionSet set) {
  const int64_t out_width = call.shape.width + 2 * call.shape.padding - 2;
  const int64_t tile = call.tile != 0 ? call.tile : winograd_tile(out_width);
  ZC_BUG_IF(tile != 4 && tile != 6);
  const WinogradKernels* kernels = winograd_kernels_for(set, tile);
  ZC_BUG_IF(weights.in < 1 || weights.out < 1 || kernels == nullptr);
  const int64_t groups = divide_up(weights.in, kGroup);
  const WinogradGrid grid = winograd_grid(call.shape, tile);
  const Problem p = {.kernels = kernels,
                     .weights = with_strides(weights),
                     .call = &call,
                     .grid = grid,
                     .tiles = call.shape.batch * grid.tiles_down * grid.tiles_across,
                     .groups = groups,
                     .panels = divide_up(weights.out, kernels->columns),
                     .bias = padded_bias(weights, kernels->columns),
                     .zeros = zero_floats(groups * kGroup)};
  p.tiles * kernels->positions() < kManyProducts ? run_blocks(p, workers) : run_slices(p, workers);
}

}  // namespace zc::kernels
