// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_parts.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <opencv2/imgproc.hpp>

#include "annotators/net_layers.h"
#include "base/error.h"

namespace zc {
namespace {

constexpr double kSmallestBox = 20;
constexpr double kPointThreshold = 0.05;
constexpr double kHandSigma = 3;
constexpr double kHandSizes[kHandScales] = {0.5 * 368, 1.0 * 368, 1.5 * 368, 2.0 * 368};
constexpr int kHandGrid = 128;  // version 1.1
constexpr double kHandBlur = 0.8;
constexpr int kFaceSize = 384;

using Joint = std::optional<PosePoint>;

double distance(const PosePoint& a, const PosePoint& b) {
  return std::sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
}

// A box with its left upper corner pulled into the picture and its side, whose `reach` (a share of
// the side) must not leave the picture, shortened.
std::optional<PartBox> fitted(double x, double y, double side, double reach, ImageSize picture) {
  x = std::max(x, 0.0);
  y = std::max(y, 0.0);
  double width = side, height = side;
  if (x + side * reach > picture.width) width = picture.width - x;
  if (y + side * reach > picture.height) height = picture.height - y;
  const double least = std::min(width, height);
  if (least < kSmallestBox) return std::nullopt;
  return PartBox{static_cast<int>(x), static_cast<int>(y), static_cast<int>(least)};
}

// Beyond the wrist, as large as the arm suggests.
std::optional<PartBox> hand_box(const Joint& shoulder, const Joint& elbow, const Joint& wrist,
                                ImageSize picture) {
  if (!shoulder || !elbow || !wrist) return std::nullopt;
  constexpr double kBeyond = 0.33;
  const double x = wrist->x + kBeyond * (wrist->x - elbow->x);
  const double y = wrist->y + kBeyond * (wrist->y - elbow->y);
  const double side = 1.5 * std::max(distance(*wrist, *elbow), 0.9 * distance(*elbow, *shoulder));
  return fitted(x - side / 2, y - side / 2, side, 1.0, picture);
}

std::optional<PartBox> face_box(const BodyPose& body, ImageSize picture) {
  constexpr struct {
    int part;
    double reach;
  } kSides[] = {{14, 3.0}, {15, 3.0}, {16, 1.5}, {17, 1.5}};
  const Joint& nose = body[0];
  if (!nose) return std::nullopt;
  bool any = false;
  double half = 0;
  for (const auto& side : kSides) {
    const Joint& point = body[side.part];
    if (!point) continue;
    any = true;
    half = std::max(
        half, side.reach * std::max(std::abs(nose->x - point->x), std::abs(nose->y - point->y)));
  }
  if (!any) return std::nullopt;
  // The reference asks whether half of the box leaves the picture.
  return fitted(nose->x - half, nose->y - half, 2 * half, 0.5, picture);
}

Image blurred(const Image& rgb, double sigma) {
  Image out(rgb.width, rgb.height, 3);
  const cv::Mat source(rgb.height, rgb.width, CV_8UC3, const_cast<uint8_t*>(rgb.pixels.data()));
  cv::Mat target(out.height, out.width, CV_8UC3, out.pixels.data());
  cv::GaussianBlur(source, target, {0, 0}, sigma);
  ZC_BUG_IF(target.data != out.pixels.data());
  return out;
}

// The mean of one channel over the scales.
DoubleMap mean_map(std::span<const at::Tensor> maps, int64_t channel, int side, PoseRules rules) {
  DoubleMap mean = {side, side, std::vector<double>(static_cast<size_t>(side) * side)};
  for (const at::Tensor& scale : maps) {
    const int rows = static_cast<int>(scale.size(-2)), columns = static_cast<int>(scale.size(-1));
    const PoseMaps enlarged = {scale, {columns * 8, rows * 8}, {side, side}, rules};
    const FloatMap map = enlarged.channel(channel);
    const float share = 1.0f / static_cast<float>(maps.size());
    for (size_t i = 0; i < mean.values.size(); ++i)
      mean.values[i] += static_cast<double>(map.values[i] * share);
  }
  return mean;
}

// The connected region above the threshold that holds the largest sum, 1 inside; nothing when there
// is none.
std::optional<cv::Mat> strongest_region(const DoubleMap& map) {
  const DoubleMap smooth = gaussian_filter(map, kHandSigma);
  cv::Mat above(map.height, map.width, CV_8U);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x)
      above.at<uint8_t>(y, x) = smooth.row(y)[x] > kPointThreshold ? 1 : 0;
  }
  cv::Mat labels;
  const int count = cv::connectedComponents(above, labels, 8, CV_32S);
  if (count < 2) return std::nullopt;
  std::vector<double> sums(count);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) sums[labels.at<int>(y, x)] += map.row(y)[x];
  }
  const auto best = std::max_element(sums.begin() + 1, sums.end()) - sums.begin();
  return labels == static_cast<double>(best);
}

// The highest pixel of the region; the first in row order of equal ones.
PixelPoint region_peak(const DoubleMap& map, const cv::Mat& region) {
  PixelPoint best;
  double highest = region.at<uint8_t>(0, 0) != 0 ? map.row(0)[0] : 0.0;
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      // The reference sets the map to 0 outside.
      const double value = region.at<uint8_t>(y, x) != 0 ? map.row(y)[x] : 0.0;
      if (value > highest) {
        highest = value;
        best = {x, y};
      }
    }
  }
  return best;
}

}  // namespace

std::vector<PartBox> hand_boxes(const BodyDetection& detection, ImageSize picture) {
  std::vector<PartBox> boxes;
  int person = 0;
  for (const BodyPose& body : bodies_of(detection)) {
    for (const bool is_left : {true, false}) {
      const int shoulder = is_left ? 5 : 2;
      auto box = hand_box(body[shoulder], body[shoulder + 1], body[shoulder + 2], picture);
      if (!box) continue;
      box->person = person;
      box->is_left = is_left;
      boxes.push_back(*box);
    }
    ++person;
  }
  return boxes;
}

std::vector<PartBox> face_boxes(const BodyDetection& detection, ImageSize picture) {
  std::vector<PartBox> boxes;
  int person = 0;
  for (const BodyPose& body : bodies_of(detection)) {
    if (auto box = face_box(body, picture)) {
      box->person = person;
      boxes.push_back(*box);
    }
    ++person;
  }
  return boxes;
}

Image crop_box(const Image& rgb, const PartBox& box) {
  return crop(rgb, box.x, box.y,
              {std::min(box.side, rgb.width - box.x), std::min(box.side, rgb.height - box.y)});
}

std::array<PoseInput, kHandScales> hand_inputs(const Image& crop, PoseRules rules) {
  ZC_BUG_IF(crop.empty() || crop.channels != 3 || crop.width != crop.height);
  std::array<PoseInput, kHandScales> inputs;
  if (rules == PoseRules::v10) {
    for (int i = 0; i < kHandScales; ++i)
      inputs[i] = pose_input(scaled_by(crop, kHandSizes[i] / crop.height));
    return inputs;
  }
  const Image soft = blurred(crop, kHandBlur);
  const ImageSize from = {crop.width, crop.height};
  for (int i = 0; i < kHandScales; ++i) {
    const ImageSize to = {static_cast<int>(kHandSizes[i]), static_cast<int>(kHandSizes[i])};
    inputs[i] = pose_input(resize(soft, to, smart_interpolation(from, to)));
  }
  return inputs;
}

HandPeaks hand_peaks(std::span<const at::Tensor> maps, int crop_side, PoseRules rules) {
  ZC_BUG_IF(maps.empty() || crop_side < 1);
  const bool first_release = rules == PoseRules::v10;
  const int side = first_release ? crop_side : kHandGrid;
  HandPeaks peaks;
  for (size_t part = 0; part < peaks.size(); ++part) {
    const DoubleMap map = mean_map(maps, static_cast<int64_t>(part), side, rules);
    const auto region = strongest_region(map);
    if (!region) continue;
    peaks[part] = region_peak(map, *region);
    if (first_release) continue;
    peaks[part] = {static_cast<int>(static_cast<double>(peaks[part].x) * crop_side / kHandGrid),
                   static_cast<int>(static_cast<double>(peaks[part].y) * crop_side / kHandGrid)};
  }
  return peaks;
}

PoseInput face_input(const Image& crop) {
  const ImageSize from = {crop.width, crop.height};
  const ImageSize to = {kFaceSize, kFaceSize};
  return pose_input(resize(crop, to, smart_interpolation(from, to)));
}

at::Tensor face_maps(const at::Tensor& maps, ImageSize crop) {
  const at::Tensor batch = maps.dim() == 3 ? maps.unsqueeze(0) : maps;
  return bilinear(batch, crop.height, crop.width, /*align_corners=*/true)[0];
}

std::vector<PixelPoint> face_peaks(const at::Tensor& maps) {
  const at::Tensor values = maps.contiguous();
  ZC_BUG_IF(values.dim() != 3 || values.scalar_type() != at::kFloat || !values.is_cpu());
  const int64_t width = values.size(2), pixels = values.size(1) * width;
  std::vector<PixelPoint> peaks;
  for (int64_t channel = 0; channel < values.size(0); ++channel) {
    const float* first = values.const_data_ptr<float>() + channel * pixels;
    const int64_t place = std::max_element(first, first + pixels) - first;
    if (first[place] > static_cast<float>(kPointThreshold))
      peaks.push_back({static_cast<int>(place % width), static_cast<int>(place / width)});
  }
  return peaks;
}

}  // namespace zc
