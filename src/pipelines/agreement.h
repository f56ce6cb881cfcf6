// SPDX-License-Identifier: Apache-2.0
// How well two maps of one kind agree: the map that a picture should obey, and the one that was
// taken from the picture.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "annotators/pose_json.h"
#include "image/image.h"

namespace zc {

struct EdgeMatch {
  double precision = 0;  // share of the found edges that lie near a wanted one
  double recall = 0;     // share of the wanted edges that lie near a found one
  double f1 = 0;
};

// Pixels brighter than 127 are edges; "near" is a distance of at most `tolerance` pixels. Both maps
// have one size. Two empty maps agree, one empty map does not.
EdgeMatch match_edges(const Image& wanted, const Image& found, int tolerance = 2);

struct Agreement {
  std::string metric;  // with its unit, as people read it
  double value = 0;
  bool more_is_better = true;
};

// Of maps with one size: edge F1 (canny, mlsd, hed, scribble and other lines), correlation (depth),
// mean angle in degrees (normal), mean IoU over the wanted map's classes (seg), F1 of the
// skeletons' pixels, limb by limb (openpose, where the joints are not known: else pose_agreement).
// Nothing for kinds that are not measured.
std::optional<Agreement> map_agreement(std::string_view kind, const Image& wanted,
                                       const Image& found);

// The share of the joints of the wanted people that are found within a tenth of the person's size,
// people matched as well as they can be (match_bodies). Of people that are measurable_bodies;
// nothing when nobody is. Both in pixels of one picture.
inline constexpr std::string_view kPoseMetric = "PCK@0.1";
std::optional<Agreement> pose_agreement(const PoseDocument& wanted, const PoseDocument& found);

}  // namespace zc
