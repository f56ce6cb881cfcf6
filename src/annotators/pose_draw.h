// SPDX-License-Identifier: Apache-2.0
// Skeletons as coloured sticks, in the three styles that ControlNets were trained on or are fed
// with (annotator/openpose/util.py of the first release, of version 1.1 and of the web UI's
// extension).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "annotators/pose.h"
#include "annotators/pose_json.h"
#include "base/options.h"
#include "image/image.h"
#include "image/resize.h"

namespace zc {

// All functions draw onto an RGB canvas, usually black. Sizes are in pixels whatever the canvas
// measures; coordinates are cut to whole pixels. Points may lie outside.

// First release: first all joints, then the limbs with both ends known, each blended over what is
// there.
void draw_body_pose(Image& canvas, std::span<const BodyPose> bodies);
// First release: bones none of whose coordinates is 0 (which stands for a missing point), then a
// dot for every point, also at (0, 0).
void draw_hand_pose(Image& canvas, std::span<const HandPose> hands);

// Version 1.1: first the limbs, then everything on the canvas is dimmed, then the joints.
void draw_body_pose_v11(Image& canvas, std::span<const BodyPose> bodies);
// Bones and dots where both coordinates are positive.
void draw_hand_pose_v11(Image& canvas, std::span<const HandPose> hands);
// White dots where both coordinates are positive.
void draw_face_pose(Image& canvas, std::span<const FacePose> faces);

// Of joint i of BodyPose, and of limb i of kPoseLimbs before it is blended or dimmed.
std::array<uint8_t, 3> joint_colour(int joint);

struct PoseParts {
  bool body = true;
  bool hands = true;
  bool face = true;
};

// Bodies, hands and faces on black in one of the styles. The first release has no faces: they are
// drawn as by the others.
Image draw_people(ImageSize size, std::span<const PosePerson> people, PoseRules style,
                  const PoseParts& parts = {});

// As the options of a detector, but whatever is there is drawn unless it is switched off.
struct PoseDrawOptions {
  PoseRules rules = PoseRules::v11;
  bool body = true;
  bool hand = true;
  bool face = true;
};

template <OptionsOf<PoseDrawOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("rules", o.rules, "style");
  visit("body", o.body, "draw bodies");
  visit("hand", o.hand, "draw hands");
  visit("face", o.face, "draw faces");
}

// On black, RGB, the size of the canvas.
Image draw_pose(const PoseDocument& document, const PoseDrawOptions& options = {});

}  // namespace zc
