// SPDX-License-Identifier: Apache-2.0
// What every measurement of a control stands beside: no control, another's map, and the truth
// through the autoencoder.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/task.h"
#include "training/evaluate.h"
#include "training/evaluate_records.h"
#include "training/evaluate_statistics.h"

namespace zc {

// The rows, as the names of their values begin: "without_iou", "shuffled_iou", ...
inline constexpr const char* kRowWithout = "without";    // control scale 0
inline constexpr const char* kRowShuffled = "shuffled";  // the map of the next pair
inline constexpr const char* kRowControl = "control";    // its own map
inline constexpr const char* kRowCeiling = "ceiling";    // the target through the autoencoder

struct MeasuredMetric {
  std::string name;  // of the values, without the row: "iou"
  std::string text;  // with its unit, for people
  bool more_is_better = true;
};

// A claim wants that many standard errors, and scenes.
inline constexpr double kClaimErrors = 3.0;
inline constexpr int64_t kClaimScenes = 8;

struct FourRows {
  MeasuredMetric metric;
  Estimate without, shuffled, control, ceiling;
  Estimate gain;  // of its own map over the next pair's, pair by pair; above 0 is better
  Share share;    // (control - without) / (ceiling - without)

  // Its own map helps by more than three standard errors of the gain.
  bool follows() const {
    return gain.scenes >= kClaimScenes && gain.mean > kClaimErrors * gain.error;
  }
};

// Of the scenes that have all four values of it.
FourRows four_rows(const MeasuredMetric& metric, std::span<const MeasuredValues> scenes);

// {"name", "metric", "more_is_better", "scenes", one mean for each row, "gain", "share", "follows",
// "spread": {...}, "error": {...}}.
nlohmann::json to_json(const FourRows& rows);
// A table of all of them, for people.
std::string four_rows_text(std::span<const FourRows> metrics);

// values_of(i) for i in 0..options.count-1 that belong to options.shard; those that are in
// options.partial under (key, what, number) are not measured again. number: of the first one, the
// others follow. Throws as values_of, MeasurementFile, and cancelled.
std::vector<MeasuredValues> measured_scenes(
    const EvaluateOptions& options, const std::string& key, const std::string& what, int64_t number,
    const TaskContext& task, const std::function<MeasuredValues(int64_t i)>& values_of);

}  // namespace zc
