// SPDX-License-Identifier: Apache-2.0
// Reads the colour word back from pixels, for judging pictures made from captions.
#include <algorithm>

#include "base/error.h"
#include "training/toyworld.h"
#include "training/toyworld_light.h"

namespace zc {
namespace {

// The mean of the masked pixels in linear light.
std::optional<ToyVec> mean_linear(const Image& image, const std::vector<uint8_t>& mask) {
  double sum[3] = {};
  size_t count = 0;
  for (size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] == 0) continue;
    for (int c = 0; c < 3; ++c) {
      double v = image.pixels[3 * i + c] / 255.0;
      sum[c] += v * v;
    }
    ++count;
  }
  if (count == 0) return std::nullopt;
  double scale = 1.0 / static_cast<double>(count);
  return ToyVec{static_cast<float>(sum[0] * scale), static_cast<float>(sum[1] * scale),
                static_cast<float>(sum[2] * scale)};
}

}  // namespace

std::optional<ToyColour> measure_toy_colour(const Image& image, const std::vector<uint8_t>& mask,
                                            ToyTime time,
                                            const std::vector<ToyColour>& candidates) {
  if (image.channels != 3 || mask.size() != static_cast<size_t>(image.width) * image.height) {
    throw Error(ErrorKind::bad_request, "mask",
                "wanted an RGB image and one mask byte for each of its pixels");
  }
  std::optional<ToyVec> mean = mean_linear(image, mask);
  if (!mean || candidates.empty()) return std::nullopt;
  // What a white front reflects on average: some of it lies in the light, some only under the sky.
  const ToyLight& light = toy_light(time);
  ToyVec white = light.sun * 0.5f + (light.sky + light.bounce) * 0.45f;
  ToyVec seen = {std::sqrt(mean->x / white.x), std::sqrt(mean->y / white.y),
                 std::sqrt(mean->z / white.z)};
  ToyColour best = candidates.front();
  float best_distance = 1e30f;
  for (ToyColour candidate : candidates) {
    ToyVec paint = to_display(toy_paint(candidate));
    // Brightness may differ by what light and shade do, no more: black is not a dark white.
    float brightness = std::clamp(dot(seen, paint) / dot(paint, paint), 0.72f, 1.25f);
    ToyVec off = seen - paint * brightness;
    float distance = dot(off, off);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace zc
