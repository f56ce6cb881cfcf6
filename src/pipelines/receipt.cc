// SPDX-License-Identifier: Apache-2.0
#include "pipelines/receipt.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "annotators/pose_match.h"
#include "base/error.h"

namespace zc {
namespace {

// Kinds of which map_agreement knows a measure.
bool is_measured(const std::string& control) {
  constexpr std::array<std::string_view, 8> kMeasured = {"canny",    "mlsd", "hed",   "scribble",
                                                         "openpose", "seg",  "depth", "normal"};
  return std::find(kMeasured.begin(), kMeasured.end(), control) != kMeasured.end();
}

std::string why_not_measured(std::string_view reason) {
  return fmt::format("not measured ({})", reason);
}

// With what is wanted only: weights take time to read.
ReceiptReader reader_of(const AnnotatorInfo& info, bool joints, const nlohmann::json& parameters,
                        const WeightFolders& folders) {
  ReceiptReader reader{.annotator = info.name, .map = {}, .people = {}, .why_not = {}};
  if (joints && info.make_people) {
    reader.people = info.make_people(parameters, folders);
  } else {
    reader.map = info.make(parameters, folders);
  }
  return reader;
}

}  // namespace

bool has_joints(const ControlMap& wanted) {
  return wanted.people && !measurable_bodies(*wanted.people).empty();
}

ReceiptReader receipt_reader(const ControlUnit& unit, const ReceiptNeeds& needs,
                             const WeightFolders& folders) {
  const std::vector<std::string> names = annotator_names();
  const auto known = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const std::string own = "toy_" + unit.kind;
  if (needs.toy_world && known(own) && find_annotator(own).ready(folders))
    return reader_of(find_annotator(own), needs.joints, nlohmann::json::object(), folders);
  if (!known(unit.kind) || !is_measured(find_annotator(unit.kind).control)) return {};
  const AnnotatorInfo& info = find_annotator(unit.kind);
  ReceiptReader none;
  if (!info.ready(folders)) {
    none.why_not = fmt::format("{} wants {}", info.name, info.weights_text());
    return none;
  }
  try {
    return reader_of(info, needs.joints, annotator_parameters(unit), folders);
  } catch (const Error& error) {
    // A drawn map may show hands of which no network is there: no reason to make no picture.
    if (error.kind() != ErrorKind::not_found) throw;
    none.why_not = error.what();
    return none;
  }
}

std::optional<Agreement> obedience(const std::string& kind, const ReceiptReader& reader,
                                   const ControlMap& wanted, const Image& picture) {
  if (reader.people && wanted.people) {
    if (auto agreement = pose_agreement(*wanted.people, reader.people(picture))) return agreement;
  }
  if (!reader.map) return std::nullopt;
  return map_agreement(find_annotator(kind).control, wanted.map, hwc3(reader.map(picture)));
}

UnitReceipt make_receipt(const ControlUnit& unit, const ReceiptReader& reader,
                         const ControlMap& wanted, const Image& picture,
                         std::vector<double> residual_rms) {
  UnitReceipt receipt{
      .kind = unit.kind, .metric = "", .obeys = {}, .residual_rms = std::move(residual_rms)};
  if (!reader.why_not.empty()) receipt.metric = why_not_measured(reader.why_not);
  try {
    if (const auto agreement = obedience(unit.kind, reader, wanted, picture)) {
      receipt.metric = agreement->metric;
      receipt.obeys = agreement->value;
    }
  } catch (const Error& error) {
    // The picture is there: an annotator that cannot look at it must not lose it.
    receipt.metric = why_not_measured(error.what());
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
