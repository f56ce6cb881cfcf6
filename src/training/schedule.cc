// SPDX-License-Identifier: Apache-2.0
#include "training/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace zc {
namespace {

double cosine(double turns) {
  return std::max(0.0, 0.5 * (1.0 + std::cos(2.0 * std::numbers::pi * turns)));
}

// The way from lr to lr_end, as a factor on lr.
double polynomial(const LearningRateSchedule& s, int64_t step) {
  if (step > s.steps) return s.lr_end / s.lr;
  // diffusers divides by the difference as it is, 0 for a run that is all warm-up.
  const auto span = static_cast<double>(std::max<int64_t>(1, s.steps - s.warmup));
  const double left = 1.0 - static_cast<double>(step - s.warmup) / span;
  return ((s.lr - s.lr_end) * std::pow(left, s.power) + s.lr_end) / s.lr;
}

}  // namespace

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "constant_with_warmup", "linear",
                                                 "cosine",   "cosine_with_restarts", "polynomial"};
  return names;
}

void check_schedule(const LearningRateSchedule& s) {
  const auto& names = schedule_names();
  if (std::find(names.begin(), names.end(), s.name) == names.end()) {
    throw Error(ErrorKind::bad_request, "schedule",
                fmt::format("unknown `{}`; {}", s.name, fmt::join(names, ", ")));
  }
  if (s.name == "polynomial" && !(s.lr > s.lr_end)) {
    throw Error(ErrorKind::bad_request, "lr",
                fmt::format("is {}, but polynomial falls to {}: take a larger one, or constant",
                            s.lr, s.lr_end));
  }
  if (s.name == "cosine_with_restarts" && s.cycles != std::floor(s.cycles)) {
    throw Error(ErrorKind::bad_request, "schedule_cycles",
                fmt::format("is {}, but cosine_with_restarts takes whole numbers", s.cycles));
  }
}

double schedule_factor(const LearningRateSchedule& s, int64_t step) {
  check_schedule(s);
  if (step < s.warmup) {
    return static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, s.warmup));
  }
  if (s.name == "constant" || s.name == "constant_with_warmup") return 1.0;
  if (s.name == "polynomial") return polynomial(s, step);
  const auto span = static_cast<double>(std::max<int64_t>(1, s.steps - s.warmup));
  if (s.name == "linear") return std::max(0.0, static_cast<double>(s.steps - step) / span);
  const double progress = static_cast<double>(step - s.warmup) / span;
  if (s.name == "cosine") return cosine(progress * (s.cycles == 0.0 ? 0.5 : s.cycles));
  if (progress >= 1.0) return 0.0;
  return cosine(0.5 * std::fmod(progress * std::max(1.0, s.cycles), 1.0));
}

}  // namespace zc
