// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotator_data.h"

#include <memory>
#include <string>
#include <utility>

#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include "annotators/annotator_parts.h"
#include "annotators/dwpose_map.h"
#include "annotators/label_map.h"
#include "annotators/openpose.h"
#include "annotators/pose_draw.h"
#include "annotators/scene_maps.h"
#include "annotators/uniformer.h"

namespace zc {
namespace {

using nlohmann::json;

const char* const kBodyFile = "body_pose_model.pth";

struct LoadedOpenpose {
  OpenposeOptions options;
  std::shared_ptr<OpenposeBodyNetwork> body;
  std::shared_ptr<OpenposeHandNetwork> hand;  // if asked for
  std::shared_ptr<OpenposeFaceNetwork> face;  // if asked for

  OpenposeNetworks networks() const { return {body.get(), hand.get(), face.get()}; }
};

LoadedOpenpose load_openpose(const json& parameters, const WeightFolders& folders) {
  const std::string name = "openpose";
  LoadedOpenpose all;
  all.options = options_of<OpenposeOptions>(name, parameters);
  all.body = loaded<OpenposeBodyNetwork>(name, {kBodyFile}, folders);
  if (all.options.hand)
    all.hand = loaded<OpenposeHandNetwork>(name, {"hand_pose_model.pth"}, folders);
  if (all.options.face) all.face = loaded<OpenposeFaceNetwork>(name, {"facenet.pth"}, folders);
  return all;
}

const char* const kDwposeFile = "dw-ll_ucoco_384.pth";
const char* const kDwposeDetectorFile = "yolox_l_8x8_300e_coco_20211126_140236-d3bd2b23.pth";

struct LoadedDwpose {
  DwposeOptions options;
  std::shared_ptr<RtmposeWholeBody> pose;
  std::shared_ptr<YoloxL> detector;

  DwposeNetworks networks() const { return {*detector, *pose}; }
};

LoadedDwpose load_dwpose(const json& parameters, const WeightFolders& folders) {
  const std::string name = "dwpose";
  LoadedDwpose all;
  all.options = options_of<DwposeOptions>(name, parameters);
  all.pose = loaded<RtmposeWholeBody>(name, {kDwposeFile}, folders);
  all.detector = loaded<YoloxL>(name, {kDwposeDetectorFile}, folders);
  return all;
}

// The map of a kind of classes is the picture of its numbers.
void draw_labels(AnnotatorInfo& info) {
  info.make = [make_labels = info.make_labels](const json& parameters,
                                               const WeightFolders& folders) -> Detector {
    return [labels = make_labels(parameters, folders)](const Image& rgb) {
      return ade20k_colored(labels(rgb));
    };
  };
}

}  // namespace

AnnotatorInfo openpose_annotator() {
  AnnotatorInfo info = {.name = "openpose",
                        .control = "openpose",
                        .summary = "skeletons of people, with hands and faces if asked for",
                        .weights = {kBodyFile},
                        .parameters = describe_options<OpenposeOptions>()};
  info.make_people = [](const json& parameters, const WeightFolders& folders) -> PeopleDetector {
    return [all = load_openpose(parameters, folders)](const Image& rgb) {
      return openpose_people(all.networks(), rgb, all.options);
    };
  };
  // Not by way of the people: the first release draws the missing points of hands, which they lack.
  info.make = [](const json& parameters, const WeightFolders& folders) -> Detector {
    return [all = load_openpose(parameters, folders)](const Image& rgb) {
      return openpose_map(all.networks(), rgb, all.options);
    };
  };
  info.make_painter = [](const json& parameters) -> PeoplePainter {
    const auto options = options_of<PoseDrawOptions>("openpose", parameters);
    return [options](const PoseDocument& people) { return draw_pose(people, options); };
  };
  return info;
}

AnnotatorInfo dwpose_annotator() {
  AnnotatorInfo info = {.name = "dwpose",
                        .control = "openpose",
                        .summary = "skeletons of people with hands and faces (DWPose)",
                        .weights = {kDwposeFile},
                        .parameters = describe_options<DwposeOptions>(),
                        .more_weights = {kDwposeDetectorFile}};
  info.make_people = [](const json& parameters, const WeightFolders& folders) -> PeopleDetector {
    return [all = load_dwpose(parameters, folders)](const Image& rgb) {
      return dwpose_people(all.networks(), rgb, all.options);
    };
  };
  info.make_painter = [](const json& parameters) -> PeoplePainter {
    const auto options = options_of<DwposeOptions>("dwpose", parameters);
    return [options](const PoseDocument& people) { return draw_dwpose(people, options); };
  };
  info.make = [](const json& parameters, const WeightFolders& folders) -> Detector {
    return [all = load_dwpose(parameters, folders)](const Image& rgb) {
      return dwpose_map(all.networks(), rgb, all.options);
    };
  };
  return info;
}

AnnotatorInfo toy_openpose_annotator() {
  const std::string name = "toy_openpose";
  AnnotatorInfo info = {.name = name,
                        .control = "openpose",
                        .summary = "bodies, by the network that comes along",
                        .weights = {std::string(kSceneWeights)},
                        .parameters = {}};
  info.make_people = [name](const json& parameters,
                            const WeightFolders& folders) -> PeopleDetector {
    options_of<NoOptions>(name, parameters);
    const auto network = loaded<SceneNet>(name, {std::string(kSceneWeights)}, folders);
    return [network](const Image& rgb) { return scene_people(view_scene(*network, rgb)); };
  };
  info.make_painter = [name](const json& parameters) -> PeoplePainter {
    options_of<NoOptions>(name, parameters);
    return draw_scene_people;
  };
  info.make = [people = info.make_people](const json& parameters,
                                          const WeightFolders& folders) -> Detector {
    return [find = people(parameters, folders)](const Image& rgb) {
      return draw_scene_people(find(rgb));
    };
  };
  return info;
}

AnnotatorInfo seg_annotator() {
  const std::string name = "seg", file = "upernet_global_small.pth";
  AnnotatorInfo info = {.name = name,
                        .control = "seg",
                        .summary = "what is where, in ADE20K's 150 classes (UniFormer)",
                        .weights = {file},
                        .parameters = {}};
  info.make_labels = [name, file](const json& parameters,
                                  const WeightFolders& folders) -> LabelDetector {
    options_of<NoOptions>(name, parameters);
    const auto network = loaded<UniformerNetwork>(name, {file}, folders);
    return [network](const Image& rgb) { return uniformer_labels(*network, rgb); };
  };
  draw_labels(info);
  return info;
}

AnnotatorInfo toy_seg_annotator() {
  const std::string name = "toy_seg";
  AnnotatorInfo info = {.name = name,
                        .control = "seg",
                        .summary = "what is where, by the network that comes along",
                        .weights = {std::string(kSceneWeights)},
                        .parameters = {}};
  info.make_labels = [name](const json& parameters, const WeightFolders& folders) -> LabelDetector {
    options_of<NoOptions>(name, parameters);
    const auto network = loaded<SceneNet>(name, {std::string(kSceneWeights)}, folders);
    return [network](const Image& rgb) { return scene_labels(view_scene(*network, rgb)); };
  };
  draw_labels(info);
  return info;
}

AnnotatorInfo seg_labels_annotator() {
  const std::string name = "seg_labels";
  AnnotatorInfo info = {.name = name,
                        .control = "seg",
                        .summary = "a picture of class numbers, in ADE20K's colours",
                        .weights = {},
                        .parameters = describe_options<LabelOptions>()};
  info.make = [name](const json& parameters, const WeightFolders&) -> Detector {
    const auto options = options_of<LabelOptions>(name, parameters);
    return [options](const Image& numbers) { return ade20k_colored(numbers, options); };
  };
  info.input = AnnotatorInput::labels;
  return info;
}

}  // namespace zc
