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

#include "base/options.h"
#include "image/image.h"

namespace zc {

// Makes the map of one RGB image, with one or three channels, mostly of the same size. May be
// shared by threads.
using Detector = std::function<Image(const Image& rgb)>;

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

  // Whether it needs no weights, or they are there.
  bool ready(const WeightFolders& folders) const;
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

// The map of `photo` as RGB: HWC3, scaled so that its short side is `resolution` (0: left as it
// is), detector, HWC3.
Image annotate(const Detector& detector, const Image& photo, int resolution);

}  // namespace zc
