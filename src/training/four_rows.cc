// SPDX-License-Identifier: Apache-2.0
#include "training/four_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/sha256.h"
#include "training/evaluate_plan.h"

namespace zc {
namespace {

constexpr std::array<const char*, 4> kRows = {kRowWithout, kRowShuffled, kRowControl, kRowCeiling};

std::string share_text(const Share& share) {
  const double percent = std::round(100 * share.value) + 0.0;  // no -0
  return fmt::format("{:.0f}% +- {:.0f}", percent, 100 * share.error);
}

std::string with_errors(const Estimate& e) {
  return fmt::format("{:.3f} +- {:.3f}", e.mean, e.error);
}

}  // namespace

FourRows four_rows(const MeasuredMetric& metric, std::span<const MeasuredValues> scenes) {
  std::array<std::vector<double>, kRows.size()> columns;
  for (const MeasuredValues& scene : scenes) {
    std::array<double, kRows.size()> values{};
    const bool complete =
        std::ranges::all_of(kRows, [&, row = size_t{0}](const char* name) mutable {
          const auto found = scene.find(fmt::format("{}_{}", name, metric.name));
          if (found == scene.end()) return false;
          values[row++] = found->second;
          return true;
        });
    if (!complete) continue;
    for (size_t row = 0; row < kRows.size(); ++row) columns[row].push_back(values[row]);
  }
  const auto& [without, shuffled, control, ceiling] = columns;
  FourRows rows{.metric = metric,
                .without = estimate(without),
                .shuffled = estimate(shuffled),
                .control = estimate(control),
                .ceiling = estimate(ceiling),
                .gain = estimate_difference(shuffled, control),
                .share = share_of_the_way(control, without, ceiling)};
  if (!metric.more_is_better) rows.gain.mean = -rows.gain.mean;
  return rows;
}

nlohmann::json to_json(const FourRows& rows) {
  nlohmann::json object = {{"name", rows.metric.name},
                           {"metric", rows.metric.text},
                           {"more_is_better", rows.metric.more_is_better},
                           {"scenes", rows.control.scenes},
                           {"share", rows.share.value},
                           {"follows", rows.follows()}};
  const auto add = [&](const char* name, const Estimate& e) {
    object[name] = e.mean;
    object["spread"][name] = e.spread;
    object["error"][name] = e.error;
  };
  add(kRowWithout, rows.without);
  add(kRowShuffled, rows.shuffled);
  add(kRowControl, rows.control);
  add(kRowCeiling, rows.ceiling);
  add("gain", rows.gain);
  object["error"]["share"] = rows.share.error;
  return object;
}

std::string four_rows_text(std::span<const FourRows> metrics) {
  std::string text =
      fmt::format("{:<38} {:>8} {:>9} {:>17} {:>8} {:>13} {:>18}\n", "measure", "without",
                  "shuffled", "control", "ceiling", "share", "over shuffled");
  for (const FourRows& m : metrics) {
    text +=
        fmt::format("{:<38} {:>8.3f} {:>9.3f} {:>17} {:>8.3f} {:>13} {:>18}  {}\n", m.metric.text,
                    m.without.mean, m.shuffled.mean, with_errors(m.control), m.ceiling.mean,
                    share_text(m.share), with_errors(m.gain), m.follows() ? "more" : "not more");
  }
  return text;
}

std::vector<MeasuredValues> measured_scenes(
    const EvaluateOptions& options, const std::string& key, const std::string& what, int64_t number,
    const TaskContext& task, const std::function<MeasuredValues(int64_t i)>& values_of) {
  const EvaluationShard shard = parse_shard(options.shard);
  MeasurementFile records(options.partial);
  const std::string short_key = sha256_hex(key).substr(0, 16);
  std::vector<MeasuredValues> scenes;
  for (int64_t i = 0; i < options.count; ++i) {
    task.check_cancelled();
    task.report("evaluate", i, options.count);
    if (i % shard.count != shard.index) continue;
    const MeasurementId id{short_key, what, number + i};
    if (records.find(id) == nullptr) records.add(id, values_of(i));
    scenes.push_back(*records.find(id));
  }
  return scenes;
}

}  // namespace zc
