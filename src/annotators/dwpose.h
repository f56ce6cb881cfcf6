// SPDX-License-Identifier: Apache-2.0
// What goes before and after the two networks of DWPose, a detector of people (YOLOX-L) and a
// whole-body pose network of 133 points (cv_ox_det.py, cv_ox_pose.py and wholebody.py of the web
// UI's ControlNet extension). The networks themselves are not here.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "annotators/pose.h"
#include "image/image.h"
#include "image/resize.h"

namespace zc {

// The picture in the left upper corner of a grey square of 640.
struct DwposeDetectorInput {
  at::Tensor tensor;  // float32 [3,640,640], 0 to 255, RGB
  double ratio = 1;   // of its sizes to the picture's
};
DwposeDetectorInput dwpose_detector_input(const Image& rgb);
double dwpose_detector_ratio(ImageSize picture);

struct PersonBox {
  double left = 0, top = 0, right = 0, bottom = 0;
};
// People in the detector's output [8400,85], in pixels of the picture, best first. Empty when there
// is nothing at all; the whole picture when there are things but no person. Throws bad_request for
// another shape.
std::vector<PersonBox> dwpose_boxes(const at::Tensor& output, ImageSize picture);

// One person at 288 x 384.
struct DwposeCrop {
  PosePoint center;            // of the box
  PosePoint scale;             // width and height of what is seen of the picture
  std::array<double, 6> warp;  // picture to crop, two rows of three
  at::Tensor tensor;           // float32 [3,384,288], mean and deviation of ImageNet, RGB
};
DwposeCrop dwpose_crop(const Image& rgb, const PersonBox& box);

inline constexpr int kWholeBodyPoints = 133;
using WholeBody = std::array<PosePoint, kWholeBodyPoints>;

// The points of one person in pixels of the picture, with their scores, out of the network's
// outputs x [133,576] and y [133,768]. Throws bad_request for other shapes.
WholeBody dwpose_points(const at::Tensor& x, const at::Tensor& y, const PosePoint& center,
                        const PosePoint& scale);

// OpenPose's points, those with a score of at least 0.3; feet are dropped. A hand or face with no
// such point is absent. The last two of the face's 70 points are the body's eyes.
PosePerson openpose_person(const WholeBody& points);

}  // namespace zc
