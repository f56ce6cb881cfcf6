// SPDX-License-Identifier: Apache-2.0
// Maps of float numbers between a network and its picture, with the reference's OpenCV steps.
#pragma once

#include <vector>

#include "image/image.h"
#include "image/resize.h"

namespace zc {

// height x width values, row by row.
struct FloatMap {
  int width = 0, height = 0;
  std::vector<float> values;
  float* row(int y) { return values.data() + static_cast<size_t>(y) * width; }
  const float* row(int y) const { return values.data() + static_cast<size_t>(y) * width; }
};

// cv::resize.
FloatMap resize(const FloatMap& map, ImageSize size, Interpolation interpolation);
// cv::GaussianBlur with ksize 0 (chosen by OpenCV from sigma), border reflect101.
FloatMap gaussian_blur(const FloatMap& map, double sigma);
// clip(x * 255, 0, 255), truncated: one channel (the reference's to8).
Image to_bytes(const FloatMap& map);
// float32(x) * (steps + 1), truncated, / steps (v1.1's safe_step), in place.
void safe_step(FloatMap& map, int steps = 2);

}  // namespace zc
