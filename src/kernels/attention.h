// SPDX-License-Identifier: Apache-2.0
// Attention in float32 without the table of all logits: softmax(q k^T * scale) v and its gradients,
// by blocks, heads read and written where the projections have them (arXiv 2205.14135, 2307.08691).
//
// Rows stay where they are: nothing is transposed or copied but one block of queries at a time, and
// the memory that a thread needs depends on the number of channels alone. The exponential has a
// relative error below 3e-7; sums are taken in float32, so a result has the error of a direct sum
// in float32 (about 1e-6 of the largest value of v).
#pragma once

#include <cstdint>

#include "kernels/machine.h"

namespace zc::kernels {

struct AttentionShape {
  int64_t batch;
  int64_t heads;
  int64_t queries;
  int64_t keys;
  int64_t channels;  // of one head
  // Query i sees the keys 0 to i, also where there are more keys than queries or fewer.
  bool causal = false;
};

// The vector of channels of a sample, row and head begins at data + sample * batch_stride +
// row * row_stride + head * head_stride, in floats; its channels follow each other. A projection's
// output [batch,rows,heads*channels] has the strides rows * heads * channels, heads * channels and
// channels.
template <class Float>
struct HeadRows {
  Float* data;
  int64_t batch_stride, row_stride, head_stride;
};

// o = softmax(q k^T * scale) v in every sample and head
struct AttentionCall {
  AttentionShape shape;
  float scale;  // usually 1 / sqrt(channels)
  HeadRows<const float> q, k, v;
  HeadRows<float> o;           // not q, k or v
  float* logsumexp = nullptr;  // [batch,heads,queries], for attention_backward(); null: none
  // Unless causal or with few keys: the elements of q, k and v, and the weights of the values,
  // enter as MatmulRounding::fast says. Working memory then grows with the keys: 8 bytes for each
  // channel of each key, up to 8 MiB where products are in pairs.
  bool fast = false;
  bool high_only = false;  // where AMX splits: as SplitConvCall::high_only
};

// Throws bug for sizes below 1. Not a number passes: a query or key that holds one makes those rows
// of o not a number that see it. A result does not depend on the number of workers, nor on what
// else is in the batch; it differs between instruction sets by rounding. Each thread keeps its
// working memory (about 1 KiB for each channel of a head, and 64 KiB) for the next call.
void attention(const AttentionCall& call, const Workers& workers = {},
               InstructionSet set = instruction_sets().back());

// The gradients of attention() for the gradient of o.
struct AttentionGradCall {
  AttentionShape shape;
  float scale;
  HeadRows<const float> q, k, v;
  HeadRows<const float> o;  // as attention() gave it
  const float* logsumexp;   // likewise
  HeadRows<const float> grad_o;
  // Overwritten. Null data: not wanted.
  HeadRows<float> grad_q = {}, grad_k = {}, grad_v = {};
};

// What is said of attention() holds here too; working memory: 3 KiB for each channel, and 80 KiB.
void attention_backward(const AttentionGradCall& call, const Workers& workers = {},
                        InstructionSet set = instruction_sets().back());

}  // namespace zc::kernels
