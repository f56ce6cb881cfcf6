// SPDX-License-Identifier: Apache-2.0
#include "tensor/conv_weight_grad.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>

#include "kernels/matmul.h"
#include "tensor/kernel_choice.h"
#include "tensor/torch_workers.h"

namespace zc {
namespace {

// [B,H+2,W+2,C] with zeros around each picture, contiguous.
at::Tensor padded_rows(const at::Tensor& x) {
  return at::constant_pad_nd(x.detach().permute({0, 2, 3, 1}), {0, 0, 1, 1, 1, 1}).contiguous();
}

}  // namespace

bool suits_weight_products(const at::Tensor& x, const at::Tensor& dy) {
  return fast_kernels_in_use() && kernels::splits_products() && is_plain_float(x) &&
         is_plain_float(dy) && computes_in_float();
}

// In the padded pictures as one list of positions, a tap of the filter is the same step in the list
// everywhere, and where the list runs from one row or picture into the next, dy is zero.
at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& dy) {
  const int64_t in = x.size(1), out = dy.size(1), width = x.size(3) + 2;
  const at::Tensor px = padded_rows(x), pdy = padded_rows(dy);
  const int64_t margin = width + 1, positions = px.size(0) * px.size(1) * width - 2 * margin;
  at::Tensor taps = at::empty({3, 3, out, in}, px.options());
  for (int64_t i = 0; i < 9; ++i) {
    const int64_t step = (i / 3) * width + i % 3;
    const kernels::Matmul product({.depth = positions,
                                   .columns = in,
                                   .weight = px.const_data_ptr<float>() + step * in,
                                   .depth_stride = in,
                                   .column_stride = 1,
                                   .rounding = kernels::MatmulRounding::fast,
                                   .transient = true});
    product.run({.rows = out,
                 .x = pdy.const_data_ptr<float>() + margin * out,
                 .x_row_stride = 1,
                 .x_depth_stride = out,
                 .y = taps.mutable_data_ptr<float>() + i * out * in},
                torch_workers());
  }
  return taps.permute({2, 3, 0, 1}).contiguous();
}

}  // namespace zc
