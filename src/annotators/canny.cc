// SPDX-License-Identifier: Apache-2.0
#include "annotators/canny.h"

#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "image/resize.h"

namespace zc {

Image canny(const Image& image, const CannyOptions& options) {
  ZC_BUG_IF(image.empty());
  check_options(options, "canny");
  Image rgb = hwc3(image);
  Image edges(rgb.width, rgb.height, 1);
  const cv::Mat source(rgb.height, rgb.width, CV_8UC3, rgb.pixels.data());
  cv::Mat target(edges.height, edges.width, CV_8UC1, edges.pixels.data());
  constexpr int kAperture = 3;
  constexpr bool kEuclidean = false;
  cv::Canny(source, target, options.low_threshold, options.high_threshold, kAperture, kEuclidean);
  ZC_BUG_IF(target.data != edges.pixels.data());
  return edges;
}

}  // namespace zc
