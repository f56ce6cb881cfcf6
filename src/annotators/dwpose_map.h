// SPDX-License-Identifier: Apache-2.0
// People as skeletons out of a picture by DWPose: detector, pose network and drawing, as the web
// UI's dw_openpose_full puts them together.
#pragma once

#include <vector>

#include "annotators/dwpose.h"
#include "annotators/pose_json.h"
#include "annotators/rtmpose.h"
#include "annotators/yolox.h"
#include "base/options.h"
#include "image/image.h"

namespace zc {

struct DwposeOptions {
  bool body = true;
  bool hand = true;
  bool face = true;
};

template <OptionsOf<DwposeOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("body", o.body, "draw bodies");
  visit("hand", o.hand, "draw hands");
  visit("face", o.face, "draw faces");
}

// Borrowed.
struct DwposeNetworks {
  const YoloxL& detector;
  const RtmposeWholeBody& pose;
};

// Where the detector sees people, the surest first (dwpose_boxes).
std::vector<PersonBox> dwpose_find(const YoloxL& detector, const Image& rgb);

// What is found in the box and asked for.
PosePerson dwpose_person(const RtmposeWholeBody& network, const Image& rgb, const PersonBox& box,
                         const DwposeOptions& options = {});

// What is found and asked for, the surest person first, on a canvas of the picture's size. Where
// there are things but no person, the whole picture is taken for one.
PoseDocument dwpose_people(const DwposeNetworks& networks, const Image& rgb,
                           const DwposeOptions& options = {});

// In the style of the web UI: on black, RGB, the size of the canvas.
Image draw_dwpose(const PoseDocument& people, const DwposeOptions& options = {});

// Detection and drawing.
Image dwpose_map(const DwposeNetworks& networks, const Image& rgb,
                 const DwposeOptions& options = {});

}  // namespace zc
