// SPDX-License-Identifier: Apache-2.0
#include "annotators/float_map.h"

#include <algorithm>

#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "image/interpolation.h"

namespace zc {
namespace {

cv::Mat view(const FloatMap& map) {
  ZC_BUG_IF(map.values.size() != static_cast<size_t>(map.width) * map.height);
  return {map.height, map.width, CV_32F, const_cast<float*>(map.values.data())};
}

FloatMap blank(int width, int height) {
  return {width, height, std::vector<float>(static_cast<size_t>(width) * height)};
}

}  // namespace

FloatMap resize(const FloatMap& map, ImageSize size, Interpolation interpolation) {
  FloatMap out = blank(size.width, size.height);
  cv::Mat target = view(out);
  cv::resize(view(map), target, {size.width, size.height}, 0, 0,
             opencv_interpolation(interpolation));
  return out;
}

FloatMap gaussian_blur(const FloatMap& map, double sigma) {
  FloatMap out = blank(map.width, map.height);
  cv::Mat target = view(out);
  cv::GaussianBlur(view(map), target, {0, 0}, sigma);
  return out;
}

Image to_bytes(const FloatMap& map) {
  Image out(map.width, map.height, 1);
  for (size_t i = 0; i < map.values.size(); ++i)
    out.pixels[i] = static_cast<uint8_t>(std::clamp(map.values[i] * 255.0f, 0.0f, 255.0f));
  return out;
}

void safe_step(FloatMap& map, int steps) {
  for (float& x : map.values) {
    const auto whole = static_cast<int>(x * static_cast<float>(steps + 1));
    x = static_cast<float>(whole) / static_cast<float>(steps);
  }
}

}  // namespace zc
