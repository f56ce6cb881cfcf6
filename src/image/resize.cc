// SPDX-License-Identifier: Apache-2.0
#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "image/codec.h"
#include "image/interpolation.h"

namespace zc {
namespace {

cv::Mat view(const Image& image) {
  return {image.height, image.width, CV_8UC(image.channels),
          const_cast<uint8_t*>(image.pixels.data())};
}

void check_target(int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kMaxImagePixels || height > kMaxImagePixels ||
      width * height > kMaxImagePixels) {
    throw Error(
        ErrorKind::bad_request, "size",
        fmt::format("{} x {} pixels are asked for, wanted at least 1 x 1 and at most {} megapixels",
                    width, height, kMaxImagePixels >> 20));
  }
}

double scale_of(ImageSize size, int resolution) {
  return static_cast<double>(resolution) / std::min(size.width, size.height);
}

ImageSize size_of(const Image& image) {
  return {image.width, image.height};
}

// Enlarging: smooth; shrinking: by area, which does not alias.
Image resize_well(const Image& image, ImageSize size) {
  if (size == size_of(image)) return image;
  const bool grows = size.width > image.width || size.height > image.height;
  return resize(image, size, grows ? Interpolation::lanczos4 : Interpolation::area);
}

int scaled_side(int side, double scale) {
  return std::max(1, static_cast<int>(std::lround(side * scale)));
}

}  // namespace

int opencv_interpolation(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::nearest:
      return cv::INTER_NEAREST;
    case Interpolation::linear:
      return cv::INTER_LINEAR;
    case Interpolation::cubic:
      return cv::INTER_CUBIC;
    case Interpolation::area:
      return cv::INTER_AREA;
    case Interpolation::lanczos4:
      return cv::INTER_LANCZOS4;
  }
  throw_bug("interpolation", __FILE__, __LINE__);
}

Image hwc3(const Image& image) {
  if (image.channels == 3) return image;
  Image rgb(image.width, image.height, 3);
  const size_t pixels = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* from = image.pixels.data() + i * static_cast<size_t>(image.channels);
    uint8_t* to = rgb.pixels.data() + 3 * i;
    if (image.channels == 1) {
      std::fill_n(to, 3, from[0]);
      continue;
    }
    // Single precision and truncation, as in the reference.
    const float alpha = static_cast<float>(from[3]) / 255.0f;
    for (int c = 0; c < 3; ++c) {
      const float blended = static_cast<float>(from[c]) * alpha + 255.0f * (1.0f - alpha);
      to[c] = static_cast<uint8_t>(std::clamp(blended, 0.0f, 255.0f));
    }
  }
  return rgb;
}

ImageSize resize_image_size(ImageSize size, int resolution) {
  ZC_BUG_IF(size.width < 1 || size.height < 1);
  if (resolution < 1) {
    throw Error(ErrorKind::bad_request, "resolution",
                fmt::format("is {}, wanted 64 or more", resolution));
  }
  const double k = scale_of(size, resolution);
  const auto rounded = [&](int side) { return std::nearbyint(side * k / 64.0) * 64.0; };
  const double width = rounded(size.width);
  const double height = rounded(size.height);
  if (width < 64 || height < 64 || width * height > static_cast<double>(kMaxImagePixels)) {
    throw Error(
        ErrorKind::bad_request, "resolution",
        fmt::format("{} makes {} x {} pixels of an image of {} x {}, wanted sides of at least 64 "
                    "and at most {} "
                    "megapixels",
                    resolution, width, height, size.width, size.height, kMaxImagePixels >> 20));
  }
  return {static_cast<int>(width), static_cast<int>(height)};
}

Image resize_image(const Image& image, int resolution) {
  const ImageSize size = resize_image_size(size_of(image), resolution);
  const bool grows = scale_of(size_of(image), resolution) > 1.0;
  return resize(image, size, grows ? Interpolation::lanczos4 : Interpolation::area);
}

Image resize(const Image& image, ImageSize size, Interpolation interpolation) {
  ZC_BUG_IF(image.empty());
  check_target(size.width, size.height);
  Image result(size.width, size.height, image.channels);
  cv::Mat target = view(result);
  cv::resize(view(image), target, target.size(), 0, 0, opencv_interpolation(interpolation));
  ZC_BUG_IF(target.data != result.pixels.data());
  return result;
}

Image center_crop_fill(const Image& image, ImageSize size) {
  ZC_BUG_IF(image.empty());
  check_target(size.width, size.height);
  const double scale = std::max(static_cast<double>(size.width) / image.width,
                                static_cast<double>(size.height) / image.height);
  // Cut first where that is exact: a long strip would otherwise be enlarged far beyond what is
  // kept.
  const ImageSize kept = {std::min(image.width, scaled_side(size.width, 1 / scale)),
                          std::min(image.height, scaled_side(size.height, 1 / scale))};
  const Image part =
      crop(image, (image.width - kept.width) / 2, (image.height - kept.height) / 2, kept);
  return resize_well(part, size);
}

Image fit_and_pad(const Image& image, ImageSize size, uint8_t fill) {
  ZC_BUG_IF(image.empty());
  check_target(size.width, size.height);
  const double scale = std::min(static_cast<double>(size.width) / image.width,
                                static_cast<double>(size.height) / image.height);
  const Image inner = resize_well(image, {std::min(size.width, scaled_side(image.width, scale)),
                                          std::min(size.height, scaled_side(image.height, scale))});
  Image result(size.width, size.height, image.channels, fill);
  const int left = (size.width - inner.width) / 2;
  const int top = (size.height - inner.height) / 2;
  for (int y = 0; y < inner.height; ++y) {
    std::memcpy(result.at(left, top + y), inner.row(y),
                static_cast<size_t>(inner.width) * inner.channels);
  }
  return result;
}

Image crop(const Image& image, int x, int y, ImageSize size) {
  ZC_BUG_IF(x < 0 || y < 0 || size.width < 1 || size.height < 1 || size.width > image.width - x ||
            size.height > image.height - y);
  Image part(size.width, size.height, image.channels);
  for (int row = 0; row < size.height; ++row) {
    std::memcpy(part.row(row), image.at(x, y + row),
                static_cast<size_t>(size.width) * image.channels);
  }
  return part;
}

}  // namespace zc
