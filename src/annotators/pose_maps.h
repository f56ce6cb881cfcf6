// SPDX-License-Identifier: Apache-2.0
// What goes before and after all networks of OpenPose: a scaled picture as input, the maps back at
// the size of the picture (annotator/openpose of the reference).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "annotators/float_map.h"
#include "annotators/pose.h"
#include "image/image.h"
#include "image/resize.h"

namespace zc {

// height x width values in double precision, row by row.
struct DoubleMap {
  int width = 0, height = 0;
  std::vector<double> values;
  double* row(int y) { return values.data() + static_cast<size_t>(y) * width; }
  const double* row(int y) const { return values.data() + static_cast<size_t>(y) * width; }
};

DoubleMap to_double(const FloatMap& map);

// scipy.ndimage.gaussian_filter: four sigmas wide, along y, then along x, borders mirrored with the
// outermost pixel repeated.
DoubleMap gaussian_filter(const DoubleMap& map, double sigma);

// By area when it shrinks, otherwise with Lanczos (version 1.1's smart_resize).
Interpolation smart_interpolation(ImageSize from, ImageSize to);

// A picture as the networks take it.
struct PoseInput {
  at::Tensor tensor;  // float32 [1,3,H,W], BGR / 256 - 0.5, padded with grey to multiples of 8
  ImageSize content;  // without the padding
};
PoseInput pose_input(const Image& rgb);

// `rgb` scaled by one factor with bicubic interpolation, to sizes that are rounded while the
// sampling step is not (cv::resize with fx and fy).
Image scaled_by(const Image& rgb, double factor);

// A network's output maps, enlarged to the size of the picture one channel at a time: eightfold,
// the padding cut off, then to `size`.
struct PoseMaps {
  at::Tensor maps;    // float32 [C,H/8,W/8] or with a leading 1
  ImageSize content;  // of the network's input, without the padding
  ImageSize size;
  PoseRules rules = PoseRules::v11;

  FloatMap channel(int64_t index) const;
};

}  // namespace zc
