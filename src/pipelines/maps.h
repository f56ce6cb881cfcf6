// SPDX-License-Identifier: Apache-2.0
// Control images into maps of the picture's size, and what can be told of a map by looking at it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "annotators/pose_json.h"
#include "image/image.h"
#include "image/resize.h"
#include "pipelines/request.h"

namespace zc {

// "low=100" -> {"low": 100}, for an annotator.
nlohmann::json annotator_parameters(const ControlUnit& unit);

// What a unit's ControlNet is shown, RGB; and who that is where the map shows people and they are
// known as points, in its pixels.
struct ControlMap {
  Image map;
  std::optional<PoseDocument> people;
};

// The people of a finished map as far as they can be read from its drawing (pose_from_drawing);
// nothing for kinds that show none.
std::optional<PoseDocument> people_on_map(std::string_view kind, const Image& map);

// The map that the unit's ControlNet is shown. A photograph is scaled as the apps do it
// (resize_image to the shorter side), cut around its middle where its aspect is another one, and
// annotated; a finished map is scaled to the size; or both as the unit's resize mode says (fit.h).
// Whatever was cut or stretched without such a mode, or looks wrong, adds a warning. Throws
// bad_request for an annotator that does not exist.
ControlMap make_control_map(const ControlUnit& unit, const Image& image, ImageSize size,
                            std::vector<std::string>& warnings);
inline Image make_map(const ControlUnit& unit, const Image& image, ImageSize size,
                      std::vector<std::string>& warnings) {
  return make_control_map(unit, image, size, warnings).map;
}

// Whether the image of the unit is a picture of class numbers (load_label_map), of which the map is
// made.
bool reads_labels(const ControlUnit& unit);

// People on the picture's canvas, as the unit's resize mode says; automatic: scaled to its sides.
PoseDocument fitted_people(const ControlUnit& unit, const PoseDocument& people, ImageSize size);

// A finished map of people that are known as points: these are brought to the size (fitted_people)
// and then drawn, as the unit's parameters say. For a model of toy world without parameters, the
// way its ControlNets learned it. Warns as make_map does of a finished map. Throws bad_request for
// a kind that shows no people.
Image make_pose_map(const ControlUnit& unit, const PoseDocument& people, ImageSize size,
                    bool toy_world, std::vector<std::string>& warnings);

// What seems wrong with a finished map of that kind, as sentences: empty, inverted, a
// photograph, swapped colours, another palette; with what to do.
std::vector<std::string> map_complaints(std::string_view kind, const Image& map);

}  // namespace zc
