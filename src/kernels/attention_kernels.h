// SPDX-License-Identifier: Apache-2.0
// What attention.cc asks of each instruction set: one head's attention and gradients for a part of
// its queries or keys.
#pragma once

#include <cstdint>

namespace zc::kernels {

// Keys that queries meet at a time. Forward: logits [keys][panel] stay in a first-level cache (of
// 48 KiB, with AVX-512). Backward: two tables for a block of panels stay in a second-level cache.
inline constexpr int64_t kForwardKeys = 128;
inline constexpr int64_t kBackwardKeys = 64;

// The rows of one head.
template <class Float>
struct AttentionRows {
  Float* data;
  int64_t stride;  // in floats
};

struct AttentionForward {
  int64_t channels, keys;
  float scale;
  bool causal;
  AttentionRows<const float> q, k, v;
  AttentionRows<float> o;
  int64_t first_query, queries;
  // Working memory of forward_floats(), aligned to 64 bytes. The first 2 * padded floats hold, when
  // the kernel returns, the largest logit (to the base 2) and the sum of 2^(logit - largest) of
  // each query, where padded is `queries` rounded up to whole panels.
  float* memory;
  bool high_only = false;  // AttentionCall::high_only
};

struct AttentionBackward {
  int64_t channels;
  float scale;
  bool causal;
  AttentionRows<const float> q, k, v, o, grad_o;
  const float* logsumexp;
  AttentionRows<float> grad_q, grad_k, grad_v;  // null data: not wanted
  // What these queries and these keys have to do with each other; grad_q of these queries is
  // overwritten, and grad_k and grad_v of these keys.
  int64_t first_query, queries;
  int64_t first_key, keys;
  int64_t block;  // queries that share each reading of the keys; whole panels
  float* memory;  // of backward_floats(), aligned to 64 bytes
};

struct AttentionKernels {
  int64_t panel;  // queries side by side in the vectors of a product
  void (*forward)(const AttentionForward&);
  void (*backward)(const AttentionBackward&);
  // Null: forward_floats().
  int64_t (*forward_memory)(int64_t channels, int64_t keys, int64_t padded_queries) = nullptr;
  // Keys and values are prepared anew for each call of `forward`, which should have as many queries
  // as there are.
  bool prepares_keys = false;
};

// The working memory of a call, in floats. Each panel of the forward pass has q and o with queries
// side by side, and the largest logit and the sum.
constexpr int64_t forward_floats(int64_t panel, int64_t channels, int64_t padded_queries) {
  return padded_queries * (2 * channels + 2) + panel * (kForwardKeys + 1);
}

// Floats between the rows of a table: an odd number of cache lines, so that rows fall into
// different sets of a cache.
constexpr int64_t table_stride(int64_t columns) {
  return ((columns + 15) / 16 | 1) * 16;
}

// Each query of the backward pass has q, grad_o and grad_q with queries side by side, q and grad_o
// as rows, and two numbers.
constexpr int64_t backward_floats(int64_t block, int64_t channels) {
  return block * (3 * channels + 2 * table_stride(channels) + 2) +
         2 * table_stride(block) * kBackwardKeys;
}

// Null where the compiler does not know the instruction set. Whether the machine has it is asked
// elsewhere.
const AttentionKernels* attention_portable();
const AttentionKernels* attention_avx2();
const AttentionKernels* attention_avx512();
// Null too where the machine or the system has no AMX. Its forward pass hides no keys (`causal`).
const AttentionKernels* attention_amx();
// Null too where the machine's additions wait for its products. Hides no keys either.
const AttentionKernels* attention_pairs();

}  // namespace zc::kernels
