// SPDX-License-Identifier: Apache-2.0
// Thin lines out of soft edges (the reference's nms in annotator/util.py).
#pragma once

#include "image/image.h"

namespace zc {

// White where the map, blurred by `sigma` pixels, is above `threshold` and largest along one of
// four directions; black elsewhere. One or three channels; so many has the result.
Image ridges(const Image& soft_edges, double threshold, double sigma);

// cv::GaussianBlur on 8 bits, which takes fewer taps than on float numbers and fixed point.
Image gaussian_blur(const Image& image, double sigma);

}  // namespace zc
