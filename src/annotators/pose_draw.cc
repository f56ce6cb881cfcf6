// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_draw.h"

#include <cmath>
#include <numbers>
#include <vector>

#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace zc {
namespace {

constexpr int kJointRadius = 4;
constexpr int kStickWidth = 4;  // half the width of a limb

// Joints and limbs share the colours: joint i and limb i have the same.
constexpr int kColours[18][3] = {
    {255, 0, 0}, {255, 85, 0}, {255, 170, 0}, {255, 255, 0}, {170, 255, 0}, {85, 255, 0},
    {0, 255, 0}, {0, 255, 85}, {0, 255, 170}, {0, 255, 255}, {0, 170, 255}, {0, 85, 255},
    {0, 0, 255}, {85, 0, 255}, {170, 0, 255}, {255, 0, 255}, {255, 0, 170}, {255, 0, 85}};

// The reference lists 19 limbs and draws the first 17; the last two only help it to find people.
constexpr int kLimbs[17][2] = {{1, 2}, {1, 5},  {2, 3},   {3, 4},  {5, 6},   {6, 7},
                               {1, 8}, {8, 9},  {9, 10},  {1, 11}, {11, 12}, {12, 13},
                               {1, 0}, {0, 14}, {14, 16}, {0, 15}, {15, 17}};

cv::Scalar colour_of(int part) {
  return {static_cast<double>(kColours[part][0]), static_cast<double>(kColours[part][1]),
          static_cast<double>(kColours[part][2])};
}

// Python's int().
int truncated(double value) {
  return static_cast<int>(value);
}

void blend_limb(cv::Mat& canvas, cv::Mat& with_limb, PosePoint from, PosePoint to, int limb) {
  const double dx = from.x - to.x;
  const double dy = from.y - to.y;
  const double length = std::sqrt(dy * dy + dx * dx);
  const double degrees = std::atan2(dy, dx) * (180.0 / std::numbers::pi);
  const cv::Point middle(truncated((from.x + to.x) / 2), truncated((from.y + to.y) / 2));
  std::vector<cv::Point> outline;
  cv::ellipse2Poly(middle, {truncated(length / 2), kStickWidth}, truncated(degrees), 0, 360, 1,
                   outline);
  canvas.copyTo(with_limb);
  cv::fillConvexPoly(with_limb, outline, colour_of(limb));
  cv::addWeighted(canvas, 0.4, with_limb, 0.6, 0, canvas);
}

}  // namespace

void draw_body_pose(Image& canvas, std::span<const BodyPose> bodies) {
  ZC_BUG_IF(canvas.empty() || canvas.channels != 3);
  cv::Mat target(canvas.height, canvas.width, CV_8UC3, canvas.pixels.data());
  for (int part = 0; part < 18; ++part) {
    for (const BodyPose& body : bodies) {
      if (!body[part]) continue;
      cv::circle(target, {truncated(body[part]->x), truncated(body[part]->y)}, kJointRadius,
                 colour_of(part), cv::FILLED);
    }
  }
  cv::Mat with_limb;
  for (int limb = 0; limb < 17; ++limb) {
    for (const BodyPose& body : bodies) {
      const auto& from = body[kLimbs[limb][0]];
      const auto& to = body[kLimbs[limb][1]];
      if (from && to) blend_limb(target, with_limb, *from, *to, limb);
    }
  }
  ZC_BUG_IF(target.data != canvas.pixels.data());
}

}  // namespace zc
