// SPDX-License-Identifier: Apache-2.0
// How the predictions with and without the prompt are combined.
#pragma once

#include <ATen/core/Tensor.h>

namespace zc {

// Classifier-free guidance: uncond + scale * (cond - uncond). With scale 1 the caller need not
// compute uncond.
at::Tensor guide(const at::Tensor& cond, const at::Tensor& uncond, double scale);

// Lin et al. (2023), section 3.4: gives the guided prediction back the deviation of cond, mixed
// with `rescale` (0: unchanged).
at::Tensor rescale_guided(const at::Tensor& guided, const at::Tensor& cond, double rescale);

}  // namespace zc
