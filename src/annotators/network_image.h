// SPDX-License-Identifier: Apache-2.0
// Pictures on their way into the depth, normal and segmentation networks and out of them.
#pragma once

#include <ATen/core/Tensor.h>

#include "annotators/float_map.h"
#include "image/image.h"

namespace zc {

// [1,3,H,W] float32 of 0..255; grey is repeated, alpha laid over white.
at::Tensor rgb_tensor(const Image& image);

// (x - mean) / std with ImageNet's numbers; x [B,3,H,W] of 0..1.
at::Tensor imagenet_normalized(const at::Tensor& x);

// For networks that need it: as it is when both sides are multiples of `multiple`, else scaled to
// the nearest ones, at least one.
Image scaled_to_multiple(const Image& image, int multiple);

// The only plane of [H,W], [1,H,W] or [1,1,H,W].
FloatMap float_map(const at::Tensor& map);

// map minus its minimum, divided by the new maximum: 0..1; zeros when the map is constant, where
// the reference divides by zero.
FloatMap normalized(FloatMap map);

// clip(x * 255, 0, 255), truncated, of [C,H,W]: C channels.
Image to_bytes(const at::Tensor& planes);

}  // namespace zc
