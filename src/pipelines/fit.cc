// SPDX-License-Identifier: Apache-2.0
#include "pipelines/fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"

namespace zc {
namespace {

// The web UI looks no closer at maps with more colours.
constexpr size_t kFewColours = 200;
// Sides that every annotator can look at.
constexpr int kAnnotatorMultiple = 64;

int rounded(double side) {
  return std::max(1, static_cast<int>(std::nearbyint(side)));
}

ImageSize image_size(const Image& image) {
  return {image.width, image.height};
}

// At most kFewColours are counted.
size_t colours_in(const Image& rgb) {
  std::set<std::array<uint8_t, 3>> colours;
  for (size_t i = 0; i + 2 < rgb.pixels.size() && colours.size() < kFewColours; i += 3)
    colours.insert({rgb.pixels[i], rgb.pixels[i + 1], rgb.pixels[i + 2]});
  return colours.size();
}

bool is_black_and_white(const Image& map, size_t colours) {
  const auto [darkest, brightest] = std::minmax_element(map.pixels.begin(), map.pixels.end());
  return colours == 2 && *darkest < 16 && *brightest > 240;
}

// The threshold that parts two groups best (Otsu, 1979): values above it are bright.
int otsu_threshold(const std::array<double, 256>& histogram) {
  double count = 0, sum = 0;
  for (size_t v = 0; v < 256; ++v) {
    count += histogram[v];
    sum += static_cast<double>(v) * histogram[v];
  }
  double below = 0, sum_below = 0, best = -1;
  int threshold = 0;
  for (size_t v = 0; v < 256; ++v) {
    below += histogram[v];
    sum_below += static_cast<double>(v) * histogram[v];
    if (below == 0 || below == count) continue;
    const double apart = sum_below / below - (sum - sum_below) / (count - below);
    const double between = below * (count - below) * apart * apart;
    if (between > best) {
      best = between;
      threshold = static_cast<int>(v);
    }
  }
  return threshold;
}

Image black_and_white(const Image& rgb) {
  std::array<double, 256> histogram = {};
  std::vector<uint8_t> grey;
  for (size_t i = 0; i + 2 < rgb.pixels.size(); i += 3) {
    const int sum = rgb.pixels[i] + rgb.pixels[i + 1] + rgb.pixels[i + 2];
    grey.push_back(static_cast<uint8_t>(sum / 3));
    ++histogram[grey.back()];
  }
  const int threshold = otsu_threshold(histogram);
  Image result(rgb.width, rgb.height, 3);
  for (size_t i = 0; i < grey.size(); ++i)
    std::fill_n(&result.pixels[3 * i], 3, static_cast<uint8_t>(grey[i] > threshold ? 255 : 0));
  return result;
}

// high_quality_resize without its thinning of lines that are one pixel wide.
Image resized_map(const Image& rgb, ImageSize size) {
  if (image_size(rgb) == size) return rgb;
  const size_t colours = colours_in(rgb);
  if (colours > 2 && colours < kFewColours) return resize(rgb, size, Interpolation::nearest);
  const bool smaller = int64_t{size.width} * size.height < int64_t{rgb.width} * rgb.height;
  Image map = resize(rgb, size, smaller ? Interpolation::area : Interpolation::cubic);
  return is_black_and_white(rgb, colours) ? black_and_white(map) : map;
}

uint8_t median(std::vector<uint8_t>& values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return static_cast<uint8_t>((values[middle - 1] + values[middle]) / 2);
}

// numpy.median over the four edges, of each channel; corners count twice.
std::array<uint8_t, 3> border_colour(const Image& rgb) {
  std::array<uint8_t, 3> colour = {};
  for (size_t c = 0; c < 3; ++c) {
    std::vector<uint8_t> values;
    for (int x = 0; x < rgb.width; ++x) {
      values.push_back(rgb.at(x, 0)[c]);
      values.push_back(rgb.at(x, rgb.height - 1)[c]);
    }
    for (int y = 0; y < rgb.height; ++y) {
      values.push_back(rgb.at(0, y)[c]);
      values.push_back(rgb.at(rgb.width - 1, y)[c]);
    }
    colour[c] = median(values);
  }
  return colour;
}

int for_annotators(int side) {
  return std::max(kAnnotatorMultiple,
                  static_cast<int>(std::lround(static_cast<double>(side) / kAnnotatorMultiple)) *
                      kAnnotatorMultiple);
}

Image resized_photo(const Image& rgb, ImageSize size, bool smooth) {
  if (image_size(rgb) == size) return rgb;
  if (smooth) return resize(rgb, size, Interpolation::linear);
  const bool grows = size.width > rgb.width || size.height > rgb.height;
  return resize(rgb, size, grows ? Interpolation::lanczos4 : Interpolation::area);
}

}  // namespace

Placement place(ImageSize whole, ImageSize target, ControlResize resize) {
  ZC_BUG_IF(whole.width < 1 || whole.height < 1 || target.width < 1 || target.height < 1);
  if (resize != ControlResize::crop && resize != ControlResize::fill) return {target, 0, 0};
  const double across = static_cast<double>(target.width) / whole.width;
  const double down = static_cast<double>(target.height) / whole.height;
  const bool crops = resize == ControlResize::crop;
  const double scale = crops ? std::max(across, down) : std::min(across, down);
  ImageSize inner = {rounded(whole.width * scale), rounded(whole.height * scale)};
  if (crops) {
    inner = {std::max(inner.width, target.width), std::max(inner.height, target.height)};
    return {inner, -((inner.width - target.width) / 2), -((inner.height - target.height) / 2)};
  }
  inner = {std::min(inner.width, target.width), std::min(inner.height, target.height)};
  return {inner, (target.width - inner.width) / 2, (target.height - inner.height) / 2};
}

Image placed(const Image& inner, ImageSize target, const Placement& p) {
  ZC_BUG_IF(inner.channels != 3 || image_size(inner) != p.inner);
  if (p.inner == target) return inner;
  if (p.x <= 0 && p.y <= 0 && inner.width >= target.width && inner.height >= target.height)
    return crop(inner, -p.x, -p.y, target);
  const std::array<uint8_t, 3> colour = border_colour(inner);
  Image result(target.width, target.height, 3);
  for (size_t i = 0; i < result.pixels.size(); ++i) result.pixels[i] = colour[i % 3];
  for (int y = 0; y < inner.height; ++y)
    std::memcpy(result.at(p.x, p.y + y), inner.row(y), static_cast<size_t>(inner.width) * 3);
  return result;
}

PoseDocument placed_pose(PoseDocument people, ImageSize target, const Placement& p) {
  people = scaled_pose(std::move(people), p.inner);
  for_each_point(people.people, [&](PosePoint& point) {
    point.x += p.x;
    point.y += p.y;
  });
  people.canvas = target;
  return people;
}

Image fitted_map(const Image& map, ImageSize target, ControlResize mode,
                 std::optional<Interpolation> interpolation) {
  const Image rgb = hwc3(map);
  const Placement placement = place(image_size(rgb), target, mode);
  const bool keeps = image_size(rgb) == placement.inner;
  if (interpolation && !keeps)
    return placed(resize(rgb, placement.inner, *interpolation), target, placement);
  return placed(resized_map(rgb, placement.inner), target, placement);
}

FittedPhoto fitted_photo(const Image& rgb, ImageSize target, ControlResize mode, bool smooth) {
  ZC_BUG_IF(mode == ControlResize::automatic);
  if (mode == ControlResize::crop) return {center_crop_fill(rgb, target), {target, 0, 0}};
  if (mode == ControlResize::just) return {resized_photo(rgb, target, smooth), {target, 0, 0}};
  const Placement placement = place(image_size(rgb), target, mode);
  const ImageSize looked_at = {for_annotators(placement.inner.width),
                               for_annotators(placement.inner.height)};
  return {resized_photo(rgb, looked_at, smooth), placement};
}

}  // namespace zc
