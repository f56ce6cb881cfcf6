// SPDX-License-Identifier: Apache-2.0
// After a run: how strongly each control unit acted, and how well the picture obeys its map.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "annotators/annotator.h"
#include "image/image.h"
#include "pipelines/agreement.h"
#include "pipelines/request.h"

namespace zc {

struct UnitReceipt {
  std::string kind;
  std::string metric;           // what `obeys` is; "" where the map cannot be taken from a picture
  std::optional<double> obeys;  // in the metric's unit
  std::vector<double>
      residual_rms;  // of the scaled residuals in the unit's first step; empty: it never acted
};

// What takes the unit's kind of map from a finished picture: its own annotator with its parameters,
// or the network that comes along where the model draws toy world (`toy_world`), which alone knows
// its looks. Empty for kinds that are not measured and where weights are missing.
Detector receipt_detector(const ControlUnit& unit, bool toy_world);

// Takes the map again from the picture and compares. The detector may be empty.
UnitReceipt make_receipt(const ControlUnit& unit, const Detector& detector, const Image& map,
                         const Image& picture, std::vector<double> residual_rms);

nlohmann::json to_json(const UnitReceipt& receipt);
// "canny: edge F1 0.83 (2 px), middle residual 0.12"
std::string receipt_text(const UnitReceipt& receipt);

}  // namespace zc
