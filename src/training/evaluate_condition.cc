// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_condition.h"

#include <fmt/format.h>

#include "annotators/annotator_parts.h"
#include "base/error.h"
#include "image/resize.h"
#include "training/toyworld_hints.h"

namespace zc {

Condition::Condition(const std::string& name, bool toy_world) : name_(name) {
  require_measured_condition(name);
  unit_.kind = control_of_condition(name);
  unit_.map = true;
  const bool joints = name == "openpose";  // always known: the scene's
  reader_ = receipt_reader(unit_, {.toy_world = toy_world, .joints = joints});
  if (reader_.empty()) {
    throw Error(
        ErrorKind::unsupported, "--control",
        fmt::format("`{}` cannot be measured: the weights that take such maps from pictures "
                    "are missing ({})",
                    name, reader_.why_not));
  }
  metric_ = kPoseMetric;
  if (joints) return;
  const Image blank(8, 8, 3);
  const auto agreement = map_agreement(unit_.kind, blank, blank);
  ZC_BUG_IF(!agreement);
  metric_ = agreement->metric;
  more_is_better_ = agreement->more_is_better;
}

ControlMap Condition::wanted(const UnseenScene& scene) const {
  if (name_ == "fake_scribble") return {hwc3(reader_.map(scene.truth.rgb)), std::nullopt};
  ControlMap map{toy_hint(scene.truth, unit_.kind), std::nullopt};
  if (name_ == "openpose") map.people = toy_people(scene.truth);
  return map;
}

double Condition::obeyed(const ControlMap& wanted, const Image& picture) const {
  const auto agreement = obedience(unit_.kind, reader_, wanted, picture);
  ZC_BUG_IF(!agreement || agreement->metric != metric_);
  return agreement->value;
}

std::string Condition::fingerprint() const {
  const AnnotatorInfo& info = find_annotator(reader_.annotator);
  std::string text = info.name;
  if (const auto file = find_weights(info.weights, model_folders()))
    text += " " + file_fingerprint(*file);
  return text;
}

}  // namespace zc
