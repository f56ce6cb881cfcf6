// SPDX-License-Identifier: Apache-2.0
// How well the annotators' own network sees: unseen scenes of toy world beside trivial guesses.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/task.h"
#include "image/image.h"

namespace zc {

struct AnnotatorScore {
  std::string metric;  // with its unit
  double value = 0;
  double baseline = 0;  // of the guess
  std::string guess;    // what that is
  bool more_is_better = true;
};

struct AnnotatorEvaluation {
  int64_t scenes = 0;
  std::vector<AnnotatorScore> scores;
  std::vector<Image> examples;  // rows of: picture, then found over true maps of each kind
};

// `weights`: the network's file. Throws not_found, bad_file, cancelled.
AnnotatorEvaluation evaluate_annotator(const std::filesystem::path& weights, int64_t scenes,
                                       const TaskContext& task);

nlohmann::json to_json(const AnnotatorEvaluation& evaluation);
std::string evaluation_text(const AnnotatorEvaluation& evaluation);

}  // namespace zc
