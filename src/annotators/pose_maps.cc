// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_maps.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace zc {
namespace {

constexpr int kStride = 8;

int padded(int side) {
  return (side + kStride - 1) / kStride * kStride;
}

// The index inside [0, n) that a position outside is mirrored to.
int mirrored(int i, int n) {
  const int period = 2 * n;
  const int m = ((i % period) + period) % period;
  return m < n ? m : period - 1 - m;
}

// The middle weight and those to one side of it.
std::vector<double> gaussian_weights(double sigma) {
  const int radius = static_cast<int>(4.0 * sigma + 0.5);
  std::vector<double> weights(radius + 1);
  double sum = 0;
  for (int i = 0; i <= radius; ++i) {
    weights[i] = std::exp(-0.5 / (sigma * sigma) * i * i);
    sum += i == 0 ? weights[i] : 2 * weights[i];
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

DoubleMap blank(int width, int height) {
  return {width, height, std::vector<double>(static_cast<size_t>(width) * height)};
}

// Pairs are added from the outermost inwards, as scipy does it: equal neighbours stay equal.
DoubleMap filtered_along_y(const DoubleMap& map, const std::vector<double>& weights) {
  DoubleMap out = blank(map.width, map.height);
  const int radius = static_cast<int>(weights.size()) - 1;
  for (int y = 0; y < map.height; ++y) {
    double* target = out.row(y);
    const double* middle = map.row(y);
    for (int x = 0; x < map.width; ++x) target[x] = middle[x] * weights[0];
    for (int k = radius; k > 0; --k) {
      const double* above = map.row(mirrored(y - k, map.height));
      const double* below = map.row(mirrored(y + k, map.height));
      const double weight = weights[k];
      for (int x = 0; x < map.width; ++x) target[x] += (above[x] + below[x]) * weight;
    }
  }
  return out;
}

DoubleMap filtered_along_x(const DoubleMap& map, const std::vector<double>& weights) {
  DoubleMap out = blank(map.width, map.height);
  const int radius = static_cast<int>(weights.size()) - 1;
  std::vector<double> line(static_cast<size_t>(map.width) + 2 * radius);
  for (int y = 0; y < map.height; ++y) {
    const double* source = map.row(y);
    for (int x = -radius; x < map.width + radius; ++x)
      line[x + radius] = source[mirrored(x, map.width)];
    const double* middle = line.data() + radius;
    double* target = out.row(y);
    for (int x = 0; x < map.width; ++x) target[x] = middle[x] * weights[0];
    for (int k = radius; k > 0; --k) {
      const double weight = weights[k];
      for (int x = 0; x < map.width; ++x) target[x] += (middle[x - k] + middle[x + k]) * weight;
    }
  }
  return out;
}

FloatMap top_left(const FloatMap& map, ImageSize size) {
  ZC_BUG_IF(size.width > map.width || size.height > map.height);
  FloatMap out = {size.width, size.height, {}};
  out.values.reserve(static_cast<size_t>(size.width) * size.height);
  for (int y = 0; y < size.height; ++y)
    out.values.insert(out.values.end(), map.row(y), map.row(y) + size.width);
  return out;
}

}  // namespace

DoubleMap to_double(const FloatMap& map) {
  return {map.width, map.height, std::vector<double>(map.values.begin(), map.values.end())};
}

DoubleMap gaussian_filter(const DoubleMap& map, double sigma) {
  const std::vector<double> weights = gaussian_weights(sigma);
  return filtered_along_x(filtered_along_y(map, weights), weights);
}

Interpolation smart_interpolation(ImageSize from, ImageSize to) {
  return to.width + to.height < from.width + from.height ? Interpolation::area
                                                         : Interpolation::lanczos4;
}

PoseInput pose_input(const Image& rgb) {
  ZC_BUG_IF(rgb.empty() || rgb.channels != 3);
  // The reference pads with the level 128, which is 0 here.
  const int height = padded(rgb.height), width = padded(rgb.width);
  at::Tensor tensor = at::zeros({1, 3, height, width}, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  for (int channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < rgb.height; ++y) {
      float* target = values + (static_cast<int64_t>(channel) * height + y) * width;
      const uint8_t* source = rgb.row(y) + (2 - channel);
      for (int x = 0; x < rgb.width; ++x)
        target[x] = static_cast<float>(source[3 * x]) / 256.0f - 0.5f;
    }
  }
  return {tensor, {rgb.width, rgb.height}};
}

Image scaled_by(const Image& rgb, double factor) {
  const cv::Mat source(rgb.height, rgb.width, CV_8UC3, const_cast<uint8_t*>(rgb.pixels.data()));
  cv::Mat scaled;
  cv::resize(source, scaled, {}, factor, factor, cv::INTER_CUBIC);
  Image out(scaled.cols, scaled.rows, 3);
  scaled.copyTo(cv::Mat(out.height, out.width, CV_8UC3, out.pixels.data()));
  return out;
}

FloatMap PoseMaps::channel(int64_t index) const {
  const at::Tensor planes = maps.dim() == 4 ? maps[0] : maps;  // [C,h,w]
  const at::Tensor plane = planes[index].contiguous();
  ZC_BUG_IF(plane.scalar_type() != at::kFloat || !plane.is_cpu());
  const int width = static_cast<int>(plane.size(1)), height = static_cast<int>(plane.size(0));
  const float* values = plane.const_data_ptr<float>();
  const FloatMap small = {width, height, {values, values + plane.numel()}};
  const bool first_release = rules == PoseRules::v10;
  const FloatMap large =
      top_left(resize(small, {width * kStride, height * kStride},
                      first_release ? Interpolation::cubic : Interpolation::lanczos4),
               content);
  return resize(large, size,
                first_release ? Interpolation::cubic : smart_interpolation(content, size));
}

}  // namespace zc
