// SPDX-License-Identifier: Apache-2.0
// One of the nine conditions: what it wants of a scene, and how well a picture obeys.
#pragma once

#include <string>

#include "image/image.h"
#include "pipelines/maps.h"
#include "pipelines/receipt.h"
#include "training/evaluate_scenes.h"

namespace zc {

class Condition {
 public:
  // `toy_world`: as in ReceiptNeeds. Throws unsupported for a condition that is not measured, and
  // when what reads such maps from pictures is not there.
  Condition(const std::string& name, bool toy_world);

  const std::string& name() const { return name_; }
  const std::string& control() const { return unit_.kind; }  // whose ControlNet it uses
  const std::string& metric() const { return metric_; }
  bool more_is_better() const { return more_is_better_; }

  // From the scene's exact ground truth; fake_scribble's from the picture by its annotator, as its
  // app does it.
  ControlMap wanted(const UnseenScene& scene) const;
  // In the metric's unit.
  double obeyed(const ControlMap& wanted, const Image& picture) const;

  // Changes with the annotator and its weights.
  std::string fingerprint() const;

 private:
  std::string name_;
  ControlUnit unit_;
  ReceiptReader reader_;
  std::string metric_;
  bool more_is_better_ = true;
};

}  // namespace zc
