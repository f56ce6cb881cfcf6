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
#include "pipelines/maps.h"
#include "pipelines/model_paths.h"
#include "pipelines/request.h"

namespace zc {

struct UnitReceipt {
  std::string kind;
  // What `obeys` is, or why the picture was not measured; "" for kinds that never are.
  std::string metric;
  std::optional<double> obeys;  // in the metric's unit
  std::vector<double>
      residual_rms;  // of the scaled residuals in the unit's first step; empty: it never acted
};

// Takes a unit's kind of map from a finished picture, or the people on it.
struct ReceiptReader {
  std::string annotator;  // its name
  Detector map;           // empty when `people` is not
  PeopleDetector people;
  std::string why_not;  // both are empty although the kind is measured: the reason, for people

  bool empty() const { return !map && !people; }
};

struct ReceiptNeeds {
  // The model draws toy world: where it can, the network that comes along reads, which alone knows
  // its looks; else the unit's own annotator with its parameters.
  bool toy_world = false;
  bool joints = false;  // the wanted people are known (has_joints)
};

// Whether people are to be compared by their joints.
bool has_joints(const ControlMap& wanted);

// Empty for kinds that are not measured and, saying why, where weights are missing. Throws as the
// annotator's `make`, but for not_found.
ReceiptReader receipt_reader(const ControlUnit& unit, const ReceiptNeeds& needs,
                             const WeightFolders& folders = model_folders());

// Its `map`: for who compares maps by themselves.
inline Detector receipt_detector(const ControlUnit& unit, bool toy_world) {
  return receipt_reader(unit, {.toy_world = toy_world}).map;
}

// Reads the picture and compares: joints where both sides have them, else maps. `kind` is the
// unit's. Nothing with an empty reader. Throws what the annotator throws.
std::optional<Agreement> obedience(const std::string& kind, const ReceiptReader& reader,
                                   const ControlMap& wanted, const Image& picture);

// The same as a receipt, which also says why there is nothing.
UnitReceipt make_receipt(const ControlUnit& unit, const ReceiptReader& reader,
                         const ControlMap& wanted, const Image& picture,
                         std::vector<double> residual_rms);

nlohmann::json to_json(const UnitReceipt& receipt);
// "canny: edge F1 0.83 (2 px), middle residual 0.12"
std::string receipt_text(const UnitReceipt& receipt);

}  // namespace zc
