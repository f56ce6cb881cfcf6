// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_draw.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace zc {
namespace {

constexpr int kJointRadius = 4;
constexpr int kFacePointRadius = 3;
constexpr int kStickWidth = 4;  // half the width of a limb
constexpr int kBoneThickness = 2;
constexpr double kDimmed = 0.6;

struct Colour {
  uint8_t red = 0, green = 0, blue = 0;
};

// Joints and limbs share the colours: joint i and limb i have the same.
constexpr Colour kColours[18] = {
    {255, 0, 0}, {255, 85, 0}, {255, 170, 0}, {255, 255, 0}, {170, 255, 0}, {85, 255, 0},
    {0, 255, 0}, {0, 255, 85}, {0, 255, 170}, {0, 255, 255}, {0, 170, 255}, {0, 85, 255},
    {0, 0, 255}, {85, 0, 255}, {170, 0, 255}, {255, 0, 255}, {255, 0, 170}, {255, 0, 85}};

// The hues i / 20, as Matplotlib and OpenCV round them.
constexpr Colour kBoneColours[20] = {{255, 0, 0},   {255, 77, 0},  {255, 153, 0}, {255, 229, 0},
                                     {204, 255, 0}, {128, 255, 0}, {51, 255, 0},  {0, 255, 25},
                                     {0, 255, 102}, {0, 255, 179}, {0, 255, 255}, {0, 178, 255},
                                     {0, 102, 255}, {0, 25, 255},  {51, 0, 255},  {128, 0, 255},
                                     {204, 0, 255}, {255, 0, 230}, {255, 0, 153}, {255, 0, 77}};

constexpr Colour kHandPointColour = {0, 0, 255};
constexpr Colour kFacePointColour = {255, 255, 255};

cv::Scalar scalar(Colour colour) {
  return {static_cast<double>(colour.red), static_cast<double>(colour.green),
          static_cast<double>(colour.blue)};
}

// Python's int(); far outside of every canvas it stops, where OpenCV would overflow.
int truncated(double value) {
  constexpr double kFar = 1e6;
  return static_cast<int>(std::clamp(value, -kFar, kFar));
}

uint8_t dimmed(uint8_t level) {
  return static_cast<uint8_t>(static_cast<double>(level) * kDimmed);
}

Colour dimmed(Colour colour) {
  return {dimmed(colour.red), dimmed(colour.green), dimmed(colour.blue)};
}

cv::Point pixel(const PosePoint& point) {
  return {truncated(point.x), truncated(point.y)};
}

cv::Mat view(Image& canvas) {
  ZC_BUG_IF(canvas.empty() || canvas.channels != 3);
  return {canvas.height, canvas.width, CV_8UC3, canvas.pixels.data()};
}

void dot(cv::Mat& canvas, const PosePoint& point, int radius, Colour colour) {
  cv::circle(canvas, pixel(point), radius, scalar(colour), cv::FILLED);
}

void fill_limb(cv::Mat& canvas, const PosePoint& from, const PosePoint& to, Colour colour) {
  const double dx = from.x - to.x;
  const double dy = from.y - to.y;
  const double length = std::sqrt(dy * dy + dx * dx);
  const double degrees = std::atan2(dy, dx) * (180.0 / std::numbers::pi);
  const cv::Point middle(truncated((from.x + to.x) / 2), truncated((from.y + to.y) / 2));
  std::vector<cv::Point> outline;
  cv::ellipse2Poly(middle, {truncated(length / 2), kStickWidth}, truncated(degrees), 0, 360, 1,
                   outline);
  cv::fillConvexPoly(canvas, outline, scalar(colour));
}

void draw_joints(cv::Mat& canvas, std::span<const BodyPose> bodies) {
  for (int part = 0; part < 18; ++part) {
    for (const BodyPose& body : bodies) {
      if (body[part]) dot(canvas, *body[part], kJointRadius, kColours[part]);
    }
  }
}

// Calls draw(from, to, limb) for the limbs with both ends known, limb by limb.
template <class Draw>
void for_each_limb(std::span<const BodyPose> bodies, Draw&& draw) {
  for (int limb = 0; limb < kDrawnLimbs; ++limb) {
    for (const BodyPose& body : bodies) {
      const auto& from = body[kPoseLimbs[limb][0]];
      const auto& to = body[kPoseLimbs[limb][1]];
      if (from && to) draw(*from, *to, limb);
    }
  }
}

// Both rules of hands: which ends of bones count and which points get a dot.
template <class EndCounts, class PointCounts>
void draw_hand(cv::Mat& canvas, const HandPose& hand, EndCounts&& end_counts,
               PointCounts&& point_counts) {
  for (int edge = 0; edge < 20; ++edge) {
    const auto& from = hand[kHandEdges[edge][0]];
    const auto& to = hand[kHandEdges[edge][1]];
    if (!from || !to || !end_counts(pixel(*from)) || !end_counts(pixel(*to))) continue;
    cv::line(canvas, pixel(*from), pixel(*to), scalar(kBoneColours[edge]), kBoneThickness);
  }
  for (const auto& point : hand) {
    if (point && point_counts(pixel(*point))) dot(canvas, *point, kJointRadius, kHandPointColour);
  }
}

bool is_positive(cv::Point p) {
  return p.x > 0 && p.y > 0;
}

std::vector<HandPose> hands_of(const PosePerson& person) {
  std::vector<HandPose> hands;
  if (person.left_hand) hands.push_back(*person.left_hand);
  if (person.right_hand) hands.push_back(*person.right_hand);
  return hands;
}

// Without the dimming of what earlier people left on the canvas.
void draw_person_webui(Image& canvas, const PosePerson& person, const PoseParts& parts) {
  cv::Mat target = view(canvas);
  const std::span<const BodyPose> body(&person.body, 1);
  if (parts.body) {
    for_each_limb(body, [&](const PosePoint& from, const PosePoint& to, int limb) {
      fill_limb(target, from, to, dimmed(kColours[limb]));
    });
    draw_joints(target, body);
  }
  if (parts.hands) draw_hand_pose_v11(canvas, hands_of(person));
  if (parts.face) draw_face_pose(canvas, std::span(&person.face, 1));
}

}  // namespace

void draw_body_pose(Image& canvas, std::span<const BodyPose> bodies) {
  cv::Mat target = view(canvas);
  draw_joints(target, bodies);
  cv::Mat with_limb;
  for_each_limb(bodies, [&](const PosePoint& from, const PosePoint& to, int limb) {
    target.copyTo(with_limb);
    fill_limb(with_limb, from, to, kColours[limb]);
    cv::addWeighted(target, 0.4, with_limb, 0.6, 0, target);
  });
  ZC_BUG_IF(target.data != canvas.pixels.data());
}

void draw_hand_pose(Image& canvas, std::span<const HandPose> hands) {
  cv::Mat target = view(canvas);
  for (const HandPose& hand : hands) {
    draw_hand(
        target, hand, [](cv::Point p) { return p.x != 0 && p.y != 0; },
        [](cv::Point) { return true; });
  }
}

void draw_body_pose_v11(Image& canvas, std::span<const BodyPose> bodies) {
  cv::Mat target = view(canvas);
  for_each_limb(bodies, [&](const PosePoint& from, const PosePoint& to, int limb) {
    fill_limb(target, from, to, kColours[limb]);
  });
  std::ranges::transform(canvas.pixels, canvas.pixels.begin(),
                         [](uint8_t level) { return dimmed(level); });
  draw_joints(target, bodies);
}

void draw_hand_pose_v11(Image& canvas, std::span<const HandPose> hands) {
  cv::Mat target = view(canvas);
  for (const HandPose& hand : hands) draw_hand(target, hand, is_positive, is_positive);
}

void draw_face_pose(Image& canvas, std::span<const FacePose> faces) {
  cv::Mat target = view(canvas);
  for (const FacePose& face : faces) {
    for (const auto& point : face) {
      if (point && is_positive(pixel(*point)))
        dot(target, *point, kFacePointRadius, kFacePointColour);
    }
  }
}

std::array<uint8_t, 3> joint_colour(int joint) {
  ZC_BUG_IF(joint < 0 || joint >= 18);
  const Colour c = kColours[joint];
  return {c.red, c.green, c.blue};
}

Image draw_people(ImageSize size, std::span<const PosePerson> people, PoseRules style,
                  const PoseParts& parts) {
  Image canvas(size.width, size.height, 3);
  if (style == PoseRules::webui) {
    for (const PosePerson& person : people) draw_person_webui(canvas, person, parts);
    return canvas;
  }
  std::vector<BodyPose> bodies;
  std::vector<HandPose> hands;
  std::vector<FacePose> faces;
  for (const PosePerson& person : people) {
    bodies.push_back(person.body);
    for (const HandPose& hand : hands_of(person)) hands.push_back(hand);
    faces.push_back(person.face);
  }
  const bool first_release = style == PoseRules::v10;
  if (parts.body) (first_release ? draw_body_pose : draw_body_pose_v11)(canvas, bodies);
  if (parts.hands) (first_release ? draw_hand_pose : draw_hand_pose_v11)(canvas, hands);
  if (parts.face) draw_face_pose(canvas, faces);
  return canvas;
}

Image draw_pose(const PoseDocument& document, const PoseDrawOptions& options) {
  return draw_people(document.canvas, document.people, options.rules,
                     {.body = options.body, .hands = options.hand, .face = options.face});
}

}  // namespace zc
