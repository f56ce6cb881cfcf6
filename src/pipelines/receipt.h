// SPDX-License-Identifier: Apache-2.0
// After a run: how strongly each control unit acted, and how well the picture obeys its map.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "image/image.h"
#include "pipelines/request.h"

namespace zc {

struct UnitReceipt {
  std::string kind;
  std::string metric;           // what `obeys` is; "" where the map cannot be taken from a picture
  std::optional<double> obeys;  // 0 to 1
  std::vector<double>
      residual_rms;  // of the scaled residuals in the unit's first step; empty: it never acted
};

struct EdgeMatch {
  double precision = 0;  // share of the found edges that lie near a wanted one
  double recall = 0;     // share of the wanted edges that lie near a found one
  double f1 = 0;
};

// Pixels brighter than 127 are edges; "near" is a distance of at most `tolerance` pixels. Both maps
// have one size. Two empty maps agree, one empty map does not.
EdgeMatch match_edges(const Image& wanted, const Image& found, int tolerance = 2);

// Takes the map again from the picture, with the unit's own parameters, and compares.
UnitReceipt make_receipt(const ControlUnit& unit, const Image& map, const Image& picture,
                         std::vector<double> residual_rms);

nlohmann::json to_json(const UnitReceipt& receipt);
// "canny: edge F1 0.83 (2 px), middle residual 0.12"
std::string receipt_text(const UnitReceipt& receipt);

}  // namespace zc
