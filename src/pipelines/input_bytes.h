// SPDX-License-Identifier: Apache-2.0
// Control images that come as bytes instead of files. No tensors here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "annotators/pose_json.h"
#include "image/image.h"
#include "pipelines/request.h"

namespace zc {

struct ControlInput {
  Image image;                         // empty when it is people
  std::optional<PoseDocument> people;  // of OpenPose JSON
};

// As load_inputs() reads the file of a unit: people, class numbers or a picture. What begins as a
// JSON object is people. Throws bad_file or bad_request with `name` as where.
ControlInput control_input(const ControlUnit& unit, std::string_view bytes,
                           const std::string& name);

}  // namespace zc
