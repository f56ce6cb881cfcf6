// SPDX-License-Identifier: Apache-2.0
// Convolution in float32 on processors with AMX, whose tiles multiply bfloat16: each element of x
// and of the filters enters as the sum of two bfloat16, which leaves it a relative error of 2^-17;
// the product of the two smaller parts, 2^-16 of the larger ones', is left out. Sums are float32.
//
// Linear layers are convolutions of one tap, with each row a position of one line.
//
// It is the direct sum: three of AMX's products for each of the definition's take about as long as
// a quarter of them in AVX-512, which is what Winograd's F(4x4,3x3) needs besides its transforms;
// small pictures, strides and few tiles cost it nothing more.
#pragma once

#include <cstdint>

#include "kernels/matmul.h"  // ElementType

namespace zc::kernels {

// Filters [out,in,size,size], or twice as many where they are gated. Strides are in elements; those
// of the taps, and of either `in` or `out`, must be as in contiguous memory. A negative tap_stride
// means filters turned by half a turn: `weight` then points to the last tap.
struct SplitConvWeights {
  int64_t in, out;
  int64_t size = 3;  // of a filter, in both directions
  const void* weight;
  ElementType type = ElementType::float32;
  const float* bias = nullptr;  // one for each filter; null: zeros
  // GEGLU: the filters are [value | gate], and y = value * gelu(gate). Not for turned filters.
  bool gated = false;
  int64_t out_stride = 0, in_stride = 0, tap_stride = 1;  // 0: as of a contiguous tensor
};

// y = activation(conv(x) + bias + residual), or value * gelu(gate) + residual where gated.
struct SplitConvCall {
  int64_t batch, height, width;  // of x
  int64_t stride = 1, padding = 1;
  const float* x;  // [batch,height,width,in]
  // [batch,height',width',out], not x; height' = (height + 2 padding - size) / stride + 1
  float* y;
  const float* residual = nullptr;                       // like y, which it may be; null: none
  MatmulActivation activation = MatmulActivation::none;  // none where gated
  // Operands are single bfloat16: relative errors of 2^-9, in less time.
  bool high_only = false;
};

// What the parts of a convolution are made of, see split_kernels.h.
struct SplitKernels;

// Whether this machine and this build have AMX.
bool has_split_conv();

// Throws bug for sizes below 1 and for strides that it does not take. A result does not depend on
// the number of workers, nor on what else is in the batch. Each thread keeps its working memory
// (about 3 MiB; the calling one 8 MiB more, or 32 filters) for the next call. `kernels`: null for
// AMX's.
void split_conv(const SplitConvWeights& weights, const SplitConvCall& call,
                const Workers& workers = {}, const SplitKernels* kernels = nullptr);

}  // namespace zc::kernels
