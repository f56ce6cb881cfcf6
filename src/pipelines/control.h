// SPDX-License-Identifier: Apache-2.0
// How strongly each control unit acts: a pure function of (unit, step, block). No tensors here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "pipelines/request.h"

namespace zc {

// Position in a run, and what holds for all of its units.
struct ControlMoment {
  int64_t step = 0;  // call of the model, from 0
  int64_t steps = 1;
  size_t residuals = 13;  // blocks of the ControlNet, the middle one last
  bool guess = false;     // guess mode of the whole run
  std::string_view profile = "seed";
  bool hires = false;  // in the second pass
};

// One factor for each residual; empty: the unit does nothing here, and its ControlNet need not run.
struct UnitScales {
  std::vector<double> cond;    // in the pass with the prompt
  std::vector<double> uncond;  // in the pass without it
  bool operator==(const UnitScales&) const = default;
};

// Weight, start, end, mode, guess mode, block_weights and only_mid together. In the second pass of
// the profile `a1111` edges act as softly as in the mode `prompt`.
UnitScales unit_scales(const ControlUnit& unit, const ControlMoment& moment);

// Throws bad_request, saying what the blocks are, when the unit has weights for another number of
// them than its ControlNet has; `place` is the unit's in the request.
void check_block_weights(const ControlUnit& unit, size_t residuals, size_t place);

}  // namespace zc
