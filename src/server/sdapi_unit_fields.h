// SPDX-License-Identifier: Apache-2.0
// The fields of one ControlNet unit in all their spellings (the extension's internal_controlnet/
// args.py and its older APIs), read into one form.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipelines/request.h"

namespace zc {

struct WebuiUnitFields {
  bool enabled = true;
  std::string module;
  std::string model;
  nlohmann::json image;  // null, text, {image,mask}, [image,mask] or a list of {image,mask}
  std::string mask;
  std::string region;  // effective_region_mask
  double weight = 1.0;
  double start = 0.0;
  double end = 1.0;
  ControlResize resize = ControlResize::crop;
  ControlMode mode = ControlMode::balanced;
  int64_t processor_res = -1;
  double threshold_a = -1;
  double threshold_b = -1;
  bool pixel_perfect = false;
  bool save_detected_map = true;
  std::vector<double> block_weights;
  std::string hr_option = "Both";
};

// `where`: of the unit, for errors (webui_invalid).
WebuiUnitFields read_webui_unit_fields(const nlohmann::json& unit, const std::string& where);

// "Crop and Resize", 1, "Scale to Fit (Inner Fit)", ...; 3 is stretched.
ControlResize webui_unit_resize(const nlohmann::json& value, const std::string& where);

}  // namespace zc
