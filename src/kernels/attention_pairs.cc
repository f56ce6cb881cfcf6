// SPDX-License-Identifier: Apache-2.0
// Attention whose products are in pairs of terms (pairs_avx512.h). Logits = K Q^T and outputs =
// V^T P^T: keys or channels are the rows of x, queries the columns of weights. Keys and values of a
// head are packed once for all its queries. This file alone is compiled for it.
//
// Keys are scaled as a whole, queries each for itself, and what undoes both is part of the step
// from logits to powers. Powers are at most 1 and stay as they are; values are brought to 2^-5, so
// that neither the squares of many powers near 1 nor those of values beside few powers show.
#include "kernels/attention_kernels.h"

#if defined(__AVX512F__)

#include "kernels/attention_body.h"
#include "kernels/pairs_avx512.h"

namespace zc::kernels {
namespace {

using V = SixteenFloats;

constexpr int64_t kQueries = kPanel<V>, kBlockPanels = 4;
static_assert(kQueries == kPairColumns && kForwardKeys % kPairUnit == 0);
constexpr float kValueSize = 0x1p-5f;
// Stores of whole vectors reach behind the last row.
constexpr int64_t kSlack = 16;

#define ZC_INLINE inline __attribute__((always_inline))

// Rows in tiles as equal as can be.
struct RowTiles {
  int64_t rows, count;
  explicit RowTiles(int64_t the_rows)
      : rows(the_rows), count((the_rows + kPairRows - 1) / kPairRows) {}
  int64_t first(int64_t tile) const { return rows * tile / count; }
};

// Of one call, all parts multiples of 64 bytes. Tiles of packed rows follow each other, each
// [depth][rows of the tile] and then, for each row, minus the sum of its pairs' products.
struct PairedMemory {
  PairedMemory(int64_t the_channels, int64_t keys, int64_t padded_queries)
      : channels(the_channels),
        depth(padded_depth(the_channels)),
        blocks((keys + kForwardKeys - 1) / kForwardKeys),
        padded(padded_queries) {}

  int64_t key_block_floats() const { return kForwardKeys * (depth + 1); }
  int64_t value_block_floats() const { return channels * (kForwardKeys + 1); }
  int64_t head_floats() const {
    return (blocks * (key_block_floats() + value_block_floats()) + 2 * kSlack + 15) / 16 * 16;
  }
  int64_t panel_floats() const { return (depth + 2 + channels) * kQueries; }
  int64_t floats() const {
    return 2 * padded + head_floats() + kBlockPanels * panel_floats() + 2 * kQueries +
           kForwardKeys * kQueries;
  }

  float* keys(float* memory, int64_t block) const {
    return memory + 2 * padded + block * key_block_floats();
  }
  float* values(float* memory, int64_t block) const {
    return keys(memory, blocks) + kSlack + block * value_block_floats();
  }
  float* panel(float* memory, int64_t index) const {
    return memory + 2 * padded + head_floats() + index * panel_floats();
  }
  float* alpha(float* memory) const { return panel(memory, kBlockPanels); }

  int64_t channels, depth;  // depth: channels, up to whole pairs
  int64_t blocks;           // of kForwardKeys keys
  int64_t padded;
};

int64_t floats_of_pairs(int64_t channels, int64_t keys, int64_t padded_queries) {
  return PairedMemory(channels, keys, padded_queries).floats();
}

// 2^-e for rows of size 2^e, so that its inverse is a number too.
float scale_of_rows(AttentionRows<const float> x, int64_t rows, int64_t channels) {
  Sizes sizes;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < channels; c += V::width)
      take<0>(sizes, read_floats<V>(x.data + i * x.stride + c, channels - c));
  }
  const auto squares = V::set1(_mm512_reduce_add_ps(sizes.squares[0]));
  const auto largest = V::set1(_mm512_reduce_max_ps(sizes.largest));
  const float scale = _mm512_cvtss_f32(scales_of(squares, largest, rows * channels).scale);
  return scale < 0x1p-100f ? 0x1p-100f : scale > 0x1p100f ? 0x1p100f : scale;
}

ZC_INLINE V::Reg minus_products_of(const V::Reg* four) {
  return _mm512_fmsub_ps(four[2], four[3], V::mul(four[0], four[1]));
}

// Keys: rows that are turned, their channels being the depth.
void pack_key_tile(AttentionRows<const float> k, int64_t rows, int64_t channels, float scale,
                   float* to) {
  const int64_t depth = padded_depth(channels);
  auto minus_products = V::set1(0.0f);
  for (int64_t c = 0; c < depth; c += V::width) {
    V::Reg r[V::width];
#pragma GCC unroll 16
    for (int64_t i = 0; i < V::width; ++i) {
      r[i] = V::set1(0.0f);
      if (i < rows) r[i] = read_floats<V>(k.data + i * k.stride + c, channels - c);
      r[i] = V::mul(V::set1(scale), r[i]);
    }
    V::transpose(r);
    for (int64_t i = 0; i < V::width && c + i < depth; i += kPairUnit) {
      minus_products = V::add(minus_products, minus_products_of(r + i));
      for (int64_t j = 0; j < kPairUnit; ++j) V::store(to + (c + i + j) * rows, r[i + j]);
    }
  }
  V::store(to + depth * rows, minus_products);
}

// Values: channels are the rows, keys the depth.
void pack_value_tile(AttentionRows<const float> v, int64_t keys, int64_t rows, float scale,
                     float* to) {
  auto minus_products = V::set1(0.0f);
  const int64_t depth = padded_depth(keys);
  for (int64_t j = 0; j < depth; j += kPairUnit) {
    V::Reg r[kPairUnit];
    for (int64_t i = 0; i < kPairUnit; ++i) {
      r[i] = V::set1(0.0f);
      if (j + i < keys)
        r[i] = V::mul(V::set1(scale), V::load_partial(v.data + (j + i) * v.stride, rows));
      V::store(to + (j + i) * rows, r[i]);
    }
    minus_products = V::add(minus_products, minus_products_of(r));
  }
  V::store(to + depth * rows, minus_products);
}

struct HeadScales {
  float keys, values;  // what both were multiplied with
};

HeadScales pack_head(const AttentionForward& f, const PairedMemory& m) {
  const HeadScales scales = {scale_of_rows(f.k, f.keys, f.channels),
                             scale_of_rows(f.v, f.keys, f.channels) * kValueSize};
  for (int64_t block = 0; block < m.blocks; ++block) {
    const int64_t first = block * kForwardKeys, keys = smaller(kForwardKeys, f.keys - first);
    const RowTiles key_tiles(keys);
    for (int64_t i = 0; i < key_tiles.count; ++i) {
      const int64_t row = key_tiles.first(i), rows = key_tiles.first(i + 1) - row;
      pack_key_tile({f.k.data + (first + row) * f.k.stride, f.k.stride}, rows, f.channels,
                    scales.keys, m.keys(f.memory, block) + row * (m.depth + 1));
    }
  }
  for (int64_t block = 0; block < m.blocks; ++block) {
    const int64_t first = block * kForwardKeys, keys = smaller(kForwardKeys, f.keys - first);
    const RowTiles channel_tiles(f.channels);
    for (int64_t i = 0; i < channel_tiles.count; ++i) {
      const int64_t row = channel_tiles.first(i), rows = channel_tiles.first(i + 1) - row;
      pack_value_tile({f.v.data + first * f.v.stride + row, f.v.stride}, keys, rows, scales.values,
                      m.values(f.memory, block) + row * (padded_depth(keys) + 1));
    }
  }
  return scales;
}

// Some packed rows with a panel of queries: to[row][query] = start + sum over k of x[k][row]
// weights[k][query], where the start is what `to` holds times alpha, or zero where alpha is null.
struct PairedProduct {
  const float* x;
  const float* weights;
  const float* weight_extra;  // minus the sums of the columns' products
  int64_t depth;
  const float* alpha;
  float* to;
};

template <int64_t rows>
__attribute__((noinline)) void multiply_pairs(const PairedProduct& p) {
  const float* x_extra = p.x + p.depth * rows;
  __m512 sum[rows][kPairParts];
#pragma GCC unroll 2
  for (int64_t j = 0; j < kPairParts; ++j) {
    const __m512 own = _mm512_loadu_ps(p.weight_extra + j * kPairLanes);
    if (p.alpha == nullptr) {
#pragma GCC unroll 16
      for (int64_t i = 0; i < rows; ++i) sum[i][j] = plus(own, x_extra + i);
    } else {
      const __m512 alpha = _mm512_loadu_ps(p.alpha + j * kPairLanes);
#pragma GCC unroll 16
      for (int64_t i = 0; i < rows; ++i) {
        const __m512 before = _mm512_loadu_ps(p.to + i * kQueries + j * kPairLanes);
        sum[i][j] = plus(_mm512_fmadd_ps(before, alpha, own), x_extra + i);
      }
    }
  }
  add_pairs<rows, rows>(p.x, p.weights, p.depth, sum);
#pragma GCC unroll 16
  for (int64_t i = 0; i < rows; ++i) {
#pragma GCC unroll 2
    for (int64_t j = 0; j < kPairParts; ++j)
      _mm512_storeu_ps(p.to + i * kQueries + j * kPairLanes, sum[i][j]);
  }
}

template <int64_t rows>
void multiply_pairs_up_to(const PairedProduct& p, int64_t count) {
  if constexpr (rows > 1) {
    if (count < rows) return multiply_pairs_up_to<rows - 1>(p, count);
  }
  multiply_pairs<rows>(p);
}

// All rows of a block of keys or values, whose tiles follow each other.
void multiply_tiles(PairedProduct p, int64_t rows) {
  const RowTiles tiles(rows);
  const float* x = p.x;
  float* to = p.to;
  for (int64_t i = 0; i < tiles.count; ++i) {
    const int64_t row = tiles.first(i);
    p.x = x + row * (p.depth + 1);
    p.to = to + row * kQueries;
    multiply_pairs_up_to<kPairRows>(p, tiles.first(i + 1) - row);
  }
}

// A panel of queries.
struct PairedPanel {
  int64_t first_query, queries;
  float* q;  // [depth][panel], then what undoes the scales, then minus the sums of the products
  float* o;  // [channels][panel]
  float *largest, *sum;
};

PairedPanel paired_panel(const AttentionForward& f, const PairedMemory& m, int64_t index) {
  const int64_t first = index * kQueries;
  float* q = m.panel(f.memory, index % kBlockPanels);
  return {.first_query = f.first_query + first,
          .queries = smaller(kQueries, f.queries - first),
          .q = q,
          .o = q + (m.depth + 2) * kQueries,
          .largest = f.memory + first,
          .sum = f.memory + m.padded + first};
}

void pack_queries(const AttentionForward& f, const PairedMemory& m, const PairedPanel& p,
                  float key_scale) {
  rows_to_panel<V>({f.q.data + p.first_query * f.q.stride, f.q.stride}, p.queries, f.channels,
                   f.scale * kLog2e, p.q);
  float* undo = p.q + m.depth * kQueries;
  for (int64_t lane = 0; lane < kQueries; lane += V::width) {
    float* q = p.q + lane;
    scale_into(sizes_of(q, f.channels, kQueries), q, q, f.channels, kQueries);
    V::store(undo + lane, V::mul(V::load(undo + lane), V::set1(1.0f / key_scale)));
  }
}

// One vector of queries in the step from logits to powers; see softmax_step of attention_body.h.
struct PowersLane {
  float* s;                      // [padded_depth(keys)][panel]: logits, scaled -> powers
  const float* undo;             // of the scale
  float *largest, *sum, *alpha;  // logits to the base 2
  float* minus_products;         // of powers
};

void powers_step(const PowersLane& lane, int64_t keys, bool first) {
  const auto undo = V::load(lane.undo);
  V::Reg top[4];
#pragma GCC unroll 4
  for (int64_t i = 0; i < 4; ++i) top[i] = V::load(lane.s);
  int64_t j = 0;
  for (; j + 4 <= keys; j += 4) {
#pragma GCC unroll 4
    for (int64_t i = 0; i < 4; ++i) top[i] = V::max(top[i], V::load(lane.s + (j + i) * kQueries));
  }
  for (; j < keys; ++j) top[0] = V::max(top[0], V::load(lane.s + j * kQueries));
  auto now = V::mul(V::max(V::max(top[0], top[1]), V::max(top[2], top[3])), undo);
  const auto old = V::load(lane.largest);
  if (!first) now = V::max(now, old);
  auto total = V::set1(0.0f), minus_products = V::set1(0.0f);
  for (j = 0; j < keys; j += kPairUnit) {
    V::Reg p[kPairUnit];
#pragma GCC unroll 4
    for (int64_t i = 0; i < kPairUnit; ++i) {
      float* at = lane.s + (j + i) * kQueries;
      p[i] = V::set1(0.0f);
      if (j + i < keys) p[i] = power_of_two<V>(_mm512_fmsub_ps(V::load(at), undo, now));
      V::store(at, p[i]);
      total = V::add(total, p[i]);
    }
    minus_products = V::add(minus_products, minus_products_of(p));
  }
  V::store(lane.minus_products, minus_products);
  if (!first) {
    const auto shrink = power_of_two<V>(V::sub(old, now));
    V::store(lane.alpha, shrink);
    total = V::fma(V::load(lane.sum), shrink, total);
  }
  V::store(lane.largest, now);
  V::store(lane.sum, total);
}

void paired_step(const AttentionForward& f, const PairedMemory& m, const PairedPanel& panel,
                 int64_t block) {
  const int64_t keys = smaller(kForwardKeys, f.keys - block * kForwardKeys);
  float* alpha = m.alpha(f.memory);
  float* minus_products = alpha + kQueries;
  float* s = minus_products + kQueries;
  const float* undo = panel.q + m.depth * kQueries;
  multiply_tiles({.x = m.keys(f.memory, block),
                  .weights = panel.q,
                  .weight_extra = undo + kQueries,
                  .depth = m.depth,
                  .alpha = nullptr,
                  .to = s},
                 keys);
  for (int64_t lane = 0; lane < kQueries; lane += V::width) {
    powers_step({.s = s + lane,
                 .undo = undo + lane,
                 .largest = panel.largest + lane,
                 .sum = panel.sum + lane,
                 .alpha = alpha + lane,
                 .minus_products = minus_products + lane},
                keys, block == 0);
  }
  multiply_tiles({.x = m.values(f.memory, block),
                  .weights = s,
                  .weight_extra = minus_products,
                  .depth = padded_depth(keys),
                  .alpha = block == 0 ? nullptr : alpha,
                  .to = panel.o},
                 f.channels);
}

void forward_pairs(const AttentionForward& f) {
  const PairedMemory m(f.channels, f.keys, (f.queries + kQueries - 1) / kQueries * kQueries);
  const HeadScales scales = pack_head(f, m);
  const int64_t panels = m.padded / kQueries;
  for (int64_t first = 0; first < panels; first += kBlockPanels) {
    const int64_t end = smaller(first + kBlockPanels, panels);
    for (int64_t i = first; i < end; ++i) pack_queries(f, m, paired_panel(f, m, i), scales.keys);
    for (int64_t block = 0; block < m.blocks; ++block) {
      for (int64_t i = first; i < end; ++i) paired_step(f, m, paired_panel(f, m, i), block);
    }
    float* factor = m.alpha(f.memory);
    for (int64_t i = first; i < end; ++i) {
      const PairedPanel panel = paired_panel(f, m, i);
      for (int64_t lane = 0; lane < panel.queries; lane += V::width) {
        V::store(factor + lane, V::div(V::set1(1.0f / scales.values), V::load(panel.sum + lane)));
      }
      panel_to_rows<V>(panel.o, factor, panel.queries, f.channels,
                       {f.o.data + panel.first_query * f.o.stride, f.o.stride});
    }
  }
}

#undef ZC_INLINE

}  // namespace

const AttentionKernels* attention_pairs() {
  static const AttentionKernels* const kernels = []() -> const AttentionKernels* {
    if (attention_avx512() == nullptr || !adds_beside_products()) return nullptr;
    static AttentionKernels own = *attention_avx512();
    own.forward = forward_pairs;
    own.forward_memory = floats_of_pairs;
    own.prepares_keys = true;
    return &own;
  }();
  return kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const AttentionKernels* attention_pairs() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
