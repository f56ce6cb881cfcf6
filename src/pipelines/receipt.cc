// SPDX-License-Identifier: Apache-2.0
#include "pipelines/receipt.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "pipelines/maps.h"
#include "pipelines/model_paths.h"

namespace zc {
namespace {

// Kinds of which map_agreement knows a measure.
bool is_measured(const std::string& control) {
  constexpr std::array<std::string_view, 8> kMeasured = {"canny",    "mlsd", "hed",   "scribble",
                                                         "openpose", "seg",  "depth", "normal"};
  return std::find(kMeasured.begin(), kMeasured.end(), control) != kMeasured.end();
}

}  // namespace

Detector receipt_detector(const ControlUnit& unit, bool toy_world) {
  const WeightFolders folders = model_folders();
  const std::vector<std::string> names = annotator_names();
  const auto known = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const std::string own = "toy_" + unit.kind;
  if (toy_world && known(own) && find_annotator(own).ready(folders))
    return find_annotator(own).make(nlohmann::json::object(), folders);
  if (!known(unit.kind)) return {};
  const AnnotatorInfo& info = find_annotator(unit.kind);
  if (!is_measured(info.control) || !info.ready(folders)) return {};
  try {
    return info.make(annotator_parameters(unit), folders);
  } catch (const Error& error) {
    // A drawn map may show hands of which no network is there: no reason to make no picture.
    if (error.kind() != ErrorKind::not_found) throw;
    return {};
  }
}

UnitReceipt make_receipt(const ControlUnit& unit, const Detector& detector, const Image& map,
                         const Image& picture, std::vector<double> residual_rms) {
  UnitReceipt receipt{
      .kind = unit.kind, .metric = "", .obeys = {}, .residual_rms = std::move(residual_rms)};
  if (!detector) return receipt;
  const std::string& control = find_annotator(unit.kind).control;
  try {
    if (const auto agreement = map_agreement(control, map, hwc3(detector(picture)))) {
      receipt.metric = agreement->metric;
      receipt.obeys = agreement->value;
    }
  } catch (const Error& error) {
    // The picture is there: an annotator that cannot look at it must not lose it.
    receipt.metric = fmt::format("not measured ({})", error.what());
  }
  return receipt;
}

nlohmann::json to_json(const UnitReceipt& receipt) {
  nlohmann::json json = {{"kind", receipt.kind},
                         {"residual_rms", receipt.residual_rms},
                         {"acted", !receipt.residual_rms.empty()}};
  if (!receipt.metric.empty()) json["metric"] = receipt.metric;
  if (receipt.obeys) json["obeys"] = *receipt.obeys;
  return json;
}

std::string receipt_text(const UnitReceipt& receipt) {
  std::string text = receipt.kind + ":";
  if (receipt.obeys) {
    text += fmt::format(" {} {:.2f},", receipt.metric, *receipt.obeys);
  } else if (!receipt.metric.empty()) {
    text += fmt::format(" {},", receipt.metric);
  }
  if (receipt.residual_rms.empty()) return text + " did not act in this run";
  return text + fmt::format(" residual of the middle block {:.3g}", receipt.residual_rms.back());
}

}  // namespace zc
