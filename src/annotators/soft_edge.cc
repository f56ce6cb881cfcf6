// SPDX-License-Identifier: Apache-2.0
#include "annotators/soft_edge.h"

#include <algorithm>
#include <cmath>

#include "annotators/float_map.h"
#include "annotators/network_image.h"
#include "base/error.h"

namespace zc {
namespace {

FloatMap mean_of(std::span<const at::Tensor> maps, ImageSize size) {
  ZC_BUG_IF(maps.empty());
  FloatMap mean;
  for (const at::Tensor& map : maps) {
    FloatMap next = resize(float_map(map), size, Interpolation::linear);
    if (mean.values.empty()) {
      mean = std::move(next);
      continue;
    }
    for (size_t i = 0; i < mean.values.size(); ++i) mean.values[i] += next.values[i];
  }
  for (float& value : mean.values) value /= static_cast<float>(maps.size());
  return mean;
}

double sigmoid(float x) {
  return 1.0 / (1.0 + std::exp(-static_cast<double>(x)));
}

}  // namespace

ImageSize size_of_planes(const at::Tensor& x) {
  return {static_cast<int>(x.size(3)), static_cast<int>(x.size(2))};
}

Image soft_edges(std::span<const at::Tensor> logits, ImageSize size, int safe_steps) {
  FloatMap mean = mean_of(logits, size);
  if (safe_steps > 0) {
    for (float& value : mean.values) value = static_cast<float>(sigmoid(value));
    safe_step(mean, safe_steps);
    return to_bytes(mean);
  }
  // In double precision, as the reference: single precision rounds strong edges to 255 early.
  Image edges(size.width, size.height, 1);
  for (size_t i = 0; i < mean.values.size(); ++i) {
    edges.pixels[i] = static_cast<uint8_t>(sigmoid(mean.values[i]) * 255.0);
  }
  return edges;
}

}  // namespace zc
