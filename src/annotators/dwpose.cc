// SPDX-License-Identifier: Apache-2.0
#include "annotators/dwpose.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kDetectorSide = 640;
constexpr float kDetectorGrey = 114;
constexpr int kStrides[] = {8, 16, 32};
constexpr int64_t kRows = 8400, kColumns = 85;  // box, objectness, 80 classes of COCO
constexpr int64_t kFirstClass = 5;              // people
constexpr float kAnyScore = 0.1f;
constexpr double kPersonScore = 0.3, kMaxOverlap = 0.45;

constexpr int kCropWidth = 288, kCropHeight = 384;
constexpr double kBoxMargin = 1.25;
constexpr double kMean[3] = {123.675, 116.28, 103.53};
constexpr double kDeviation[3] = {58.395, 57.12, 57.375};
constexpr double kSubpixels = 2;  // steps of the outputs in a pixel of the crop
constexpr double kPointScore = 0.3;

cv::Mat view(const Image& rgb) {
  ZC_BUG_IF(rgb.empty() || rgb.channels != 3);
  return {rgb.height, rgb.width, CV_8UC3, const_cast<uint8_t*>(rgb.pixels.data())};
}

struct ScoredBox {
  PersonBox box;
  float score = 0;
};

// Row `row` of the output; the grid's cells are numbered stride by stride, row by row.
PersonBox decoded(const float* values, int64_t row, double ratio) {
  int64_t cell = row;
  int stride = 0, side = 0;
  for (const int s : kStrides) {
    stride = s;
    side = kDetectorSide / s;
    if (cell < int64_t{side} * side) break;
    cell -= int64_t{side} * side;
  }
  const double x = (values[0] + static_cast<double>(cell % side)) * stride;
  const double y = (values[1] + static_cast<double>(cell / side)) * stride;
  const double half_width = std::exp(static_cast<double>(values[2])) * stride / 2;
  const double half_height = std::exp(static_cast<double>(values[3])) * stride / 2;
  return {(x - half_width) / ratio, (y - half_height) / ratio, (x + half_width) / ratio,
          (y + half_height) / ratio};
}

// Intersection over union, the corners counted as pixels.
double overlap(const PersonBox& a, const PersonBox& b) {
  const auto area = [](const PersonBox& box) {
    return (box.right - box.left + 1) * (box.bottom - box.top + 1);
  };
  const double width = std::max(0.0, std::min(a.right, b.right) - std::max(a.left, b.left) + 1);
  const double height = std::max(0.0, std::min(a.bottom, b.bottom) - std::max(a.top, b.top) + 1);
  const double shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

// The best box of each heap.
std::vector<ScoredBox> suppressed(std::vector<ScoredBox> boxes) {
  std::ranges::stable_sort(boxes, std::ranges::greater{}, &ScoredBox::score);
  std::vector<ScoredBox> kept;
  for (const ScoredBox& candidate : boxes) {
    const bool covered = std::ranges::any_of(kept, [&](const ScoredBox& better) {
      return overlap(better.box, candidate.box) > kMaxOverlap;
    });
    if (!covered) kept.push_back(candidate);
  }
  return kept;
}

at::Tensor floats(const at::Tensor& tensor) {
  return tensor.to(at::kCPU, at::kFloat).contiguous();
}

int64_t largest(const float* values, int64_t count) {
  return std::max_element(values, values + count) - values;
}

// The box around its middle, widened and brought to the shape of the crop.
PosePoint seen_size(const PersonBox& box) {
  constexpr double kAspect = static_cast<double>(kCropWidth) / kCropHeight;
  const double width = (box.right - box.left) * kBoxMargin;
  const double height = (box.bottom - box.top) * kBoxMargin;
  if (width > height * kAspect) return {width, width / kAspect};
  return {height * kAspect, height};
}

// From three pairs of points in single precision, as the reference has it.
cv::Mat warp_matrix(const PosePoint& center, const PosePoint& scale) {
  const auto points = [](double x, double y, double width) {
    const auto f = [](double value) { return static_cast<float>(value); };
    return std::array<cv::Point2f, 3>{cv::Point2f{f(x), f(y)}, cv::Point2f{f(x), f(y - width / 2)},
                                      cv::Point2f{f(x - width / 2), f(y - width / 2)}};
  };
  const auto from = points(center.x, center.y, scale.x);
  const auto to = points(kCropWidth / 2.0, kCropHeight / 2.0, kCropWidth);
  return cv::getAffineTransform(from.data(), to.data());
}

// Points of a whole body, with the neck put in as the 18th, by OpenPose's numbers.
std::array<PosePoint, kWholeBodyPoints + 1> in_openpose_order(const WholeBody& points) {
  constexpr int kTo[] = {1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17};
  constexpr int kFrom[] = {17, 6, 8, 10, 7, 9, 12, 14, 16, 13, 15, 2, 1, 4, 3};
  const PosePoint &left = points[5], &right = points[6];
  const bool both = left.score > kPointScore && right.score > kPointScore;
  std::array<PosePoint, kWholeBodyPoints + 1> with_neck;
  std::copy_n(points.begin(), 17, with_neck.begin());
  with_neck[17] = {(left.x + right.x) / 2, (left.y + right.y) / 2, both ? 1.0 : 0.0};
  std::copy(points.begin() + 17, points.end(), with_neck.begin() + 18);
  auto ordered = with_neck;
  for (size_t i = 0; i < std::size(kTo); ++i) ordered[kTo[i]] = with_neck[kFrom[i]];
  return ordered;
}

// Copies the points with a sufficient score; whether there was one.
bool take(std::span<const PosePoint> points, std::span<std::optional<PosePoint>> into) {
  bool any = false;
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i].score < kPointScore) continue;
    into[i] = points[i];
    any = true;
  }
  return any;
}

}  // namespace

double dwpose_detector_ratio(ImageSize picture) {
  return std::min(static_cast<double>(kDetectorSide) / picture.height,
                  static_cast<double>(kDetectorSide) / picture.width);
}

DwposeDetectorInput dwpose_detector_input(const Image& rgb) {
  const double ratio = dwpose_detector_ratio({rgb.width, rgb.height});
  // The reference fails where a side becomes 0.
  const cv::Size size(std::max(1, static_cast<int>(rgb.width * ratio)),
                      std::max(1, static_cast<int>(rgb.height * ratio)));
  cv::Mat scaled;
  cv::resize(view(rgb), scaled, size, 0, 0, cv::INTER_LINEAR);
  const at::Tensor tensor =
      at::full({3, kDetectorSide, kDetectorSide}, kDetectorGrey, at::TensorOptions(at::kFloat));
  float* values = tensor.mutable_data_ptr<float>();
  for (int channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < scaled.rows; ++y) {
      float* target = values + (channel * kDetectorSide + y) * kDetectorSide;
      const uint8_t* source = scaled.ptr<uint8_t>(y) + channel;
      for (int x = 0; x < scaled.cols; ++x) target[x] = static_cast<float>(source[3 * x]);
    }
  }
  return {tensor, ratio};
}

std::vector<PersonBox> dwpose_boxes(const at::Tensor& output, ImageSize picture) {
  check_shape(output, "DWPose detector output", {kRows, kColumns});
  const at::Tensor rows = floats(output);
  const double ratio = dwpose_detector_ratio(picture);
  // What else was found only matters in that it was; of every class at least one box would be kept.
  bool anything = false;
  std::vector<ScoredBox> people;
  for (int64_t row = 0; row < kRows; ++row) {
    const float* values = rows.const_data_ptr<float>() + row * kColumns;
    const float objectness = values[4];
    anything = anything || std::any_of(values + kFirstClass, values + kColumns,
                                       [&](float p) { return objectness * p > kAnyScore; });
    const float score = objectness * values[kFirstClass];
    if (score > kAnyScore) people.push_back({decoded(values, row, ratio), score});
  }
  if (!anything) return {};
  std::vector<PersonBox> boxes;
  for (const ScoredBox& person : suppressed(std::move(people))) {
    if (person.score > kPersonScore) boxes.push_back(person.box);
  }
  if (boxes.empty()) {
    boxes.push_back(
        {0, 0, static_cast<double>(picture.width), static_cast<double>(picture.height)});
  }
  return boxes;
}

DwposeCrop dwpose_crop(const Image& rgb, const PersonBox& box) {
  DwposeCrop crop;
  crop.center = {(box.left + box.right) * 0.5, (box.top + box.bottom) * 0.5};
  crop.scale = seen_size(box);
  const cv::Mat warp = warp_matrix(crop.center, crop.scale);
  std::copy_n(warp.ptr<double>(), 6, crop.warp.begin());
  cv::Mat warped;
  cv::warpAffine(view(rgb), warped, warp, {kCropWidth, kCropHeight}, cv::INTER_LINEAR);
  crop.tensor = at::empty({3, kCropHeight, kCropWidth}, at::TensorOptions(at::kFloat));
  float* values = crop.tensor.mutable_data_ptr<float>();
  for (int channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < kCropHeight; ++y) {
      float* target = values + (channel * kCropHeight + y) * kCropWidth;
      const uint8_t* source = warped.ptr<uint8_t>(y) + channel;
      for (int x = 0; x < kCropWidth; ++x)
        target[x] = static_cast<float>((source[3 * x] - kMean[channel]) / kDeviation[channel]);
    }
  }
  return crop;
}

WholeBody dwpose_points(const at::Tensor& x, const at::Tensor& y, const PosePoint& center,
                        const PosePoint& scale) {
  constexpr int64_t kColumnsX = static_cast<int64_t>(kCropWidth * kSubpixels);
  constexpr int64_t kColumnsY = static_cast<int64_t>(kCropHeight * kSubpixels);
  check_shape(x, "DWPose output x", {kWholeBodyPoints, kColumnsX});
  check_shape(y, "DWPose output y", {kWholeBodyPoints, kColumnsY});
  const at::Tensor all_x = floats(x), all_y = floats(y);
  WholeBody points;
  for (int64_t i = 0; i < kWholeBodyPoints; ++i) {
    const float* row_x = all_x.const_data_ptr<float>() + i * kColumnsX;
    const float* row_y = all_y.const_data_ptr<float>() + i * kColumnsY;
    const int64_t best_x = largest(row_x, kColumnsX), best_y = largest(row_y, kColumnsY);
    const float score = std::min(row_x[best_x], row_y[best_y]);
    const bool found = score > 0;
    const double place_x = static_cast<double>(found ? best_x : -1) / kSubpixels;
    const double place_y = static_cast<double>(found ? best_y : -1) / kSubpixels;
    points[i] = {place_x / kCropWidth * scale.x + center.x - scale.x / 2,
                 place_y / kCropHeight * scale.y + center.y - scale.y / 2,
                 static_cast<double>(score)};
  }
  return points;
}

PosePerson openpose_person(const WholeBody& points) {
  const auto ordered = in_openpose_order(points);
  const std::span<const PosePoint> all = ordered;
  PosePerson person;
  take(all.subspan(0, 18), person.body);
  HandPose hand;
  if (take(all.subspan(92, 21), hand)) person.left_hand = hand;
  hand = {};
  if (take(all.subspan(113, 21), hand)) person.right_hand = hand;
  FacePose face(kFacePoints);
  if (take(all.subspan(24, 68), face)) {
    face[68] = person.body[14];
    face[69] = person.body[15];
    person.face = face;
  }
  return person;
}

}  // namespace zc
