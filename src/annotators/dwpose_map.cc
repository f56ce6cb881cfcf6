// SPDX-License-Identifier: Apache-2.0
#include "annotators/dwpose_map.h"

#include <c10/core/GradMode.h>

#include "annotators/pose_draw.h"

namespace zc {

std::vector<PersonBox> dwpose_find(const YoloxL& detector, const Image& rgb) {
  const c10::NoGradGuard no_grad;
  // mmdetection trained and runs its detector on BGR. The web UI, whose detector comes from another
  // file, hands it RGB.
  const at::Tensor picture = dwpose_detector_input(rgb).tensor.flip(0).unsqueeze(0);
  return dwpose_boxes(detector.forward(picture)[0], {rgb.width, rgb.height});
}

PosePerson dwpose_person(const RtmposeWholeBody& network, const Image& rgb, const PersonBox& box,
                         const DwposeOptions& options) {
  const c10::NoGradGuard no_grad;
  const DwposeCrop crop = dwpose_crop(rgb, box);
  const RtmposeWholeBody::Places places = network.forward(crop.tensor.unsqueeze(0));
  PosePerson person =
      openpose_person(dwpose_points(places.x[0], places.y[0], crop.center, crop.scale));
  if (!options.body) person.body = {};
  if (!options.hand) {
    person.left_hand.reset();
    person.right_hand.reset();
  }
  if (!options.face) person.face.clear();
  return person;
}

PoseDocument dwpose_people(const DwposeNetworks& networks, const Image& rgb,
                           const DwposeOptions& options) {
  PoseDocument people = {{rgb.width, rgb.height}, {}};
  for (const PersonBox& box : dwpose_find(networks.detector, rgb))
    people.people.push_back(dwpose_person(networks.pose, rgb, box, options));
  return people;
}

Image draw_dwpose(const PoseDocument& people, const DwposeOptions& options) {
  return draw_people(people.canvas, people.people, PoseRules::webui,
                     {.body = options.body, .hands = options.hand, .face = options.face});
}

Image dwpose_map(const DwposeNetworks& networks, const Image& rgb, const DwposeOptions& options) {
  return draw_dwpose(dwpose_people(networks, rgb, options), options);
}

}  // namespace zc
