// SPDX-License-Identifier: Apache-2.0
// Poses: OpenPose's networks and what follows them, drawing, DWPose's steps around its networks.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "annotator_case.h"
#include "annotators/dwpose.h"
#include "annotators/openpose.h"
#include "annotators/openpose_networks.h"
#include "annotators/pose_assembly.h"
#include "annotators/pose_draw.h"
#include "annotators/pose_parts.h"
#include "annotators/weights.h"
#include "base/error.h"
#include "image/resize.h"

namespace zc::parity {
namespace {

using nlohmann::json;

PoseRules rules_of(const AnnotatorCase& c) {
  const auto name = c.params().at("variant").get<std::string>();
  const auto names = enumerator_names(PoseRules{});
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<PoseRules>(i);
  }
  throw Error(ErrorKind::bad_file, c.id, "variant " + name);
}

ImageSize picture_size(const AnnotatorCase& c) {
  return {c.params().at("image_width").get<int>(), c.params().at("image_height").get<int>()};
}

Image boxed(const AnnotatorCase& c) {
  const auto& box = c.params().at("box_xyw");
  return crop_box(c.detector_input(),
                  {box.at(0).get<int>(), box.at(1).get<int>(), box.at(2).get<int>()});
}

json pairs(std::span<const PixelPoint> points) {
  json list = json::array();
  for (const PixelPoint& p : points) list.push_back(json::array({p.x, p.y}));
  return list;
}

// Networks

AnnotatorOutputs body_network(const AnnotatorCase& c) {
  OpenposeBodyNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  AnnotatorOutputs out;
  network.forward(body_input(c.detector_input(), rules_of(c)).tensor, &out.tensors);
  return out;
}

AnnotatorOutputs hand_network(const AnnotatorCase& c) {
  OpenposeHandNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  const Image crop = boxed(c);
  AnnotatorOutputs out;
  std::vector<at::Tensor> maps;
  for (const PoseInput& input : hand_inputs(crop, rules_of(c))) {
    const std::string scale = "scale" + std::to_string(maps.size());
    out.tensors[scale + ".net_input"] = input.tensor;
    maps.push_back(network.forward(input.tensor));
    out.tensors[scale + ".heatmap"] = maps.back();
  }
  out.values["peaks"] = pairs(hand_peaks(maps, crop.height, rules_of(c)));
  return out;
}

AnnotatorOutputs face_network(const AnnotatorCase& c) {
  OpenposeFaceNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  const Image crop = boxed(c);
  AnnotatorOutputs out;
  const at::Tensor maps = network.forward(face_input(crop).tensor, &out.tensors);
  const at::Tensor resized = face_maps(maps, {crop.width, crop.height});
  out.tensors["heatmap_resized"] = resized;
  out.values["peaks"] = pairs(face_peaks(resized));
  return out;
}

// After the networks

BodyDetection detection_of(const AnnotatorCase& c, PoseRules rules) {
  const ImageSize size = picture_size(c);
  const ImageSize content = body_input_size(size, rules);
  return assemble_bodies({c.tensor("heatmap"), content, size, rules},
                         {c.tensor("paf"), content, size, rules});
}

json candidate_rows(const BodyDetection& detection) {
  json rows = json::array();
  for (const PosePeak& peak : detection.peaks)
    rows.push_back(json::array({peak.x, peak.y, peak.score, rows.size()}));
  return rows;
}

json subset_rows(const BodyDetection& detection) {
  json rows = json::array();
  for (const AssembledPerson& person : detection.people) {
    json row = person.peaks;
    row.push_back(person.score);
    row.push_back(person.parts);
    rows.push_back(std::move(row));
  }
  return rows;
}

AnnotatorOutputs body_post(const AnnotatorCase& c) {
  const PoseRules rules = rules_of(c);
  const ImageSize size = picture_size(c);
  const OpenposeDetection found = {size, detection_of(c, rules), {}, {}};
  AnnotatorOutputs out;
  out.values["candidate"] = candidate_rows(found.bodies);
  out.values["subset"] = subset_rows(found.bodies);
  json hands = json::array(), faces = json::array();
  for (const PartBox& b : hand_boxes(found.bodies, size))
    hands.push_back(json::array({b.x, b.y, b.side, b.is_left}));
  for (const PartBox& b : face_boxes(found.bodies, size))
    faces.push_back(json::array({b.x, b.y, b.side}));
  out.values["hand_boxes"] = std::move(hands);
  out.values["face_boxes"] = std::move(faces);
  out.images["canvas"] = draw_openpose(found, {.rules = rules});
  return out;
}

std::vector<at::Tensor> hand_maps(const AnnotatorCase& c) {
  std::vector<at::Tensor> maps;
  for (const char* name : {"heatmap_23", "heatmap_46", "heatmap_69", "heatmap_92"})
    maps.push_back(c.tensor(name));
  return maps;
}

AnnotatorOutputs hand_post(const AnnotatorCase& c) {
  const int side = c.params().at("side").get<int>();
  const HandPeaks peaks = hand_peaks(hand_maps(c), side, rules_of(c));
  AnnotatorOutputs out;
  out.values["peaks"] = pairs(peaks);
  HandPose hand;
  for (size_t i = 0; i < hand.size(); ++i)
    hand[i] = PosePoint{static_cast<double>(peaks[i].x), static_cast<double>(peaks[i].y)};
  Image canvas(side, side, 3);
  draw_hand_pose(canvas, std::span(&hand, 1));
  out.images["canvas"] = std::move(canvas);
  return out;
}

AnnotatorOutputs face_post(const AnnotatorCase& c) {
  const int side = c.params().at("crop").get<int>();
  AnnotatorOutputs out;
  out.values["peaks"] = pairs(face_peaks(face_maps(c.tensor("face_heatmap"), {side, side})));
  return out;
}

// The detector with the maps of the case in place of what the networks give for each part.
OpenposeDetection whole_detection(const AnnotatorCase& c, PoseRules rules) {
  OpenposeDetection found;
  found.size = picture_size(c);
  found.bodies = detection_of(c, rules);
  const auto maps = hand_maps(c);
  for (const PartBox& box : hand_boxes(found.bodies, found.size))
    found.hands.push_back({box, hand_peaks(maps, box.side, rules)});
  if (rules == PoseRules::v10) return found;
  const Image picture(found.size.width, found.size.height, 3);
  for (const PartBox& box : face_boxes(found.bodies, found.size)) {
    const Image crop = crop_box(picture, box);
    found.faces.push_back(
        {box, face_peaks(face_maps(c.tensor("face_heatmap"), {crop.width, crop.height}))});
  }
  return found;
}

AnnotatorOutputs full_v10(const AnnotatorCase& c) {
  const OpenposeDetection found = whole_detection(c, PoseRules::v10);
  AnnotatorOutputs out;
  out.values["pose"] = {{"candidate", candidate_rows(found.bodies)},
                        {"subset", subset_rows(found.bodies)}};
  out.images["canvas_body"] = draw_openpose(found, {.rules = PoseRules::v10});
  out.images["canvas_body_and_hand"] =
      draw_openpose(found, {.rules = PoseRules::v10, .hand = true});
  return out;
}

json fraction_pairs(const PartBox& box, std::span<const PixelPoint> peaks, ImageSize size) {
  json list = json::array();
  for (const PosePoint& p : part_fractions(box, peaks, size))
    list.push_back(json::array({p.x, p.y}));
  return list;
}

AnnotatorOutputs full_v11(const AnnotatorCase& c) {
  const OpenposeDetection found = whole_detection(c, PoseRules::v11);
  json candidate = json::array(), hands = json::array(), faces = json::array();
  for (const PosePeak& peak : found.bodies.peaks) {
    candidate.push_back(json::array({static_cast<double>(peak.x) / found.size.width,
                                     static_cast<double>(peak.y) / found.size.height}));
  }
  for (const DetectedHand& hand : found.hands)
    hands.push_back(fraction_pairs(hand.box, hand.peaks, found.size));
  for (const DetectedFace& face : found.faces)
    faces.push_back(fraction_pairs(face.box, face.peaks, found.size));
  json bodies;
  bodies["candidate"] = std::move(candidate);
  bodies["subset"] = subset_rows(found.bodies);
  json pose;
  pose["bodies"] = std::move(bodies);
  pose["hands"] = std::move(hands);
  pose["faces"] = std::move(faces);
  AnnotatorOutputs out;
  out.values["pose"] = std::move(pose);
  out.images["canvas"] = draw_openpose(found, {.hand = true, .face = true});
  return out;
}

// Drawing

struct DrawnPoints {
  ImageSize size;
  std::vector<BodyPose> bodies;
  HandPose hand;
  FacePose face;
};

DrawnPoints points_of(const AnnotatorCase& c, bool are_fractions) {
  const json& points = c.input("points");
  DrawnPoints out;
  out.size = {points.at("width").get<int>(), points.at("height").get<int>()};
  const auto point = [&](const json& xy) {
    const double width = are_fractions ? out.size.width : 1.0;
    const double height = are_fractions ? out.size.height : 1.0;
    return PosePoint{xy.at(0).get<double>() * width, xy.at(1).get<double>() * height};
  };
  for (const json& row : points.at("subset")) {
    BodyPose& body = out.bodies.emplace_back();
    for (size_t part = 0; part < body.size(); ++part) {
      const int id = row.at(part).get<int>();
      if (id >= 0) body[part] = point(points.at("candidate").at(static_cast<size_t>(id)));
    }
  }
  for (size_t i = 0; i < out.hand.size(); ++i) out.hand[i] = point(points.at("hand").at(i));
  for (const json& xy : points.at("face")) out.face.push_back(point(xy));
  return out;
}

AnnotatorOutputs draw(const AnnotatorCase& c) {
  const PoseRules rules = rules_of(c);
  const DrawnPoints points = points_of(c, rules != PoseRules::v10);
  std::vector<PosePerson> people;
  for (const BodyPose& body : points.bodies) people.emplace_back().body = body;
  people.back().right_hand = points.hand;
  people.back().face = points.face;
  const auto drawn = [&](const PoseParts& parts) {
    return draw_people(points.size, people, rules, parts);
  };
  AnnotatorOutputs out;
  out.images["all"] = drawn({});
  out.images["body"] = drawn({.hands = false, .face = false});
  out.images["hand"] = drawn({.body = false, .face = false});
  out.images["face"] = drawn({.body = false, .hands = false});
  return out;
}

// DWPose

json pair(const PosePoint& point) {
  return json::array({point.x, point.y});
}

AnnotatorOutputs dwpose_pose_preprocess(const AnnotatorCase& c) {
  const Image image = hwc3(c.image("image"));
  json centers = json::array(), scales = json::array(), warps = json::array();
  AnnotatorOutputs out;
  for (const json& box : c.input("boxes_xyxy")) {
    const DwposeCrop crop = dwpose_crop(image, {box.at(0).get<double>(), box.at(1).get<double>(),
                                                box.at(2).get<double>(), box.at(3).get<double>()});
    out.tensors["crop" + std::to_string(centers.size())] = crop.tensor.permute({1, 2, 0});
    centers.push_back(pair(crop.center));
    scales.push_back(pair(crop.scale));
    const auto& w = crop.warp;
    warps.push_back(
        json::array({json::array({w[0], w[1], w[2]}), json::array({w[3], w[4], w[5]})}));
  }
  out.values["center"] = std::move(centers);
  out.values["scale"] = std::move(scales);
  out.values["warp"] = std::move(warps);
  return out;
}

json triples(std::span<const std::optional<PosePoint>> points) {
  json list = json::array();
  for (const auto& p : points) list.push_back(p ? json::array({p->x, p->y, p->score}) : json());
  return list;
}

json person_json(const PosePerson& person) {
  json out;
  out["body"] = triples(person.body);
  out["left_hand"] = person.left_hand ? triples(*person.left_hand) : json();
  out["right_hand"] = person.right_hand ? triples(*person.right_hand) : json();
  out["face"] = person.face.empty() ? json() : triples(person.face);
  return out;
}

// The two outputs of the network for one person, zero but for one entry of each row; a negative
// value of x fills its row with -1.
std::pair<at::Tensor, at::Tensor> whole_body_maps(const AnnotatorCase& c, int person) {
  at::Tensor x = at::zeros({kWholeBodyPoints, 576}), y = at::zeros({kWholeBodyPoints, 768});
  for (const json& entry : c.input("person_keypoint_ix_iy_vx_vy")) {
    if (entry.at(0).get<int>() != person) continue;
    const auto k = entry.at(1).get<int64_t>();
    const double value_x = entry.at(4).get<double>();
    if (value_x < 0) {
      x[k].fill_(-1);
    } else {
      x[k][entry.at(2).get<int64_t>()] = value_x;
    }
    y[k][entry.at(3).get<int64_t>()] = entry.at(5).get<double>();
  }
  return {x, y};
}

AnnotatorOutputs dwpose_pose_post(const AnnotatorCase& c) {
  const auto point = [](const json& xy) {
    return PosePoint{xy.at(0).get<double>(), xy.at(1).get<double>()};
  };
  json keypoints = json::array(), scores = json::array(), people = json::array();
  const json &centers = c.input("center"), &scales = c.input("scale");
  for (size_t person = 0; person < centers.size(); ++person) {
    const auto [x, y] = whole_body_maps(c, static_cast<int>(person));
    const WholeBody points =
        dwpose_points(x, y, point(centers.at(person)), point(scales.at(person)));
    json places = json::array(), values = json::array();
    for (const PosePoint& p : points) {
      places.push_back(pair(p));
      values.push_back(p.score);
    }
    keypoints.push_back(std::move(places));
    scores.push_back(std::move(values));
    people.push_back(person_json(openpose_person(points)));
  }
  AnnotatorOutputs out;
  out.values["keypoints_133"] = std::move(keypoints);
  out.values["scores_133"] = std::move(scores);
  out.values["people"] = std::move(people);
  return out;
}

AnnotatorOutputs dwpose_det_preprocess(const AnnotatorCase& c) {
  const DwposeDetectorInput input = dwpose_detector_input(hwc3(c.image("image")));
  AnnotatorOutputs out;
  out.tensors["input"] = input.tensor;
  out.values["ratio"] = input.ratio;
  return out;
}

AnnotatorOutputs dwpose_det_post(const AnnotatorCase& c) {
  at::Tensor output = at::zeros({8400, 85});
  for (const json& row : c.input("rows_of_8400x85")) {
    for (const json& entry : row.at(1))
      output[row.at(0).get<int64_t>()][entry.at(0).get<int64_t>()] = entry.at(1).get<double>();
  }
  json boxes = json::array();
  for (const PersonBox& b : dwpose_boxes(output, picture_size(c)))
    boxes.push_back(json::array({b.left, b.top, b.right, b.bottom}));
  AnnotatorOutputs out;
  out.values["boxes_xyxy"] = std::move(boxes);
  return out;
}

template <AnnotatorOp op>
AnnotatorOutputs without_gradients(const AnnotatorCase& c) {
  const c10::NoGradGuard guard;
  return op(c);
}

}  // namespace

const AnnotatorOpTable& annotator_pose_ops() {
  static const AnnotatorOpTable table = {
      {"openpose_body_network", without_gradients<body_network>},
      {"openpose_hand_network", without_gradients<hand_network>},
      {"openpose_face_network", without_gradients<face_network>},
      {"openpose_body_post", without_gradients<body_post>},
      {"openpose_hand_post", without_gradients<hand_post>},
      {"openpose_face_post", without_gradients<face_post>},
      {"openpose_draw", draw},
      {"openpose_full_v10", without_gradients<full_v10>},
      {"openpose_full", without_gradients<full_v11>},
      {"dwpose_pose_preprocess", dwpose_pose_preprocess},
      {"dwpose_pose_post", dwpose_pose_post},
      {"dwpose_det_preprocess", dwpose_det_preprocess},
      {"dwpose_det_post", dwpose_det_post},
  };
  return table;
}

}  // namespace zc::parity
