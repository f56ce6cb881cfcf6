// SPDX-License-Identifier: Apache-2.0
// Hands and faces of found bodies: where to look, the networks' inputs, and the points out of their
// maps (annotator/openpose/hand.py, face.py and util.py of the reference).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <span>
#include <vector>

#include "annotators/pose_assembly.h"
#include "annotators/pose_maps.h"
#include "image/draw.h"
#include "image/image.h"

namespace zc {

// A square to look into, at least 20 pixels wide. That of a face may reach over the right and lower
// edge of the picture.
struct PartBox {
  int x = 0, y = 0, side = 0;
  int person = 0;        // index into BodyDetection::people
  bool is_left = false;  // of hands
};

// Person by person, left before right: those whose shoulder, elbow and wrist are known.
std::vector<PartBox> hand_boxes(const BodyDetection& detection, ImageSize picture);
// Of people whose nose and at least one eye or ear are known.
std::vector<PartBox> face_boxes(const BodyDetection& detection, ImageSize picture);

// What of the box lies inside the picture.
Image crop_box(const Image& rgb, const PartBox& box);

// Hands

inline constexpr int kHandScales = 4;
// The square crop at the four sizes 184, 368, 552, 736, which version 1.1 blurs first.
std::array<PoseInput, kHandScales> hand_inputs(const Image& crop, PoseRules rules);

// Points in pixels of the crop, (0, 0) where nothing was found.
using HandPeaks = std::array<PixelPoint, 21>;
// `maps` are the network's outputs at the four sizes, each [1,22,h,w] or [22,h,w], whose mean
// counts. In version 1.1 the points are those of a grid of 128 x 128.
HandPeaks hand_peaks(std::span<const at::Tensor> maps, int crop_side, PoseRules rules);

// Faces

// The crop at 384 x 384.
PoseInput face_input(const Image& crop);
// The network's output [1,71,h,w] or [71,h,w] at the size of the crop: [71,height,width].
at::Tensor face_maps(const at::Tensor& maps, ImageSize crop);
// Points in pixels of the crop. Where no value is above 0.05 the point is left out and the later
// ones move up. `maps` [C,H,W].
std::vector<PixelPoint> face_peaks(const at::Tensor& maps);

}  // namespace zc
