// SPDX-License-Identifier: Apache-2.0
// People as skeletons out of a picture: the whole detector of the first release, of version 1.1 and
// of the web UI (annotator/openpose/__init__.py of each).
#pragma once

#include <span>
#include <vector>

#include "annotators/openpose_networks.h"
#include "annotators/pose_assembly.h"
#include "annotators/pose_json.h"
#include "annotators/pose_parts.h"
#include "base/options.h"
#include "image/image.h"

namespace zc {

struct OpenposeOptions {
  PoseRules rules = PoseRules::v11;
  bool body = true;
  bool hand = false;
  bool face = false;
};

template <OptionsOf<OpenposeOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("rules", o.rules,
        "v10 for ControlNets of the first release, v11 for those of version 1.1, webui to draw "
        "person by person");
  visit("body", o.body, "draw bodies; switched off, they are only searched for hands and faces");
  visit("hand", o.hand, "find hands too; wants hand_pose_model.pth");
  visit("face", o.face, "find faces too; wants facenet.pth; not with v10");
}

// The networks; those of parts that are not asked for may be null. Borrowed.
struct OpenposeNetworks {
  const OpenposeBodyNetwork* body = nullptr;
  const OpenposeHandNetwork* hand = nullptr;
  const OpenposeFaceNetwork* face = nullptr;
};

struct DetectedHand {
  PartBox box;
  HandPeaks peaks;  // in the box
};
struct DetectedFace {
  PartBox box;
  std::vector<PixelPoint> peaks;  // in the box, at least one
};
struct OpenposeDetection {
  ImageSize size;
  BodyDetection bodies;
  std::vector<DetectedHand> hands;
  std::vector<DetectedFace> faces;
};

// Throws bad_request for options that do not go together, a part without its network, or a picture
// that is much too narrow or wide.
OpenposeDetection detect_openpose(const OpenposeNetworks& networks, const Image& rgb,
                                  const OpenposeOptions& options = {});

// Version 1.1 keeps points as fractions of the picture in single precision, with a missing
// coordinate at -1 / size: those of one hand or face.
std::vector<PosePoint> part_fractions(const PartBox& box, std::span<const PixelPoint> peaks,
                                      ImageSize picture);

// Each person with their parts, in pixels; missing points are absent. With v11 and webui the
// coordinates are those that come back from fractions of the picture, which now and then are a
// little below whole pixels, as in the reference.
std::vector<PosePerson> people_of(const OpenposeDetection& detection, PoseRules rules);

// What is found and asked for, on a canvas of the picture's size. Drawn, it is the map, but for the
// first release's hands: that one puts a dot at (0, 0) for each point it did not find.
PoseDocument openpose_people(const OpenposeNetworks& networks, const Image& rgb,
                             const OpenposeOptions& options = {});

// On black, RGB, the size of the picture.
Image draw_openpose(const OpenposeDetection& detection, const OpenposeOptions& options = {});

// Detection and drawing.
Image openpose_map(const OpenposeNetworks& networks, const Image& rgb,
                   const OpenposeOptions& options = {});

}  // namespace zc
