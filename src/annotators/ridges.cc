// SPDX-License-Identifier: Apache-2.0
#include "annotators/ridges.h"

#include <algorithm>

#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace zc {
namespace {

cv::Mat view(const Image& image) {
  return {image.height, image.width, CV_8UC(image.channels),
          const_cast<uint8_t*>(image.pixels.data())};
}

}  // namespace

Image ridges(const Image& soft_edges, double threshold, double sigma) {
  ZC_BUG_IF(soft_edges.empty() || (soft_edges.channels != 1 && soft_edges.channels != 3));
  static const uint8_t directions[4][9] = {{0, 0, 0, 1, 1, 1, 0, 0, 0},
                                           {0, 1, 0, 0, 1, 0, 0, 1, 0},
                                           {1, 0, 0, 0, 1, 0, 0, 0, 1},
                                           {0, 0, 1, 0, 1, 0, 1, 0, 0}};
  cv::Mat blurred;
  view(soft_edges).convertTo(blurred, CV_32F);
  cv::GaussianBlur(blurred, blurred, {0, 0}, sigma);
  Image lines(soft_edges.width, soft_edges.height, soft_edges.channels);
  cv::Mat largest;
  for (const auto& direction : directions) {
    cv::Mat kernel(3, 3, CV_8UC1);
    std::copy(direction, direction + 9, kernel.data);
    cv::dilate(blurred, largest, kernel);
    ZC_BUG_IF(!blurred.isContinuous() || !largest.isContinuous());
    const auto* value = blurred.ptr<float>();
    const auto* top = largest.ptr<float>();
    for (size_t i = 0; i < lines.pixels.size(); ++i) {
      if (value[i] == top[i] && value[i] > threshold) lines.pixels[i] = 255;
    }
  }
  return lines;
}

Image gaussian_blur(const Image& image, double sigma) {
  ZC_BUG_IF(image.empty());
  Image blurred(image.width, image.height, image.channels);
  cv::Mat target = view(blurred);
  cv::GaussianBlur(view(image), target, {0, 0}, sigma);
  ZC_BUG_IF(target.data != blurred.pixels.data());
  return blurred;
}

}  // namespace zc
