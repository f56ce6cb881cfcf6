// SPDX-License-Identifier: Apache-2.0
// Pictures into tensors and back, in the value ranges of the networks.
#pragma once

#include <ATen/core/Tensor.h>

#include "image/image.h"

namespace zc {

// RGB, 0..255 -> [1,3,H,W] in [0,1]: what a ControlNet is shown.
at::Tensor hint_tensor(const Image& map);

// RGB -> [1,3,H,W] = pixel / half_range - 1. The apps of version 1.1 divide by 127.0, so that white
// is above 1.
at::Tensor vae_input(const Image& image, double half_range = 127.5);

// The first channel, 0..255 -> [1,1,H,W] in [0,1].
at::Tensor mask_tensor(const Image& mask);

// [3,H,W] about [-1,1] -> RGB: x * 127.5 + 127.5, clipped, cut down to whole numbers (not rounded),
// as the apps do.
Image picture(const at::Tensor& x);

}  // namespace zc
