// SPDX-License-Identifier: Apache-2.0
// The few operators that models are made of: the seam where fast kernels go in (kernel_choice.h).
// Plain ATen is always there. Images are [B,C,H,W] (channels-last in memory during inference),
// token sequences [B,T,D].
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace zc::ops {

struct ConvOptions {
  int64_t stride = 1;
  int64_t padding = 0;
};

// x [B,C,H,W], weight [C',C,k,k], bias [C'] or undefined. The weight may be of another type than x
// where conv2d_takes() says so.
at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  ConvOptions o);
bool conv2d_takes(const at::Tensor& x, const at::Tensor& weight, ConvOptions o);
// Rows of a result that a 3x3 convolution computes together where the result is so wide: bands of a
// picture that begin at multiples of them have the numbers of the whole.
int64_t conv_tile_rows(int64_t width);

// x [...,D], weight [D',D], bias [D'] or undefined; `residual` [...,D'], or undefined, is added.
// The weight may be of another type than x where linear_takes() says so.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const at::Tensor& residual = {});
bool linear_takes(const at::Tensor& x, const at::Tensor& weight);
// geglu(linear(x)).
at::Tensor linear_geglu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

struct GroupNormOptions {
  int64_t groups = 32;
  double eps = 1e-5;
  bool silu = false;  // apply x * sigmoid(x) to the result
};
at::Tensor group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      GroupNormOptions o);

// The same in two steps, for pictures that are worked on in bands of rows:
// the same numbers. Only where group_norm() takes the fast kernels (has_group_norm_scales()).
struct GroupNormScales {
  at::Tensor scale, shift;  // [B,C]
};
bool has_group_norm_scales(const at::Tensor& x, const at::Tensor& weight);
GroupNormScales group_norm_scales(const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& bias, GroupNormOptions o);
// Of rows of x, channels-last.
at::Tensor group_norm_apply(const at::Tensor& rows, const GroupNormScales& scales,
                            GroupNormOptions o);

// Over the last dimension.
at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      double eps);

// softmax(q k^T / sqrt(d)) v over heads; q [B,T,N*d], k and v [B,S,N*d] -> [B,T,N*d]. Softmax in
// float32.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     bool causal = false);

// First half of the last dimension times the exact (erf) GELU of the second half (Shazeer 2020).
at::Tensor geglu(const at::Tensor& x);

// Nearest neighbour, twice as high and wide.
at::Tensor upsample_twice(const at::Tensor& x);

at::Tensor silu(const at::Tensor& x);

}  // namespace zc::ops
