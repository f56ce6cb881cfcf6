// SPDX-License-Identifier: Apache-2.0
#include "annotators/mlsd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sigmoid.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "annotators/network_image.h"
#include "annotators/padded_image.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kMultiple = 16;  // four times halved
constexpr size_t kMostPeaks = 200;
// Of the 16 channels, those that the reference returns.
constexpr int64_t kFirstChannel = 7;
constexpr int64_t kChannels = 9;

struct Peak {
  int64_t place = 0;  // in the map, row by row
  float score = 0;
};

// The local maxima with the highest scores, highest first; equal ones from top to bottom.
std::vector<Peak> find_peaks(const at::Tensor& map) {
  const at::Tensor heat = at::sigmoid(map.narrow(1, 0, 1)).contiguous();
  const at::Tensor largest = at::max_pool2d(heat, {3, 3}, {1, 1}, {1, 1}).contiguous();
  const float* score = heat.const_data_ptr<float>();
  const float* top = largest.const_data_ptr<float>();
  std::vector<Peak> peaks;
  for (int64_t i = 0; i < heat.numel(); ++i) {
    if (score[i] == top[i]) peaks.push_back({i, score[i]});
  }
  std::ranges::stable_sort(peaks, std::ranges::greater{}, &Peak::score);
  if (peaks.size() > kMostPeaks) peaks.resize(kMostPeaks);
  return peaks;
}

// Toward zero, as the reference; far outside is as good as any other place outside.
int pixel(double coordinate) {
  constexpr double kFar = 1e6;
  return static_cast<int>(std::clamp(coordinate, -kFar, kFar));
}

}  // namespace

MlsdNetwork::MlsdNetwork()
    : backbone_(*this, "backbone"),
      join15_(*this, "block15", {.fine = 64, .coarse = 96, .enlarge = false}),
      refine16_(*this, "block16"),
      join17_(*this, "block17", {.fine = 32, .coarse = 64}),
      refine18_(*this, "block18"),
      join19_(*this, "block19", {.fine = 24, .coarse = 64}),
      refine20_(*this, "block20"),
      join21_(*this, "block21", {.fine = 16, .coarse = 64}),
      refine22_(*this, "block22"),
      head23_(*this, "block23") {}

at::Tensor MlsdNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "mlsd", {"B", 4, "H", "W"});
  check_sides(x, "mlsd", kMultiple);
  record(taps, "net_input", x);
  const auto [c1, c2, c3, c4, c5] = backbone_.forward(x, taps);
  const auto seen = [taps](const char* name, at::Tensor value) {
    record(taps, name, value);
    return value;
  };
  at::Tensor h = seen("layer.block15", join15_(c4, c5));
  h = seen("layer.block16", refine16_(h));
  h = seen("layer.block17", join17_(c3, h));
  h = seen("layer.block18", refine18_(h));
  h = seen("layer.block19", join19_(c2, h));
  h = seen("layer.block20", refine20_(h));
  h = seen("layer.block21", join21_(c1, h));
  h = seen("layer.block22", refine22_(h));
  h = seen("layer.block23", head23_(h));
  return seen("tpMap", h.narrow(1, kFirstChannel, kChannels));
}

at::Tensor mlsd_input(const Image& rgb) {
  const at::Tensor planes = rgb_tensor(padded(rgb, kMultiple, kMultiple));
  const at::Tensor ones = at::ones_like(planes.narrow(1, 0, 1));
  return at::cat({planes, ones}, 1) / 127.5 - 1.0;
}

std::vector<LineSegment> mlsd_segments(const at::Tensor& map, const MlsdOptions& options) {
  check_options(options, "mlsd");
  check_shape(map, "mlsd", {1, kChannels, "h", "w"});
  const c10::NoGradGuard no_grad;
  const at::Tensor values = map.to(at::kCPU, at::kFloat).contiguous();
  const int64_t width = values.size(3);
  const int64_t plane = values.size(2) * width;
  const float* displacement = values.const_data_ptr<float>() + plane;
  std::vector<LineSegment> segments;
  for (const Peak& peak : find_peaks(values)) {
    float d[4];
    for (int64_t i = 0; i < 4; ++i) d[i] = displacement[i * plane + peak.place];
    const float dx = d[0] - d[2];
    const float dy = d[1] - d[3];
    const float distance = std::sqrt(dx * dx + dy * dy);
    const bool kept = static_cast<double>(peak.score) > options.value &&
                      static_cast<double>(distance) > options.distance;
    if (!kept) continue;
    const auto x = static_cast<double>(peak.place % width);
    const auto y = static_cast<double>(peak.place / width);
    // The map has half the image's size.
    segments.push_back({2 * (x + d[0]), 2 * (y + d[1]), 2 * (x + d[2]), 2 * (y + d[3])});
  }
  return segments;
}

Image draw_segments(std::span<const LineSegment> segments, ImageSize size) {
  Image canvas(size.width, size.height, 1);
  cv::Mat target(canvas.height, canvas.width, CV_8UC1, canvas.pixels.data());
  for (const LineSegment& s : segments) {
    cv::line(target, {pixel(s.x0), pixel(s.y0)}, {pixel(s.x1), pixel(s.y1)}, cv::Scalar(255), 1);
  }
  return canvas;
}

Image mlsd_map(const MlsdNetwork& network, const Image& rgb, const MlsdOptions& options) {
  const c10::NoGradGuard no_grad;
  const at::Tensor map = network.forward(mlsd_input(rgb));
  return draw_segments(mlsd_segments(map, options), {rgb.width, rgb.height});
}

}  // namespace zc
