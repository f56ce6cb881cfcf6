// SPDX-License-Identifier: Apache-2.0
// Skeletons as coloured sticks (draw_bodypose of the reference's annotator/openpose/util.py, first
// release).
#pragma once

#include <array>
#include <optional>
#include <span>

#include "image/image.h"

namespace zc {

// Pixels; whole numbers are the middles of pixels, as in the reference.
struct PosePoint {
  double x = 0, y = 0;
};

// COCO-18 in OpenPose's order: nose, neck, right shoulder, elbow, wrist, left shoulder, elbow,
// wrist, right hip, knee, ankle, left hip, knee, ankle, right eye, left eye, right ear, left ear.
using BodyPose = std::array<std::optional<PosePoint>, 18>;

// Draws onto an RGB canvas, usually black: first all joints, then the limbs with both ends known,
// each blended over what is there. Sizes are in pixels whatever the canvas measures. Points may lie
// outside.
void draw_body_pose(Image& canvas, std::span<const BodyPose> bodies);

}  // namespace zc
