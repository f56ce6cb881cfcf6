// SPDX-License-Identifier: Apache-2.0
// OpenCV's numbers for our interpolations, for .cc files that call cv::resize themselves.
#pragma once

#include "image/resize.h"

namespace zc {

int opencv_interpolation(Interpolation interpolation);

}  // namespace zc
