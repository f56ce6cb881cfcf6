// SPDX-License-Identifier: Apache-2.0
// The kinds of condition maps by name: what turns a photograph into the picture that a ControlNet
// is shown.
#pragma once

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

struct AnnotatorInfo {
  std::string name;
  std::string summary;
  std::vector<OptionHelp> parameters;
  // Throws bad_request for a parameter that it does not know or that is out of range.
  std::function<Detector(const nlohmann::json& parameters)> make;
};

// All kinds in the order in which they are listed to people.
std::span<const AnnotatorInfo> annotators();
std::vector<std::string> annotator_names();

// Throws bad_request, with the nearest known name.
const AnnotatorInfo& find_annotator(std::string_view name);

// The smallest and largest detect resolution that the apps offer.
inline constexpr int kMinDetectResolution = 64;
inline constexpr int kMaxDetectResolution = 2048;

// The map of `photo` as RGB: HWC3, scaled so that its short side is `resolution` (0: left as it
// is), detector, HWC3.
Image annotate(const Detector& detector, const Image& photo, int resolution);

}  // namespace zc
