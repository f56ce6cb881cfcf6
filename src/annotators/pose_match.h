// SPDX-License-Identifier: Apache-2.0
// How many joints of known people a picture shows where they belong (PCK, the percentage of correct
// keypoints).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "annotators/pose.h"
#include "annotators/pose_json.h"

namespace zc {

// Of a joint's distance from its place, in sizes of the person (PCK@0.1).
inline constexpr double kJointReach = 0.1;

// The larger side of the box around the body's known joints, at least 1 pixel.
double body_size(const BodyPose& body);

// The bodies of whom at least three joints lie on the canvas, without the other joints: fewer tell
// no size.
std::vector<BodyPose> measurable_bodies(const PoseDocument& people);

struct JointCount {
  int64_t joints = 0;  // known ones of all wanted bodies
  int64_t right = 0;   // of these, found within kJointReach sizes of the wanted body
  JointCount& operator+=(const JointCount& other);
  double share() const;  // 0 without joints
};

// Each wanted body is matched with at most one found body and the other way round, so that as many
// joints as possible are right; bodies that are found beside these do not count. All in pixels of
// one picture.
JointCount match_bodies(std::span<const BodyPose> wanted, std::span<const BodyPose> found);

}  // namespace zc
