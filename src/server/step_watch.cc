// SPDX-License-Identifier: Apache-2.0
#include "server/step_watch.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace zc {
namespace {

constexpr size_t kStepsRemembered = 101;
// What steps are of the whole, for the bar that people see: before them models are loaded and maps
// made, after them pictures decoded.
constexpr double kBeforeSteps = 0.03;
constexpr double kStepsShare = 0.92;

}  // namespace

void StepWatch::progress(const Progress& progress, double now) {
  moved_at_ = now;
  const bool steps = progress.phase == "sample";
  if (steps && in_steps_ && last_.phase == "sample" && progress.done > last_.done) {
    const double each = (now - step_began_at_) / static_cast<double>(progress.done - last_.done);
    if (step_seconds_.size() < kStepsRemembered) {
      step_seconds_.push_back(each);
    } else {
      step_seconds_[next_step_++ % kStepsRemembered] = each;
    }
  }
  if (steps) step_began_at_ = now;
  in_steps_ = steps;
  if (steps && progress.total > 0) {
    const double part = static_cast<double>(progress.done) / static_cast<double>(progress.total);
    fraction_ = std::max(fraction_, kBeforeSteps + kStepsShare * std::clamp(part, 0.0, 1.0));
  }
  last_ = progress;
}

std::optional<double> StepWatch::usual_step_seconds() const {
  if (step_seconds_.empty()) return std::nullopt;
  std::vector<double> sorted = step_seconds_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

bool StepWatch::hangs(double now) const {
  const auto usual = usual_step_seconds();
  const double allowed =
      usual ? std::max(limits_.seconds, limits_.steps * *usual) : limits_.first_seconds;
  return now - moved_at_ > allowed;
}

std::optional<double> StepWatch::seconds_left(double now) const {
  const auto usual = usual_step_seconds();
  if (!usual || !in_steps_) return std::nullopt;
  const double left = *usual * static_cast<double>(last_.total - last_.done);
  return std::max(0.0, left - (now - step_began_at_));
}

std::string StepWatch::json(double now) const {
  if (last_.phase.empty()) return "";
  nlohmann::json shown = {{"phase", last_.phase},
                          {"done", last_.done},
                          {"total", last_.total},
                          {"fraction", std::round(fraction_ * 1e4) / 1e4},
                          {"eta_seconds", nullptr}};
  if (const auto left = seconds_left(now)) shown["eta_seconds"] = std::round(*left * 10) / 10;
  return json_text(shown);
}

}  // namespace zc
