// SPDX-License-Identifier: Apache-2.0
#include "annotators/network_image.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "image/resize.h"

namespace zc {

at::Tensor rgb_tensor(const Image& image) {
  ZC_BUG_IF(image.empty());
  const Image rgb = hwc3(image);
  at::Tensor bytes = at::empty({1, rgb.height, rgb.width, 3}, at::kByte);
  std::memcpy(bytes.data_ptr(), rgb.pixels.data(), rgb.pixels.size());
  return bytes.permute({0, 3, 1, 2}).contiguous().to(at::kFloat);
}

at::Tensor imagenet_normalized(const at::Tensor& x) {
  const at::Tensor mean = at::tensor({0.485f, 0.456f, 0.406f}).view({1, 3, 1, 1}).to(x.device());
  const at::Tensor deviation =
      at::tensor({0.229f, 0.224f, 0.225f}).view({1, 3, 1, 1}).to(x.device());
  return (x - mean) / deviation;
}

Image scaled_to_multiple(const Image& image, int multiple) {
  ZC_BUG_IF(image.empty());
  const auto nearest = [multiple](int side) {
    return std::max(1, (side + multiple / 2) / multiple) * multiple;
  };
  const ImageSize size{nearest(image.width), nearest(image.height)};
  if (size == ImageSize{image.width, image.height}) return image;
  return resize(image, size, Interpolation::linear);
}

FloatMap float_map(const at::Tensor& map) {
  const int64_t height = map.size(-2), width = map.size(-1);
  ZC_BUG_IF(map.numel() != height * width);
  const at::Tensor plane = map.to(at::kCPU, at::kFloat).contiguous();
  const float* values = plane.const_data_ptr<float>();
  return {static_cast<int>(width), static_cast<int>(height), {values, values + plane.numel()}};
}

FloatMap normalized(FloatMap map) {
  ZC_BUG_IF(map.values.empty());
  const auto [low, high] = std::minmax_element(map.values.begin(), map.values.end());
  const float least = *low, range = *high - *low;
  for (float& x : map.values) x = range > 0 ? (x - least) / range : 0.0f;
  return map;
}

Image to_bytes(const at::Tensor& planes) {
  ZC_BUG_IF(planes.dim() != 3);
  const at::Tensor bytes =
      (planes * 255.0).clamp(0.0, 255.0).to(at::kCPU, at::kByte).permute({1, 2, 0}).contiguous();
  Image image(static_cast<int>(planes.size(2)), static_cast<int>(planes.size(1)),
              static_cast<int>(planes.size(0)));
  std::memcpy(image.pixels.data(), bytes.const_data_ptr(), image.pixels.size());
  return image;
}

}  // namespace zc
