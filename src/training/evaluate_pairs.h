// SPDX-License-Identifier: Apache-2.0
// How well a control of the user's own is obeyed, measured on pairs that were kept out of training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/task.h"
#include "image/image.h"
#include "training/evaluate.h"
#include "training/four_rows.h"

namespace zc {

struct PairsQuestion {
  std::string data;    // as open_pairs
  std::string reader;  // annotator that takes such maps from pictures, as "downsample,level=4,k=0";
                       // "": the one of options.control
};

inline constexpr int kPairsColumns = 5;  // of PairsEvaluation::examples

struct PairsEvaluation {
  std::string control, reader;
  FourRows rows;  // agreement of each pair's map with the map that is taken from the picture
  // Rows of: target, map, picture, without control, with the next pair's map.
  std::vector<Image> examples;
};

// With the ControlNet of options.control, which may be any name; of the first options.count pairs,
// or all. Kinds that map_agreement knows are compared by it, all others by the mean difference of
// their colours, pixel by pixel. Throws bad_request (fewer than two pairs, an unknown reader, --all
// or --pairs), not_found, bad_file for a pair that cannot be read, unsupported for a reader of
// labels, else as generate.
PairsEvaluation evaluate_pairs(const EvaluateOptions& options, const PairsQuestion& question,
                               const TaskContext& task);

// {"pairs": {"control", "reader", ... as FourRows}}
nlohmann::json to_json(const PairsEvaluation& evaluation);
std::string evaluation_text(const PairsEvaluation& evaluation);

}  // namespace zc
