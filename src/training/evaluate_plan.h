// SPDX-License-Identifier: Apache-2.0
// What an evaluation with these options measures.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "training/evaluate.h"

namespace zc {

// options.control, or with `all` every condition whose ControlNet is named or comes with the
// program. Throws unsupported, not_found.
std::vector<std::string> wanted_conditions(const EvaluateOptions& options);

// Of `all`, those for which everything is there; asked for with `pairs`, a missing ControlNet is
// the error of who loads it.
using ConditionPair = std::array<std::string, 2>;
std::vector<ConditionPair> wanted_pairs(const EvaluateOptions& options);

// "0/2": of every `count` scenes the one with this place. Throws bad_request.
struct EvaluationShard {
  int64_t index = 0, count = 1;
};
EvaluationShard parse_shard(const std::string& text);

}  // namespace zc
