// SPDX-License-Identifier: Apache-2.0
// Skeletons as OpenPose JSON, as the web UI and its pose editors exchange it:
//   {"people": [{"pose_keypoints_2d": [x, y, confidence, ... 18 times],
//                "hand_left_keypoints_2d": [... 21], "hand_right_keypoints_2d": [... 21],
//                "face_keypoints_2d": [... 70]}],
//    "canvas_width": 512, "canvas_height": 768}
// A part that is not known is null, [] or absent.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "annotators/pose.h"
#include "image/resize.h"

namespace zc {

struct PoseDocument {
  ImageSize canvas;
  std::vector<PosePerson> people;  // in pixels of the canvas
};

// Coordinates are pixels, confidences 1 (the web UI drops what is below), missing points three
// zeros; a face has 70 points, missing ones behind what there is.
nlohmann::json pose_to_json(const PoseDocument& document);

// A point with a confidence above 0.05 counts. When no coordinate of the whole document is above 1,
// all are fractions of the canvas. Throws bad_request that names the place, as
// `where`.people[1].pose_keypoints_2d, for: a field that is missing or of another type, a list of
// another length, a coordinate far outside, a canvas or a number of people that is too large.
PoseDocument pose_from_json(const nlohmann::json& json, std::string_view where = "pose");
// The same from text; bad_request also when it is no JSON.
PoseDocument pose_from_text(std::string_view text, std::string_view where = "pose");

// Whether the name ends in .json.
bool is_pose_file(const std::filesystem::path& path);
// What is wrong with the file is bad_file here, and `where` begins with its name. Throws also
// not_found, io.
PoseDocument load_pose(const std::filesystem::path& path);
// The file appears completely or not at all. Throws io, not_found.
void save_pose(const std::filesystem::path& path, const PoseDocument& document);

// The same people on a canvas of another size: each point keeps its fractions of the sides.
PoseDocument scaled_pose(PoseDocument document, ImageSize size);

}  // namespace zc
