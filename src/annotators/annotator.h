// SPDX-License-Identifier: Apache-2.0
// The kinds of condition maps by name: what turns a photograph into the picture that a ControlNet
// is shown.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "annotators/pose_json.h"
#include "base/options.h"
#include "image/image.h"
#include "image/resize.h"

namespace zc {

// Makes the map of one RGB image, with one or three channels, mostly of the same size. May be
// shared by threads.
using Detector = std::function<Image(const Image& rgb)>;

// Finds the people of one RGB image, in its pixels and on a canvas of its size.
using PeopleDetector = std::function<PoseDocument(const Image& rgb)>;
// Draws people as RGB, of their canvas' size.
using PeoplePainter = std::function<Image(const PoseDocument& people)>;
// The number of ADE20K's class, 0..149, of each pixel of one RGB image: one channel.
using LabelDetector = std::function<Image(const Image& rgb)>;

// What a kind of map is made of, and how that is scaled first.
enum class AnnotatorInput {
  photograph,  // as resize_image does it
  picture,     // linearly; it becomes the map as it is
  labels,      // class numbers (load_label_map); the map is scaled, to the nearest pixels
};

// Folders in which files of weights are looked for, also in their folders `annotators` and
// `builtin`.
using WeightFolders = std::vector<std::filesystem::path>;

struct AnnotatorInfo {
  std::string name;
  std::string control;  // the kind of ControlNet that its maps are for
  std::string summary;
  // The published file that it needs, under any of these names; empty: none.
  std::vector<std::string> weights;
  std::vector<OptionHelp> parameters;
  // Throws bad_request for a parameter that it does not know or that is out of range, not_found
  // when its weights are in none of the folders, bad_file when they are not its network's.
  std::function<Detector(const nlohmann::json& parameters, const WeightFolders& folders)> make;
  // For kinds whose maps show people or classes: the same as data. Throw as `make`; empty for all
  // others.
  std::function<PeopleDetector(const nlohmann::json& parameters, const WeightFolders& folders)>
      make_people;
  std::function<LabelDetector(const nlohmann::json& parameters, const WeightFolders& folders)>
      make_labels;
  // How `make` draws people, also those from elsewhere; wants no weights. There with make_people.
  std::function<PeoplePainter(const nlohmann::json& parameters)> make_painter;
  AnnotatorInput input = AnnotatorInput::photograph;
  // Further files, each of which it needs too.
  std::vector<std::string> more_weights = {};

  // Whether it needs no weights, or they are all there.
  bool ready(const WeightFolders& folders) const;
  // "a.pth or b.pth and c.pth", for people.
  std::string weights_text() const;
};

// All kinds in the order in which they are listed to people.
std::span<const AnnotatorInfo> annotators();
std::vector<std::string> annotator_names();

// By its name, else the first whose maps are for that kind of ControlNet. Throws bad_request, with
// the nearest known name.
const AnnotatorInfo& find_annotator(std::string_view name);

// The annotator of this name; or, where it lacks its weights and the network that comes with the
// program draws that kind of map too, the latter: then `note` says so, for people. Throws as
// find_annotator.
struct ChosenAnnotator {
  const AnnotatorInfo* info = nullptr;
  std::string note;
};
ChosenAnnotator choose_annotator(std::string_view name, const WeightFolders& folders);

// The smallest and largest detect resolution that the apps offer.
inline constexpr int kMinDetectResolution = 64;
inline constexpr int kMaxDetectResolution = 2048;

// The size at which a picture or canvas of `size` is looked at: its short side becomes `resolution`
// (resize_image_size), or all stays as it is for 0. Throws bad_request.
ImageSize detect_size(ImageSize size, int resolution);

// What a detector looks at: `photo` as RGB (HWC3) at that size. Not for labels.
Image detect_picture(const Image& photo, int resolution,
                     AnnotatorInput input = AnnotatorInput::photograph);

// The map of `photo` as RGB, at that size.
Image annotate(const Detector& detector, const Image& photo, int resolution,
               AnnotatorInput input = AnnotatorInput::photograph);

}  // namespace zc
