// SPDX-License-Identifier: Apache-2.0
// Sizes and scaling, pixel for pixel as the reference does it with OpenCV.
#pragma once

#include "image/image.h"

namespace zc {

enum class Interpolation { nearest, linear, cubic, area, lanczos4 };

struct ImageSize {
  int width = 0;
  int height = 0;
  bool operator==(const ImageSize&) const = default;
};

// Three channels: grey is repeated, alpha is laid over white (the reference's annotator/util.py,
// HWC3).
Image hwc3(const Image& image);

// The short side becomes `resolution`, then both are rounded to multiples of 64, halves to even
// (util.py, resize_image). Throws bad_request when a side would be rounded to 0 or the picture
// become larger than kMaxImagePixels.
ImageSize resize_image_size(ImageSize size, int resolution);
// To that size with Lanczos when it grows, by area when it shrinks.
Image resize_image(const Image& image, int resolution);

// Throws bad_request for a side below 1 or more than kMaxImagePixels.
Image resize(const Image& image, ImageSize size, Interpolation interpolation);

// Scaled until it covers the size, then cut around its middle.
Image center_crop_fill(const Image& image, ImageSize size);
// Scaled until it fits into the size, then padded evenly with `fill`.
Image fit_and_pad(const Image& image, ImageSize size, uint8_t fill = 0);

// The part [x, x + width) x [y, y + height), which must lie inside.
Image crop(const Image& image, int x, int y, ImageSize size);

}  // namespace zc
