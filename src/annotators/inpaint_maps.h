// SPDX-License-Identifier: Apache-2.0
// What the inpainting app of version 1.1 makes of a picture and a mask (gradio_inpaint.py).
#pragma once

#include <ATen/core/Tensor.h>

#include "annotators/float_map.h"
#include "base/options.h"
#include "image/image.h"

namespace zc {

struct InpaintOptions {
  double mask_blur = 5.0;
};

template <OptionsOf<InpaintOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("mask_blur", o.mask_blur, Range{0, 64},
        "deviation in pixels by which the mask is softened");
}

struct InpaintMaps {
  Image picture;         // RGB, sides that are multiples of 64
  FloatMap mask_pixel;   // of the picture's size; 1: make anew
  FloatMap mask_latent;  // an eighth of that
  at::Tensor control;    // [3,H,W]: the picture in [0,1], and -1 where mask_pixel is above 0.5
};

// Scales `image` as resize_image does and takes the first channel of `mask`, stretched to it.
// Throws bad_request as resize_image_size does.
InpaintMaps inpaint_maps(const Image& image, const Image& mask, int resolution,
                         const InpaintOptions& options = {});

// What the inpainting ControlNet is shown, [3,H,W]. `picture` is RGB of the mask's size.
at::Tensor inpaint_control(const Image& picture, const FloatMap& mask);

}  // namespace zc
