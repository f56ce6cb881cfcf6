// SPDX-License-Identifier: Apache-2.0
// The comparison rules of the annotators' parity data (data/annotators/README.md, section 2).
#pragma once

#include <string>

#include "annotator_case.h"

namespace zc::parity {

// What became of one output: of all its numbers the one nearest to its limit, or furthest beyond.
struct OutputCheck {
  bool passed = true;
  double error = 0.0;
  double tolerance = 0.0;
  std::string note;
};

// `name` must be an output of the case. A missing or misshapen output does not pass; nothing is
// thrown for it.
OutputCheck compare_output(const AnnotatorCase& c, const std::string& name,
                           const AnnotatorOutputs& outputs);

}  // namespace zc::parity
