// SPDX-License-Identifier: Apache-2.0
#include "training/held_out_judge.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "annotators/canny.h"
#include "image/resize.h"
#include "pipelines/agreement.h"

namespace zc {
namespace {

constexpr const char* kEdgesOfTarget = "edge F1 to the target";

// "" for kinds whose maps are not compared.
std::string map_metric(const std::string& kind) {
  const Image blank(16, 16, 3);
  const auto agreement = map_agreement(kind, blank, blank);
  return agreement ? agreement->metric : "";
}

}  // namespace

HeldOutJudge::HeldOutJudge(const std::string& kind, std::vector<HeldOutPair> pairs, bool toy_world,
                           const WeightFolders& folders)
    : kind_(kind), pairs_(std::move(pairs)), metric_(map_metric(kind)) {
  if (!metric_.empty()) {
    for (const HeldOutPair& pair : pairs_)
      wanted_.push_back({pair.hint, people_on_map(kind, pair.hint)});
    ControlUnit unit;
    unit.kind = kind;
    reader_ = receipt_reader(
        unit, {.toy_world = toy_world, .joints = std::ranges::any_of(wanted_, has_joints)},
        folders);
  }
  if (reader_.empty()) metric_ = kEdgesOfTarget;
  if (reader_.people) metric_ = kPoseMetric;
}

std::optional<double> HeldOutJudge::obeys(size_t number, const Image& picture) const {
  const auto agreement =
      reader_.empty()
          ? map_agreement("canny", hwc3(canny(pairs_[number].target)), hwc3(canny(picture)))
          : obedience(kind_, reader_, wanted_[number], picture);
  if (!agreement || !std::isfinite(agreement->value)) return std::nullopt;
  return agreement->value;
}

}  // namespace zc
