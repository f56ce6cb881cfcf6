// SPDX-License-Identifier: Apache-2.0
// Classifier-free guidance.
#include "sampling/guidance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/std.h>

#include <numeric>
#include <vector>

namespace zc {

at::Tensor guide(const at::Tensor& cond, const at::Tensor& uncond, double scale) {
  return uncond + (cond - uncond) * scale;
}

at::Tensor rescale_guided(const at::Tensor& guided, const at::Tensor& cond, double rescale) {
  if (rescale == 0) return guided;
  std::vector<int64_t> dims(static_cast<size_t>(cond.dim() - 1));  // all but the batch
  std::iota(dims.begin(), dims.end(), 1);
  const at::Tensor ratio = at::std(cond, dims, /*unbiased=*/true, /*keepdim=*/true) /
                           at::std(guided, dims, /*unbiased=*/true, /*keepdim=*/true);
  return guided * ratio * rescale + guided * (1 - rescale);
}

}  // namespace zc
