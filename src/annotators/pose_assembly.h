// SPDX-License-Identifier: Apache-2.0
// People out of the body network's maps: peaks of the joints' maps, pairs of peaks that the limbs'
// direction maps connect, and pairs put together (annotator/openpose/body.py of the reference).
#pragma once

#include <array>
#include <vector>

#include "annotators/pose.h"
#include "annotators/pose_maps.h"
#include "image/image.h"
#include "image/resize.h"

namespace zc {

// A peak of the map of one joint, in whole pixels. Its id is its place in the list of all.
struct PosePeak {
  int x = 0, y = 0;
  double score = 0;  // the map's value there
};

// What the reference calls a row of `subset`.
struct AssembledPerson {
  std::array<int, 18> peaks;  // ids, -1 for a joint that was not found
  double score = 0;
  int parts = 0;
};

struct BodyDetection {
  std::vector<PosePeak> peaks;  // joint by joint, also those that belong to nobody
  std::vector<AssembledPerson> people;
};

// The body network's input of a picture: half of 368 rows high. Throws bad_request when the picture
// is so narrow or so wide that nothing would be left or too much would have to be computed.
PoseInput body_input(const Image& rgb, PoseRules rules);
// How large that input is without its padding.
ImageSize body_input_size(ImageSize picture, PoseRules rules);

// `heat` has 19 and `affinity` 38 channels; both are enlarged to the size of the picture.
BodyDetection assemble_bodies(const PoseMaps& heat, const PoseMaps& affinity);

// The joints of each person, in pixels.
std::vector<BodyPose> bodies_of(const BodyDetection& detection);

}  // namespace zc
