// SPDX-License-Identifier: Apache-2.0
#include "annotators/simple.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "image/resize.h"

namespace zc {
namespace {

cv::Mat view(const Image& image) {
  return {image.height, image.width, CV_8UC(image.channels),
          const_cast<uint8_t*>(image.pixels.data())};
}

uint8_t darkest(const uint8_t* pixel) {
  return std::min({pixel[0], pixel[1], pixel[2]});
}

// x / 255 to the power of gamma, * 255, truncated; in single precision, as the extension does it.
uint8_t corrected(uint8_t x, double gamma) {
  const float light = std::pow(static_cast<float>(x) / 255.0f, static_cast<float>(gamma));
  return static_cast<uint8_t>(std::clamp(light * 255.0f, 0.0f, 255.0f));
}

}  // namespace

Image scribble_xdog(const Image& image, const ScribbleXdogOptions& options) {
  ZC_BUG_IF(image.empty());
  check_options(options, "scribble_xdog");
  const Image rgb = hwc3(image);
  cv::Mat pixels, sharp, soft;
  view(rgb).convertTo(pixels, CV_32F);
  cv::GaussianBlur(pixels, sharp, {0, 0}, 0.5);
  cv::GaussianBlur(pixels, soft, {0, 0}, 5.0);
  Image strokes(rgb.width, rgb.height, 1);
  for (int y = 0; y < rgb.height; ++y) {
    for (int x = 0; x < rgb.width; ++x) {
      const auto& s = soft.at<cv::Vec3f>(y, x);
      const auto& h = sharp.at<cv::Vec3f>(y, x);
      const float darker = std::min({s[0] - h[0], s[1] - h[1], s[2] - h[2]});
      const auto light = static_cast<uint8_t>(std::clamp(255.0f - darker, 0.0f, 255.0f));
      // The extension doubles it in 8 bits, so that it wraps around where it is 128 and more.
      const auto doubled = static_cast<uint8_t>(2 * (255 - light));
      *strokes.at(x, y) = doubled > options.xdog_threshold ? 255 : 0;
    }
  }
  return strokes;
}

Image threshold_map(const Image& image, const ThresholdOptions& options) {
  ZC_BUG_IF(image.empty());
  check_options(options, "threshold");
  const Image rgb = hwc3(image);
  Image map(rgb.width, rgb.height, 1);
  for (size_t i = 0; i < map.pixels.size(); ++i) {
    map.pixels[i] = darkest(&rgb.pixels[3 * i]) > options.binarization_threshold ? 255 : 0;
  }
  return map;
}

Image blur_gaussian(const Image& image, const BlurGaussianOptions& options) {
  ZC_BUG_IF(image.empty());
  check_options(options, "blur_gaussian");
  const Image rgb = hwc3(image);
  Image blurred(rgb.width, rgb.height, 3);
  cv::Mat target = view(blurred);
  cv::GaussianBlur(view(rgb), target, {0, 0}, options.sigma);
  ZC_BUG_IF(target.data != blurred.pixels.data());
  return blurred;
}

Image recolor_luminance(const Image& image, const RecolorOptions& options) {
  ZC_BUG_IF(image.empty());
  check_options(options, "recolor_luminance");
  const Image rgb = hwc3(image);
  cv::Mat lab;
  cv::cvtColor(view(rgb), lab, cv::COLOR_BGR2Lab);
  Image map(rgb.width, rgb.height, 1);
  for (int y = 0; y < rgb.height; ++y) {
    for (int x = 0; x < rgb.width; ++x)
      *map.at(x, y) = corrected(lab.at<cv::Vec3b>(y, x)[0], options.gamma_correction);
  }
  return map;
}

Image recolor_intensity(const Image& image, const RecolorOptions& options) {
  ZC_BUG_IF(image.empty());
  check_options(options, "recolor_intensity");
  const Image rgb = hwc3(image);
  Image map(rgb.width, rgb.height, 1);
  for (size_t i = 0; i < map.pixels.size(); ++i) {
    const uint8_t* pixel = &rgb.pixels[3 * i];
    map.pixels[i] = corrected(std::max({pixel[0], pixel[1], pixel[2]}), options.gamma_correction);
  }
  return map;
}

Image inverted(const Image& image, const InvertOptions&) {
  Image rgb = hwc3(image);
  for (uint8_t& value : rgb.pixels) value = static_cast<uint8_t>(255 - value);
  return rgb;
}

Image tile_resample(const Image& image, const TileResampleOptions& options) {
  ZC_BUG_IF(image.empty());
  check_options(options, "tile_resample");
  constexpr double kLeastRate = 1.1;
  const Image rgb = hwc3(image);
  if (options.down_sampling_rate < kLeastRate) return rgb;
  const ImageSize size{static_cast<int>(rgb.width / options.down_sampling_rate),
                       static_cast<int>(rgb.height / options.down_sampling_rate)};
  return resize(rgb, size, Interpolation::area);
}

Image tile_map(const Image& image, int resolution) {
  ZC_BUG_IF(image.empty());
  return resize(hwc3(image), resize_image_size({image.width, image.height}, resolution),
                Interpolation::linear);
}

}  // namespace zc
