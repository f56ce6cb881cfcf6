// SPDX-License-Identifier: Apache-2.0
#include "annotators/scribble.h"

#include <algorithm>

#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace zc {
namespace {

constexpr float kThreshold = 127;
constexpr double kSigma = 3.0;

// The reference's nms: white where the blurred map is largest along one of four directions and
// above the threshold.
cv::Mat ridges(const cv::Mat& soft_edges) {
  static const uint8_t directions[4][9] = {{0, 0, 0, 1, 1, 1, 0, 0, 0},
                                           {0, 1, 0, 0, 1, 0, 0, 1, 0},
                                           {1, 0, 0, 0, 1, 0, 0, 0, 1},
                                           {0, 0, 1, 0, 1, 0, 1, 0, 0}};
  cv::Mat blurred;
  soft_edges.convertTo(blurred, CV_32F);
  cv::GaussianBlur(blurred, blurred, {0, 0}, kSigma);
  cv::Mat lines = cv::Mat::zeros(soft_edges.size(), soft_edges.type());
  cv::Mat largest;
  const size_t count = blurred.total() * blurred.channels();
  for (const auto& direction : directions) {
    cv::Mat kernel(3, 3, CV_8UC1);
    std::copy(direction, direction + 9, kernel.data);
    cv::dilate(blurred, largest, kernel);
    ZC_BUG_IF(!blurred.isContinuous() || !largest.isContinuous() || !lines.isContinuous());
    const auto* value = blurred.ptr<float>();
    const auto* top = largest.ptr<float>();
    for (size_t i = 0; i < count; ++i) {
      lines.data[i] |= value[i] == top[i] && value[i] > kThreshold ? 255 : 0;
    }
  }
  return lines;
}

}  // namespace

Image fake_scribble(const Image& soft_edges) {
  ZC_BUG_IF(soft_edges.empty() || (soft_edges.channels != 1 && soft_edges.channels != 3));
  Image source = soft_edges;
  const cv::Mat edges(source.height, source.width, CV_8UC(source.channels), source.pixels.data());
  cv::Mat strokes;
  // On 8 bits OpenCV blurs with fewer taps and in fixed point; the reference does so too.
  cv::GaussianBlur(ridges(edges), strokes, {0, 0}, kSigma);
  ZC_BUG_IF(!strokes.isContinuous());
  for (size_t i = 0; i < source.pixels.size(); ++i) {
    source.pixels[i] = strokes.data[i] > 4 ? 255 : 0;
  }
  return source;
}

}  // namespace zc
