// SPDX-License-Identifier: Apache-2.0
#include "annotators/same_padding.h"

#include <ATen/ops/constant_pad_nd.h>

#include <algorithm>

namespace zc {
namespace {

int64_t total_padding(int64_t side, int64_t kernel, int64_t stride) {
  const int64_t steps = (side + stride - 1) / stride;
  return std::max<int64_t>((steps - 1) * stride + kernel - side, 0);
}

}  // namespace

at::Tensor pad_same(const at::Tensor& x, int64_t kernel, int64_t stride, double value) {
  const int64_t rows = total_padding(x.size(2), kernel, stride);
  const int64_t columns = total_padding(x.size(3), kernel, stride);
  if (rows == 0 && columns == 0) return x;
  return at::constant_pad_nd(x, {columns / 2, columns - columns / 2, rows / 2, rows - rows / 2},
                             value);
}

}  // namespace zc
