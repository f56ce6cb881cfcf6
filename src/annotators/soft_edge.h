// SPDX-License-Identifier: Apache-2.0
// What the soft edge networks' detectors share after the network.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "base/options.h"
#include "image/image.h"
#include "image/resize.h"

namespace zc {

// Of HED and PiDiNet.
struct SoftEdgeOptions {
  bool safe = false;
};

template <OptionsOf<SoftEdgeOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("safe", o.safe, "only three levels of grey, in which no picture can hide");
}

// Of [B,C,H,W].
ImageSize size_of_planes(const at::Tensor& x);

// White edges on black, one channel, out of a network's maps before the sigmoid, [1,1,h,w] each:
// enlarged bilinearly to `size`, averaged, sigmoid. `safe_steps` above 0 leaves only about so many
// levels of grey (annotator/hed/__init__.py, HEDdetector).
Image soft_edges(std::span<const at::Tensor> logits, ImageSize size, int safe_steps);

}  // namespace zc
