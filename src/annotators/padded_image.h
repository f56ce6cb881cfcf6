// SPDX-License-Identifier: Apache-2.0
// Room at the edge of a picture for the edge and line networks that cannot take all sizes.
#pragma once

#include "image/image.h"

namespace zc {

// With the last row and column repeated until each side is at least `least` and a multiple of
// `multiple`; what is right of and below the original is cut off the map again. The reference,
// which fails there, only sees multiples of 64.
Image padded(const Image& image, int least, int multiple = 1);

}  // namespace zc
