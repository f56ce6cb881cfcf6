// SPDX-License-Identifier: Apache-2.0
#include "annotators/openpose.h"

#include <algorithm>
#include <array>
#include <utility>

#include <c10/core/GradMode.h>

#include <fmt/format.h>

#include "annotators/pose_draw.h"
#include "base/error.h"

namespace zc {
namespace {

void check(const OpenposeNetworks& networks, const OpenposeOptions& options) {
  check_options(options, "openpose");
  if (options.face && options.rules == PoseRules::v10) {
    throw Error(ErrorKind::bad_request, "openpose.face",
                "the rules v10 know no faces; take v11 or webui");
  }
  const auto want = [](bool wanted, const void* network, const char* option, const char* file) {
    if (wanted && network == nullptr) {
      throw Error(ErrorKind::bad_request, fmt::format("openpose.{}", option),
                  fmt::format("wants the network of {}, which is not loaded", file));
    }
  };
  want(true, networks.body, "body", "body_pose_model.pth");
  want(options.hand, networks.hand, "hand", "hand_pose_model.pth");
  want(options.face, networks.face, "face", "facenet.pth");
}

HandPeaks find_hand(const OpenposeHandNetwork& network, const Image& crop, PoseRules rules) {
  std::vector<at::Tensor> maps;
  for (const PoseInput& input : hand_inputs(crop, rules))
    maps.push_back(network.forward(input.tensor));
  return hand_peaks(maps, crop.height, rules);
}

std::vector<PixelPoint> find_face(const OpenposeFaceNetwork& network, const Image& crop) {
  const at::Tensor maps = network.forward(face_input(crop).tensor);
  return face_peaks(face_maps(maps, {crop.width, crop.height}));
}

// Into a fraction and back, as the reference does before it draws.
PosePoint through_fraction(const PosePoint& point, ImageSize size) {
  const double x = point.x / size.width, y = point.y / size.height;
  return {x * size.width, y * size.height, point.score};
}

// The points of a hand or face by the rules of 1.1, in pixels.
FacePose part_points(const PartBox& box, std::span<const PixelPoint> peaks, ImageSize size) {
  FacePose points;
  for (const PosePoint& fraction : part_fractions(box, peaks, size)) {
    const bool missing = fraction.x < 0 || fraction.y < 0;
    points.push_back(
        missing ? std::nullopt
                : std::optional(PosePoint{fraction.x * size.width, fraction.y * size.height}));
  }
  return points;
}

// The first release moves each coordinate that is not 0 into the picture.
std::array<PixelPoint, 21> hand_in_picture(const DetectedHand& hand) {
  std::array<PixelPoint, 21> points = hand.peaks;
  for (PixelPoint& p : points) {
    if (p.x != 0) p.x += hand.box.x;
    if (p.y != 0) p.y += hand.box.y;
  }
  return points;
}

// Missing points stay as (0, 0), where the first release draws them, or are left out.
HandPose hand_v10(const DetectedHand& hand, bool keep_missing) {
  HandPose pose;
  const auto points = hand_in_picture(hand);
  for (size_t i = 0; i < pose.size(); ++i) {
    if (keep_missing || (points[i].x != 0 && points[i].y != 0))
      pose[i] = PosePoint{static_cast<double>(points[i].x), static_cast<double>(points[i].y)};
  }
  return pose;
}

HandPose hand_v11(const DetectedHand& hand, ImageSize size) {
  HandPose pose;
  const FacePose points = part_points(hand.box, hand.peaks, size);
  std::copy(points.begin(), points.end(), pose.begin());
  return pose;
}

}  // namespace

OpenposeDetection detect_openpose(const OpenposeNetworks& networks, const Image& rgb,
                                  const OpenposeOptions& options) {
  ZC_BUG_IF(rgb.empty() || rgb.channels != 3);
  check(networks, options);
  const c10::NoGradGuard no_grad;
  OpenposeDetection out;
  out.size = {rgb.width, rgb.height};
  const PoseInput input = body_input(rgb, options.rules);
  const OpenposeBodyNetwork::Maps maps = networks.body->forward(input.tensor);
  out.bodies = assemble_bodies({maps.heat, input.content, out.size, options.rules},
                               {maps.affinity, input.content, out.size, options.rules});
  if (options.hand) {
    for (const PartBox& box : hand_boxes(out.bodies, out.size))
      out.hands.push_back({box, find_hand(*networks.hand, crop_box(rgb, box), options.rules)});
  }
  if (options.face) {
    for (const PartBox& box : face_boxes(out.bodies, out.size)) {
      auto peaks = find_face(*networks.face, crop_box(rgb, box));
      if (!peaks.empty()) out.faces.push_back({box, std::move(peaks)});
    }
  }
  return out;
}

std::vector<PosePoint> part_fractions(const PartBox& box, std::span<const PixelPoint> peaks,
                                      ImageSize picture) {
  const auto fraction = [](int inside, int offset, int size) {
    const int position = inside < 1 ? -1 : inside + offset;
    return static_cast<double>(static_cast<float>(position) / static_cast<float>(size));
  };
  std::vector<PosePoint> points;
  for (const PixelPoint& p : peaks) {
    points.push_back({fraction(p.x, box.x, picture.width), fraction(p.y, box.y, picture.height)});
  }
  return points;
}

std::vector<PosePerson> people_of(const OpenposeDetection& detection, PoseRules rules) {
  std::vector<PosePerson> people;
  const bool first_release = rules == PoseRules::v10;
  for (const BodyPose& body : bodies_of(detection.bodies)) {
    PosePerson& person = people.emplace_back();
    person.body = body;
    if (first_release) continue;
    for (auto& point : person.body) {
      if (point) point = through_fraction(*point, detection.size);
    }
  }
  for (const DetectedHand& hand : detection.hands) {
    PosePerson& person = people.at(hand.box.person);
    (hand.box.is_left ? person.left_hand : person.right_hand) =
        first_release ? hand_v10(hand, /*keep_missing=*/false) : hand_v11(hand, detection.size);
  }
  for (const DetectedFace& face : detection.faces)
    people.at(face.box.person).face = part_points(face.box, face.peaks, detection.size);
  return people;
}

PoseDocument openpose_people(const OpenposeNetworks& networks, const Image& rgb,
                             const OpenposeOptions& options) {
  const OpenposeDetection detection = detect_openpose(networks, rgb, options);
  PoseDocument document = {detection.size, people_of(detection, options.rules)};
  if (!options.body) {
    for (PosePerson& person : document.people) person.body = {};
  }
  return document;
}

Image draw_openpose(const OpenposeDetection& detection, const OpenposeOptions& options) {
  if (options.rules != PoseRules::v10) {
    return draw_people(detection.size, people_of(detection, options.rules), options.rules,
                       {.body = options.body, .hands = options.hand, .face = options.face});
  }
  Image canvas(detection.size.width, detection.size.height, 3);
  if (options.body) draw_body_pose(canvas, bodies_of(detection.bodies));
  if (options.hand) {
    std::vector<HandPose> hands;
    for (const DetectedHand& hand : detection.hands)
      hands.push_back(hand_v10(hand, /*keep_missing=*/true));
    draw_hand_pose(canvas, hands);
  }
  return canvas;
}

Image openpose_map(const OpenposeNetworks& networks, const Image& rgb,
                   const OpenposeOptions& options) {
  return draw_openpose(detect_openpose(networks, rgb, options), options);
}

}  // namespace zc
