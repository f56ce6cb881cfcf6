// SPDX-License-Identifier: Apache-2.0
// Learning rates against numbers that the formulas of diffusers' get_scheduler gave elsewhere.
#include "training/schedule.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace zc {
namespace {

constexpr std::array<int64_t, 11> kSteps = {0, 1, 9, 10, 11, 37, 55, 77, 99, 100, 120};

struct ScheduleRow {
  const char* name;
  double cycles, power;
  std::array<double, kSteps.size()> factors;
};

// 100 steps, 10 of warm-up, a learning rate of 1e-3.
constexpr ScheduleRow kRows[] = {
    {"constant_with_warmup", 0, 1, {0, 0.1, 0.9, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"linear",
     0,
     1,
     {0, 0.1, 0.9, 1, 0.9888888888888889, 0.7, 0.5, 0.25555555555555554, 0.011111111111111112, 0,
      0}},
    {"cosine",
     0,
     1,
     {0, 0.1, 0.9, 1, 0.9996954135095479, 0.7938926261462366, 0.5, 0.15267081477050132,
      0.00030458649045211894, 0, 0.116977778440511}},
    {"cosine",
     2,
     1,
     {0, 0.1, 0.9, 1, 0.9951340343707852, 0.09549150281252622, 1, 0.0012179748700878457,
      0.9951340343707851, 1, 0.03015368960704584}},
    {"cosine_with_restarts",
     0,
     1,
     {0, 0.1, 0.9, 1, 0.9996954135095479, 0.7938926261462366, 0.5, 0.15267081477050132,
      0.00030458649045211894, 0, 0}},
    {"cosine_with_restarts",
     3,
     1,
     {0, 0.1, 0.9, 1, 0.9972609476841366, 0.02447174185242329, 0.5, 0.871572412738697,
      0.0027390523158632996, 0, 0}},
    {"polynomial", 0, 1, {0, 0.1, 0.9, 1, 0.98889, 0.70003, 0.50005, 0.25563, 0.01121, 1e-4, 1e-4}},
    {"polynomial",
     0,
     2,
     {0, 0.1, 0.9, 1, 0.9779034444444445, 0.490051, 0.250075, 0.06540211111111109,
      0.00022344444444444357, 1e-4, 1e-4}},
};

TEST(Schedule, HasTheFactorsOfDiffusers) {
  for (const ScheduleRow& row : kRows) {
    const LearningRateSchedule schedule = {.name = row.name,
                                           .steps = 100,
                                           .warmup = 10,
                                           .cycles = row.cycles,
                                           .power = row.power,
                                           .lr = 1e-3};
    for (size_t i = 0; i < kSteps.size(); ++i) {
      EXPECT_NEAR(schedule_factor(schedule, kSteps[i]), row.factors[i], 1e-12)
          << row.name << " " << row.cycles << " step " << kSteps[i];
    }
  }
}

TEST(Schedule, AConstantRateWarmsUpIfThatIsAskedFor) {
  EXPECT_EQ(schedule_factor({.name = "constant", .steps = 100, .warmup = 10}, 5), 0.5);
  EXPECT_EQ(schedule_factor({.name = "constant", .steps = 100}, 0), 1.0);
}

TEST(Schedule, ARunThatIsAllWarmUpIsDefined) {
  for (const std::string& name : schedule_names()) {
    const double factor = schedule_factor({.name = name, .steps = 10, .warmup = 10}, 10);
    EXPECT_TRUE(factor >= 0.0 && factor <= 1.0) << name << " " << factor;
  }
}

std::string schedule_refused(const LearningRateSchedule& schedule) {
  try {
    schedule_factor(schedule, 0);
  } catch (const Error& e) {
    return e.where();
  }
  return "nothing was thrown";
}

TEST(Schedule, RefusesWhatItCannotFollow) {
  EXPECT_EQ(schedule_refused({.name = "step", .steps = 10}), "schedule");
  EXPECT_EQ(schedule_refused({.name = "polynomial", .steps = 10, .lr = 1e-8}), "lr");
  EXPECT_EQ(schedule_refused({.name = "cosine_with_restarts", .steps = 10, .cycles = 1.5}),
            "schedule_cycles");
}

}  // namespace
}  // namespace zc
