// SPDX-License-Identifier: Apache-2.0
// What a skeleton is: OpenPose's points of bodies, hands and faces, in pixels of a picture.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace zc {

// Pixels; whole numbers are the middles of pixels, as in the reference.
struct PosePoint {
  double x = 0, y = 0;
  double score = 1;
};

// COCO-18 in OpenPose's order: nose, neck, right shoulder, elbow, wrist, left shoulder, elbow,
// wrist, right hip, knee, ankle, left hip, knee, ankle, right eye, left eye, right ear, left ear.
using BodyPose = std::array<std::optional<PosePoint>, 18>;

// Wrist, then four points of thumb, index, middle, ring and little finger, outwards.
using HandPose = std::array<std::optional<PosePoint>, 21>;

// 70 points, or fewer where a detector leaves out what it did not find; empty without a face.
using FacePose = std::vector<std::optional<PosePoint>>;
inline constexpr int kFacePoints = 70;

struct PosePerson {
  BodyPose body;
  std::optional<HandPose> left_hand, right_hand;
  FacePose face;
};

// visit(PosePoint&) for each point that is known.
template <class Visit>
void for_each_point(std::span<PosePerson> people, Visit&& visit) {
  const auto visit_all = [&](std::span<std::optional<PosePoint>> points) {
    for (auto& point : points) {
      if (point) visit(*point);
    }
  };
  for (PosePerson& person : people) {
    visit_all(person.body);
    if (person.left_hand) visit_all(*person.left_hand);
    if (person.right_hand) visit_all(*person.right_hand);
    visit_all(person.face);
  }
}

// Whose rules the detection and the drawing follow: the first release's, version 1.1's, or those of
// the web UI's extension, which detects as 1.1 and draws person by person.
enum class PoseRules { v10, v11, webui };
inline std::array<std::string_view, 3> enumerator_names(PoseRules) {
  return {"v10", "v11", "webui"};
}

// The ends of the limbs. The first 17 are drawn; the last two, from shoulder to ear, only help to
// tell people apart.
inline constexpr int kPoseLimbs[19][2] = {
    {1, 2},   {1, 5},   {2, 3}, {3, 4},  {5, 6},   {6, 7},  {1, 8},   {8, 9},  {9, 10}, {1, 11},
    {11, 12}, {12, 13}, {1, 0}, {0, 14}, {14, 16}, {0, 15}, {15, 17}, {2, 16}, {5, 17}};
inline constexpr int kDrawnLimbs = 17;

// The bones of a hand.
inline constexpr int kHandEdges[20][2] = {{0, 1},   {1, 2},   {2, 3},   {3, 4},   {0, 5},
                                          {5, 6},   {6, 7},   {7, 8},   {0, 9},   {9, 10},
                                          {10, 11}, {11, 12}, {0, 13},  {13, 14}, {14, 15},
                                          {15, 16}, {0, 17},  {17, 18}, {18, 19}, {19, 20}};

}  // namespace zc
