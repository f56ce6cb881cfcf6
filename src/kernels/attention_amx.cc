// SPDX-License-Identifier: Apache-2.0
// Attention whose products are split ones (split_kernels.h): logits = K Q^T and outputs = V^T P^T
// have the shape of a convolution of one tap, keys or channels in the place of positions and
// queries in that of filters. Softmax is attention_body.h's. This file alone is compiled for it.
#include "kernels/attention_kernels.h"
#include "kernels/split_kernels.h"

#if defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__linux__)

#include "kernels/attention_body.h"
#include "kernels/vectors_avx512.h"

namespace zc::kernels {
namespace {

using V = SixteenFloats;

constexpr int64_t kQueries = kPanel<V>, kBlockPanels = 4;
static_assert(kQueries == kSplitColumns && kForwardKeys % kSplitTerms == 0);

constexpr int64_t rounded_up(int64_t a, int64_t unit) {
  return (a + unit - 1) / unit * unit;
}

// Of one call, all parts multiples of 64 bytes.
struct AmxMemory {
  AmxMemory(int64_t channels, int64_t keys, int64_t padded_queries)
      : steps((channels + kSplitTerms - 1) / kSplitTerms),
        rows(steps * kSplitTerms),
        key_stride(steps * 2 * kSplitTerms + kSplitTerms),
        padded_keys(rounded_up(keys, kSplitTerms)),
        value_stride(padded_keys * 2 + kSplitTerms),
        padded(padded_queries) {}

  int64_t head_floats() const { return (padded_keys * key_stride + rows * value_stride) / 2; }
  int64_t panel_floats() const { return steps * kSplitStepHalves / 2 + rows * kQueries; }
  int64_t floats() const {
    return 2 * padded + head_floats() + kBlockPanels * panel_floats() + kQueries +
           kForwardKeys * kQueries + kForwardKeys / kSplitTerms * kSplitStepHalves / 2;
  }

  uint16_t* keys(float* memory) const { return reinterpret_cast<uint16_t*>(memory + 2 * padded); }
  uint16_t* values(float* memory) const { return keys(memory) + padded_keys * key_stride; }
  float* panel(float* memory, int64_t index) const {
    return memory + 2 * padded + head_floats() + index * panel_floats();
  }
  float* alpha(float* memory) const { return panel(memory, kBlockPanels); }

  int64_t steps;  // of channels
  int64_t rows;   // channels, in whole steps
  int64_t key_stride, padded_keys;
  int64_t value_stride;  // between channels
  int64_t padded;
};

int64_t floats_amx(int64_t channels, int64_t keys, int64_t padded_queries) {
  return AmxMemory(channels, keys, padded_queries).floats();
}

// Keys as they lie; values with keys along the rows.
void prepare_head(const AttentionForward& f, const AmxMemory& m, const SplitKernels& split) {
  split.split_line({.x = f.k.data,
                    .before = 0,
                    .count = f.keys,
                    .after = m.padded_keys - f.keys,
                    .channels = f.channels,
                    .x_stride = f.k.stride,
                    .position_stride = m.key_stride,
                    .to = m.keys(f.memory)});
  float* turned = m.panel(f.memory, 0) + m.steps * kSplitStepHalves / 2;  // that panel's outputs
  for (int64_t key = 0; key < f.keys; key += kSplitTerms) {
    rows_to_panel<V>({f.v.data + key * f.v.stride, f.v.stride}, smaller(kSplitTerms, f.keys - key),
                     f.channels, 1.0f, turned);
    split.split_line({.x = turned,
                      .before = 0,
                      .count = f.channels,
                      .after = m.rows - f.channels,
                      .channels = kSplitTerms,
                      .x_stride = kQueries,
                      .position_stride = m.value_stride,
                      .to = m.values(f.memory) + key * 2});
  }
}

struct AmxPanel {
  int64_t first, queries;  // of the call's
  uint16_t* q;             // a group of split weights
  float* o;                // [rows][panel]
  float *largest, *sum;
};

AmxPanel amx_panel(const AttentionForward& f, const AmxMemory& m, int64_t block, int64_t index) {
  const int64_t first = block + index * kQueries;
  float* at = m.panel(f.memory, index);
  return {.first = first,
          .queries = smaller(kQueries, f.queries - first),
          .q = reinterpret_cast<uint16_t*>(at),
          .o = at + m.steps * kSplitStepHalves / 2,
          .largest = f.memory + first,
          .sum = f.memory + m.padded + first};
}

void prepare_queries(const AttentionForward& f, const AmxMemory& m, const AmxPanel& p,
                     const SplitKernels& split) {
  const int64_t query = f.first_query + p.first;
  rows_to_panel<V>({f.q.data + query * f.q.stride, f.q.stride}, p.queries, f.channels,
                   f.scale * kLog2e, p.o);
  for (int64_t i = f.channels * kQueries; i < m.rows * kQueries; ++i) p.o[i] = 0.0f;
  for (int64_t step = 0; step < m.steps; ++step)
    split.split_weights(p.o + step * kSplitTerms * kQueries, kQueries,
                        p.q + step * kSplitStepHalves);
}

// Tiles of 32 rows from x on, `rows` of them in all, times the steps at `weights`.
void multiply_rows(const SplitKernels& split, const uint16_t* x, int64_t row_stride, int64_t rows,
                   const uint16_t* weights, int64_t steps, bool add, bool high_only, float* sums) {
  for (int64_t row = 0; row < rows; row += 2 * kSplitRows) {
    const uint16_t* at = x + row * row_stride;
    split.multiply({.x = {at, at + kSplitRows * row_stride},
                    .row_stride = row_stride,
                    .tap_stride = 0,
                    .weights = weights,
                    .weights_stride = 0,
                    .taps = 1,
                    .steps = steps,
                    .add = add,
                    .high_only = high_only,
                    .sums = sums + row * kQueries});
  }
}

void step_amx(const AttentionForward& f, const AmxMemory& m, const AmxPanel& p, int64_t first_key,
              const SplitKernels& split) {
  const int64_t keys = smaller(kForwardKeys, f.keys - first_key);
  const int64_t padded = rounded_up(keys, kSplitTerms);
  float* alpha = m.alpha(f.memory);
  float* s = alpha + kQueries;
  auto* powers = reinterpret_cast<uint16_t*>(s + kForwardKeys * kQueries);
  multiply_rows(split, m.keys(f.memory) + first_key * m.key_stride, m.key_stride, padded, p.q,
                m.steps, false, f.high_only, s);
  for (int64_t lane = 0; lane < kQueries; lane += V::width) {
    softmax_step<V>(s + lane, keys, first_key == 0, p.largest + lane, p.sum + lane, alpha + lane);
  }
  for (int64_t i = keys * kQueries; i < padded * kQueries; ++i) s[i] = 0.0f;
  for (int64_t key = 0; key < padded; key += kSplitTerms)
    split.split_weights(s + key * kQueries, kQueries,
                        powers + key / kSplitTerms * kSplitStepHalves);
  for (int64_t i = 0; first_key != 0 && i < f.channels * kQueries; i += V::width)
    V::store(p.o + i, V::mul(V::load(p.o + i), V::load(alpha + i % kQueries)));
  multiply_rows(split, m.values(f.memory) + first_key * 2, m.value_stride, m.rows, powers,
                padded / kSplitTerms, first_key != 0, f.high_only, p.o);
}

void forward_amx(const AttentionForward& f) {
  const SplitKernels& split = *split_amx();
  const AmxMemory m(f.channels, f.keys, rounded_up(f.queries, kQueries));
  prepare_head(f, m, split);
  split.begin();
  for (int64_t block = 0; block < f.queries; block += kBlockPanels * kQueries) {
    const int64_t left = rounded_up(f.queries - block, kQueries) / kQueries;
    const int64_t panels = smaller(kBlockPanels, left);
    for (int64_t i = 0; i < panels; ++i) prepare_queries(f, m, amx_panel(f, m, block, i), split);
    for (int64_t key = 0; key < f.keys; key += kForwardKeys) {
      for (int64_t i = 0; i < panels; ++i) step_amx(f, m, amx_panel(f, m, block, i), key, split);
    }
    for (int64_t i = 0; i < panels; ++i) {
      const AmxPanel p = amx_panel(f, m, block, i);
      float* alpha = m.alpha(f.memory);
      for (int64_t lane = 0; lane < kQueries; lane += V::width)
        V::store(alpha + lane, V::div(V::set1(1.0f), V::load(p.sum + lane)));
      panel_to_rows<V>(p.o, alpha, p.queries, f.channels,
                       {f.o.data + (f.first_query + p.first) * f.o.stride, f.o.stride});
    }
  }
  split.end();
}

}  // namespace

const AttentionKernels* attention_amx() {
  static const AttentionKernels* const kernels = []() -> const AttentionKernels* {
    if (attention_avx512() == nullptr || split_amx() == nullptr) return nullptr;
    static AttentionKernels own = *attention_avx512();
    own.forward = forward_amx;
    own.forward_memory = floats_amx;
    own.prepares_keys = true;
    return &own;
  }();
  return kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const AttentionKernels* attention_amx() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
