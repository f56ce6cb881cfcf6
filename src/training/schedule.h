// SPDX-License-Identifier: Apache-2.0
// Learning-rate schedules with the names and values of diffusers' get_scheduler
// (diffusers/optimization.py).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace zc {

struct LearningRateSchedule {
  std::string name = "constant";
  int64_t steps = 0;   // of the whole run
  int64_t warmup = 0;  // steps over which the factor rises from 0, as step / warmup
  // cosine: waves, 0: the half wave from 1 to 0. cosine_with_restarts: how often it falls from 1 to
  // 0, 0: once.
  double cycles = 0.0;
  double power = 1.0;    // polynomial: of the way that is left
  double lr = 1e-5;      // polynomial: what the factor multiplies,
  double lr_end = 1e-7;  // and where it ends
};

// constant, constant_with_warmup, linear, cosine, cosine_with_restarts, polynomial.
const std::vector<std::string>& schedule_names();

// Throws bad_request: an unknown name, an end above the beginning, broken cycles.
void check_schedule(const LearningRateSchedule& schedule);

// Factor on the learning rate of step 0, 1, ... `constant` with a warm-up is constant_with_warmup:
// diffusers drops the warm-up there. Throws as check_schedule().
double schedule_factor(const LearningRateSchedule& schedule, int64_t step);

}  // namespace zc
