// SPDX-License-Identifier: Apache-2.0
// The gradients of attention of one head by blocks, written once for vectors V of any instruction
// set; what attention_body.h says of itself holds here too.
//
// With P = softmax(scale q k^T), D_i the sum over channels of grad_o_i o_i and
// dS_ij = scale P_ij (grad_o_i v_j - D_i):  grad_q = dS k,  grad_k = dS^T q,  grad_v = P^T grad_o.
// P is computed again from the logarithms of its sums (arXiv 2307.08691, section 3.1.2). Each
// number of a gradient is one sum in the order of the keys, or of the queries, however the work is
// cut.
#pragma once

#include <cstdint>

#include "kernels/attention_body.h"

namespace zc::kernels {
namespace {

// A block of queries in the backward pass: some panels, the tables [channels][panel] of which
// follow each other.
struct BackwardBlock {
  int64_t first_query, queries;
  // [keys][stride], queries side by side: the logits, then P; products of v and grad_o, then dS.
  float *p, *ds;
  int64_t stride;
  float* q;       // [channels][panel] for each panel, times scale * log2(e)
  float* grad_o;  // likewise, times scale
  float* grad_q;  // likewise
  float* q_rows;  // [queries][table_stride(channels)]
  float* grad_o_rows;
  float* logsumexp;  // [queries], to the base 2
  float* delta;      // [queries], D_i times scale
};

template <class V>
BackwardBlock backward_block(const AttentionBackward& b, int64_t first_query) {
  const int64_t table = b.channels * b.block, rows = table_stride(b.channels) * b.block;
  const int64_t stride = table_stride(b.block);
  float* tables = b.memory + 2 * kBackwardKeys * stride;
  return {.first_query = first_query,
          .queries = smaller(b.block, b.first_query + b.queries - first_query),
          .p = b.memory,
          .ds = b.memory + kBackwardKeys * stride,
          .stride = stride,
          .q = tables,
          .grad_o = tables + table,
          .grad_q = tables + 2 * table,
          .q_rows = tables + 3 * table,
          .grad_o_rows = tables + 3 * table + rows,
          .logsumexp = tables + 3 * table + 2 * rows,
          .delta = tables + 3 * table + 2 * rows + b.block};
}

template <class Float>
ZC_INLINE AttentionRows<Float> rows_from(AttentionRows<Float> x, int64_t first) {
  return {x.data == nullptr ? nullptr : x.data + first * x.stride, x.stride};
}

// Rows to table_stride(channels), zeros behind the channels up to a whole vector.
template <class V>
void copy_rows(AttentionRows<const float> x, int64_t count, int64_t channels, float* out) {
  for (int64_t i = 0; i < count; ++i, out += table_stride(channels)) {
    for (int64_t c = 0; c < channels; c += V::width) {
      V::store(out + c, read_floats<V>(x.data + i * x.stride + c, channels - c));
    }
  }
}

// The panel at query `i` of a block.
template <class V>
void begin_panel(const AttentionBackward& b, const BackwardBlock& block, int64_t i) {
  const int64_t first = block.first_query + i, table = i * b.channels;
  const int64_t count = smaller(kPanel<V>, block.queries - i);
  rows_to_panel<V>(rows_from(b.q, first), count, b.channels, b.scale * kLog2e, block.q + table);
  rows_to_panel<V>(rows_from(b.grad_o, first), count, b.channels, b.scale, block.grad_o + table);
  rows_to_panel<V>(rows_from(b.o, first), count, b.channels, 1.0f,
                   block.grad_q + table);  // for now
  for (int64_t lane = 0; lane < kPanel<V>; lane += V::width) {
    auto delta = V::set1(0.0f);
    for (int64_t c = 0; c < b.channels; ++c) {
      const int64_t at = table + c * kPanel<V> + lane;
      delta = V::fma(V::load(block.grad_o + at), V::load(block.grad_q + at), delta);
      V::store(block.grad_q + at, V::set1(0.0f));
    }
    V::store(block.delta + i + lane, delta);
  }
  for (int64_t j = 0; j < kPanel<V>; ++j) {
    block.logsumexp[i + j] = j < count ? b.logsumexp[first + j] * kLog2e : 0.0f;
  }
}

template <class V>
void begin_block(const AttentionBackward& b, const BackwardBlock& block) {
  for (int64_t i = 0; i < block.queries; i += kPanel<V>) begin_panel<V>(b, block, i);
  if (b.grad_k.data != nullptr) {
    copy_rows<V>(rows_from(b.q, block.first_query), block.queries, b.channels, block.q_rows);
  }
  if (b.grad_v.data != nullptr) {
    copy_rows<V>(rows_from(b.grad_o, block.first_query), block.queries, b.channels,
                 block.grad_o_rows);
  }
}

// Logits -> P, products of v and grad_o -> dS, in their place; for a panel that sees `keys` keys.
template <class V>
void probabilities(const BackwardBlock& block, int64_t i, int64_t keys, int64_t columns) {
  for (int64_t lane = i; lane < i + columns; lane += V::width) {
    const auto logsumexp = V::load(block.logsumexp + lane), delta = V::load(block.delta + lane);
    for (int64_t j = 0; j < keys; ++j) {
      float *p = block.p + j * block.stride + lane, *ds = block.ds + j * block.stride + lane;
      const auto power = power_of_two<V>(V::sub(V::load(p), logsumexp));
      V::store(p, power);
      V::store(ds, V::mul(power, V::sub(V::load(ds), delta)));
    }
  }
}

// P and dS of the panel at query `i` of a block and of some keys; and what they add to grad_q.
template <class V>
void panel_step(const AttentionBackward& b, const BackwardBlock& block, int64_t i,
                int64_t first_key, int64_t keys) {
  const int64_t columns = block.queries - i > V::width ? kPanel<V> : V::width;
  const auto multiply = [&](AttentionRows<const float> x, const float* queries, float* table) {
    product<V, Along::rows>({.a = rows_from(x, first_key).data,
                             .a_stride = x.stride,
                             .rows = keys,
                             .depth = b.channels,
                             .b = queries + i * b.channels,
                             .b_stride = kPanel<V>,
                             .c = table + i,
                             .c_stride = block.stride,
                             .columns = columns});
  };
  multiply(b.k, block.q, block.p);
  multiply(b.v, block.grad_o, block.ds);
  probabilities<V>(block, i, keys, columns);
  const int64_t offset = block.first_query + i - first_key;
  if (b.causal && keys - 1 > offset) {
    hide<V>(block.p + i, block.stride, keys, offset, 0.0f);
    hide<V>(block.ds + i, block.stride, keys, offset, 0.0f);
  }
  if (b.grad_q.data == nullptr) return;
  product<V, Along::depth>({.a = rows_from(b.k, first_key).data,
                            .a_stride = b.k.stride,
                            .rows = b.channels,
                            .depth = keys,
                            .b = block.ds + i,
                            .b_stride = block.stride,
                            .c = block.grad_q + i * b.channels,
                            .c_stride = kPanel<V>,
                            .columns = columns,
                            .add = true});
}

// out[key] += sum over the queries of a block from `i` on of weight[key][query] * x[query]
template <class V>
void add_to_keys(const AttentionBackward& b, const BackwardBlock& block, int64_t i, int64_t keys,
                 const float* weight, const float* x, AttentionRows<float> out) {
  if (out.data == nullptr) return;
  const int64_t x_stride = table_stride(b.channels);
  product<V, Along::rows>({.a = weight + i,
                           .a_stride = block.stride,
                           .rows = keys,
                           .depth = block.queries - i,
                           .b = x + i * x_stride,
                           .b_stride = x_stride,
                           .c = out.data,
                           .c_stride = out.stride,
                           .columns = b.channels,
                           .add = true});
}

template <class V>
void backward_step(const AttentionBackward& b, const BackwardBlock& block, int64_t first_key,
                   int64_t keys) {
  int64_t first = 0;  // of the panels that see any of these keys
  if (b.causal && first_key > block.first_query) {
    first = (first_key - block.first_query) / kPanel<V> * kPanel<V>;
    if (first >= block.queries) return;
  }
  for (int64_t i = first; i < block.queries; i += kPanel<V>) {
    const int64_t end_query = block.first_query + smaller(i + kPanel<V>, block.queries);
    const int64_t seen = b.causal ? smaller(keys, end_query - first_key) : keys;
    if (seen > 0) panel_step<V>(b, block, i, first_key, seen);
    for (int64_t j = seen > 0 ? seen : 0; j < keys; ++j) {
      for (int64_t lane = i; lane < i + kPanel<V>; lane += V::width) {
        V::store(block.p + j * block.stride + lane, V::set1(0.0f));
        V::store(block.ds + j * block.stride + lane, V::set1(0.0f));
      }
    }
  }
  add_to_keys<V>(b, block, first, keys, block.ds, block.q_rows, rows_from(b.grad_k, first_key));
  add_to_keys<V>(b, block, first, keys, block.p, block.grad_o_rows, rows_from(b.grad_v, first_key));
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
  clear_rows<V>(rows_from(b.grad_k, b.first_key), b.keys, b.channels);
  clear_rows<V>(rows_from(b.grad_v, b.first_key), b.keys, b.channels);
  const int64_t end_query = b.first_query + b.queries, end_key = b.first_key + b.keys;
  for (int64_t query = b.first_query; query < end_query; query += b.block) {
    const BackwardBlock block = backward_block<V>(b, query);
    // Queries before the first key see none of these.
    const bool blind = b.causal && query + block.queries <= b.first_key;
    if (blind && b.grad_q.data == nullptr) continue;
    begin_block<V>(b, block);
    for (int64_t key = b.first_key; key < end_key; key += kBackwardKeys) {
      backward_step<V>(b, block, key, smaller(kBackwardKeys, end_key - key));
    }
    if (b.grad_q.data == nullptr) continue;
    for (int64_t i = 0; i < b.block; ++i) block.delta[i] = 1.0f;  // no more in use
    for (int64_t i = 0; i < block.queries; i += kPanel<V>) {
      panel_to_rows<V>(block.grad_q + i * b.channels, block.delta + i,
                       smaller(kPanel<V>, block.queries - i), b.channels,
                       rows_from(b.grad_q, query + i));
    }
  }
}

template <class V>
constexpr AttentionKernels attention_kernels_of() {
  return {kPanel<V>, forward<V>, backward<V>};
}

#undef ZC_INLINE

}  // namespace
}  // namespace zc::kernels
