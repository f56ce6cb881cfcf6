// SPDX-License-Identifier: Apache-2.0
#include "annotators/scribble.h"

#include <algorithm>

#include "annotators/ridges.h"
#include "base/error.h"
#include "image/resize.h"

namespace zc {
namespace {

constexpr float kThreshold = 127;
constexpr double kSigma = 3.0;

}  // namespace

Image fake_scribble(const Image& soft_edges) {
  ZC_BUG_IF(soft_edges.empty() || (soft_edges.channels != 1 && soft_edges.channels != 3));
  // On 8 bits OpenCV blurs with fewer taps and in fixed point; the reference does so too.
  Image strokes = gaussian_blur(ridges(soft_edges, kThreshold, kSigma), kSigma);
  for (uint8_t& pixel : strokes.pixels) pixel = pixel > 4 ? 255 : 0;
  return strokes;
}

Image scribble(const Image& drawing) {
  ZC_BUG_IF(drawing.empty());
  const Image rgb = hwc3(drawing);
  Image strokes(rgb.width, rgb.height, 1);
  for (size_t i = 0; i < strokes.pixels.size(); ++i) {
    const uint8_t* pixel = &rgb.pixels[3 * i];
    strokes.pixels[i] = std::min({pixel[0], pixel[1], pixel[2]}) < kThreshold ? 255 : 0;
  }
  return strokes;
}

Image scribble_interactive(const Image& mask) {
  ZC_BUG_IF(mask.empty());
  Image strokes(mask.width, mask.height, 1);
  for (size_t i = 0; i < strokes.pixels.size(); ++i) {
    const uint8_t first = mask.pixels[i * static_cast<size_t>(mask.channels)];
    strokes.pixels[i] = first > kThreshold ? 255 : 0;
  }
  return strokes;
}

}  // namespace zc
