// SPDX-License-Identifier: Apache-2.0
// How far a job is, how long it will take, and whether it hangs. Knows no clock: it is told the
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"

namespace zc {

struct StepWatchLimits {
  double seconds = 60;         // a job that does not move for longer than this and ...
  double steps = 20;           // ... than that many usual steps hangs
  double first_seconds = 900;  // while no step is done yet: loading and a first step may take long
};

class StepWatch {
 public:
  StepWatch(const StepWatchLimits& limits, double now) : limits_(limits), moved_at_(now) {}

  void progress(const Progress& progress, double now);

  bool hangs(double now) const;
  // Of the steps so far; nothing before the first.
  std::optional<double> usual_step_seconds() const;
  // Until the last step is done; nothing before the first.
  std::optional<double> seconds_left(double now) const;
  // {"phase","done","total","fraction","eta_seconds"}; "" before the first report. The fraction
  // never falls.
  std::string json(double now) const;

 private:
  StepWatchLimits limits_;
  double moved_at_;
  Progress last_;
  double fraction_ = 0;
  std::vector<double> step_seconds_;  // the last ones, in a ring
  size_t next_step_ = 0;
  double step_began_at_ = 0;
  bool in_steps_ = false;
};

}  // namespace zc
