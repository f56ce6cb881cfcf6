// SPDX-License-Identifier: Apache-2.0
// The gradients of attention of one head by blocks, written once for vectors V of any instruction
// set; what attention_body.h says of itself holds here too.
//
// With P = softmax(scale q k^T), D_i the sum over channels of grad_o_i o_i and
// dS_ij = scale P_ij (grad_o_i v_j - D_i):  grad_q = dS k,  grad_k = dS^T q,  grad_v = P^T grad_o.
// P is computed again from the logarithms of its sums (arXiv 2307.08691, section 3.1.2). Each number
// of a gradient is one sum in the order of the keys, or of the queries, however the work is cut.
#pragma once

#include <cstdint>

#include "kernels/attention_body.h"

namespace zc::kernels {
namespace {

// A panel of queries in the backward pass. Each table [channels][panel] has queries side by side.
struct BackwardPanel {
  int64_t first_query, queries;
  float* q;       // [channels][panel], times scale * log2(e)
  float* grad_o;  // [channels][panel], times scale
  float* grad_q;  // [channels][panel]
  float* q_rows;  // [panel][padded channels]
  float* grad_o_rows;
  float* logsumexp;  // [panel], to the base 2
  float* delta;      // [panel], D_i times scale
};

template <class V>
constexpr int64_t padded_to_vectors(int64_t channels) {
  return (channels + V::width - 1) / V::width * V::width;
}

// Tables of the panel at `first` of a block of queries that begins at first_query.
template <class V>
BackwardPanel backward_panel(const AttentionBackward& b, int64_t first_query, int64_t first) {
  const int64_t padded = padded_to_vectors<V>(b.channels);
  const int64_t table = b.channels * kPanel<V>, rows = padded * kPanel<V>;
  float* memory = b.memory + 2 * kPanel<V> * kBackwardKeys +
                  first / kPanel<V> * (3 * table + 2 * rows + 2 * kPanel<V>);
  return {.first_query = first_query + first,
          .queries = smaller(kPanel<V>, b.first_query + b.queries - first_query - first),
          .q = memory,
          .grad_o = memory + table,
          .grad_q = memory + 2 * table,
          .q_rows = memory + 3 * table,
          .grad_o_rows = memory + 3 * table + rows,
          .logsumexp = memory + 3 * table + 2 * rows,
          .delta = memory + 3 * table + 2 * rows + kPanel<V>};
}

template <class V>
void copy_rows(AttentionRows<const float> x, int64_t count, int64_t channels, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < channels; c += V::width, out += V::width) {
      V::store(out, read_floats<V>(x.data + i * x.stride + c, channels - c));
    }
  }
}

template <class V>
void begin_panel(const AttentionBackward& b, const BackwardPanel& panel) {
  const auto rows = [&](AttentionRows<const float> x) {
    return AttentionRows<const float>{x.data + panel.first_query * x.stride, x.stride};
  };
  const int64_t count = panel.queries, channels = b.channels;
  rows_to_panel<V>(rows(b.q), count, channels, b.scale * kLog2e, panel.q);
  rows_to_panel<V>(rows(b.grad_o), count, channels, b.scale, panel.grad_o);
  rows_to_panel<V>(rows(b.o), count, channels, 1.0f, panel.grad_q);  // for a moment
  for (int64_t lane = 0; lane < kPanel<V>; lane += V::width) {
    auto delta = V::set1(0.0f);
    for (int64_t c = 0; c < channels; ++c) {
      float* o = panel.grad_q + c * kPanel<V> + lane;
      delta = V::fma(V::load(panel.grad_o + c * kPanel<V> + lane), V::load(o), delta);
      V::store(o, V::set1(0.0f));
    }
    V::store(panel.delta + lane, delta);
  }
  for (int64_t i = 0; i < kPanel<V>; ++i) {
    panel.logsumexp[i] = i < count ? b.logsumexp[panel.first_query + i] * kLog2e : 0.0f;
  }
  if (b.grad_k.data != nullptr) copy_rows<V>(rows(b.q), count, channels, panel.q_rows);
  if (b.grad_v.data != nullptr) copy_rows<V>(rows(b.grad_o), count, channels, panel.grad_o_rows);
}

// Logits p and products of v and grad_o dp, [keys][panel] -> P and dS in their place.
template <class V>
void probabilities(const BackwardPanel& panel, int64_t keys, int64_t columns, float* p, float* dp) {
  for (int64_t lane = 0; lane < columns; lane += V::width) {
    const auto logsumexp = V::load(panel.logsumexp + lane), delta = V::load(panel.delta + lane);
    for (int64_t j = 0; j < keys; ++j) {
      const int64_t at = j * kPanel<V> + lane;
      const auto power = power_of_two<V>(V::sub(V::load(p + at), logsumexp));
      V::store(p + at, power);
      V::store(dp + at, V::mul(power, V::sub(V::load(dp + at), delta)));
    }
  }
}

// out[key] += sum over the queries of a panel of weight[key][query] * x[query]
template <class V>
void add_to_keys(const BackwardPanel& panel, int64_t keys, int64_t channels, const float* weight,
                 const float* x, AttentionRows<float> out) {
  product<V, Along::rows>({.a = weight,
                           .a_stride = kPanel<V>,
                           .rows = keys,
                           .depth = panel.queries,
                           .b = x,
                           .b_stride = padded_to_vectors<V>(channels),
                           .c = out.data,
                           .c_stride = out.stride,
                           .columns = channels,
                           .add = true});
}

template <class Float>
ZC_INLINE AttentionRows<Float> rows_from(AttentionRows<Float> x, int64_t first) {
  return {x.data + first * x.stride, x.stride};
}

template <class V>
void backward_step(const AttentionBackward& b, const BackwardPanel& panel, int64_t first_key,
                   int64_t keys) {
  const int64_t columns = panel.queries > V::width ? kPanel<V> : V::width;
  if (b.causal) keys = smaller(keys, panel.first_query + panel.queries - first_key);
  if (keys <= 0) return;
  float *p = b.memory, *ds = b.memory + kPanel<V> * kBackwardKeys;
  const auto multiply = [&](AttentionRows<const float> x, const float* queries, float* table) {
    product<V, Along::rows>({.a = rows_from(x, first_key).data,
                             .a_stride = x.stride,
                             .rows = keys,
                             .depth = b.channels,
                             .b = queries,
                             .b_stride = kPanel<V>,
                             .c = table,
                             .c_stride = kPanel<V>,
                             .columns = columns});
  };
  multiply(b.k, panel.q, p);
  multiply(b.v, panel.grad_o, ds);
  probabilities<V>(panel, keys, columns, p, ds);
  if (b.causal && first_key + keys - 1 > panel.first_query) {
    hide<V>(p, panel.first_query, first_key, keys, 0.0f);
    hide<V>(ds, panel.first_query, first_key, keys, 0.0f);
  }
  if (b.grad_q.data != nullptr) {
    product<V, Along::depth>({.a = rows_from(b.k, first_key).data,
                              .a_stride = b.k.stride,
                              .rows = b.channels,
                              .depth = keys,
                              .b = ds,
                              .b_stride = kPanel<V>,
                              .c = panel.grad_q,
                              .c_stride = kPanel<V>,
                              .columns = columns,
                              .add = true});
  }
  if (b.grad_k.data != nullptr) {
    add_to_keys<V>(panel, keys, b.channels, ds, panel.q_rows, rows_from(b.grad_k, first_key));
  }
  if (b.grad_v.data != nullptr) {
    add_to_keys<V>(panel, keys, b.channels, p, panel.grad_o_rows, rows_from(b.grad_v, first_key));
  }
}

template <class V>
void clear_rows(AttentionRows<float> x, int64_t count, int64_t channels) {
  if (x.data == nullptr) return;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < channels; c += V::width) {
      write_floats<V>(x.data + i * x.stride + c, channels - c, V::set1(0.0f));
    }
  }
}

template <class V>
void backward(const AttentionBackward& b) {
  clear_rows<V>(rows_from(b.grad_k, b.grad_k.data == nullptr ? 0 : b.first_key), b.keys, b.channels);
  clear_rows<V>(rows_from(b.grad_v, b.grad_v.data == nullptr ? 0 : b.first_key), b.keys, b.channels);
  const int64_t end_query = b.first_query + b.queries, end_key = b.first_key + b.keys;
  for (int64_t query = b.first_query; query < end_query; query += b.block) {
    const int64_t queries = smaller(b.block, end_query - query);
    // Queries before the first key see none of these.
    if (b.causal && query + queries <= b.first_key && b.grad_q.data == nullptr) continue;
    for (int64_t i = 0; i < queries; i += kPanel<V>) {
      begin_panel<V>(b, backward_panel<V>(b, query, i));
    }
    for (int64_t key = b.first_key; key < end_key; key += kBackwardKeys) {
      for (int64_t i = 0; i < queries; i += kPanel<V>) {
        backward_step<V>(b, backward_panel<V>(b, query, i), key,
                         smaller(kBackwardKeys, end_key - key));
      }
    }
    if (b.grad_q.data == nullptr) continue;
    for (int64_t i = 0; i < queries; i += kPanel<V>) {
      const BackwardPanel panel = backward_panel<V>(b, query, i);
      for (int64_t j = 0; j < kPanel<V>; ++j) panel.delta[j] = 1.0f;
      panel_to_rows<V>(panel.grad_q, panel.delta, panel.queries, b.channels,
                       rows_from(b.grad_q, panel.first_query));
    }
  }
}

template <class V>
constexpr AttentionKernels attention_kernels_of() {
  return {kPanel<V>, V::width, forward<V>, backward<V>};
}

#undef ZC_INLINE

}  // namespace
}  // namespace zc::kernels
