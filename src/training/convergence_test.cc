// SPDX-License-Identifier: Apache-2.0
#include "training/convergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace zc {
namespace {

constexpr int64_t kInterval = 500;

// Adds one share every kInterval steps, beginning at kInterval; returns the events.
std::vector<ConvergenceEvent> add_all(ConvergenceState& state, const std::vector<double>& shares) {
  std::vector<ConvergenceEvent> events;
  for (const double share : shares) {
    const int64_t step = state.points.empty() ? kInterval : state.points.back().step + kInterval;
    if (const auto event = state.add(step, share)) events.push_back(*event);
  }
  return events;
}

// Normal noise of that spread which is the same on every machine.
std::vector<double> noise_around_zero(size_t count, double spread, uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) {
    double sum = -6.0;
    for (int k = 0; k < 12; ++k) sum += (static_cast<double>(engine()) + 0.5) / 4294967296.0;
    values.push_back(spread * sum);
  }
  return values;
}

TEST(AdherenceShare, IsZeroAtTheBaselineAndOneAtTheCeiling) {
  EXPECT_DOUBLE_EQ(adherence_share(0.2, 0.2, 0.9).value(), 0.0);
  EXPECT_DOUBLE_EQ(adherence_share(0.9, 0.2, 0.9).value(), 1.0);
  EXPECT_DOUBLE_EQ(adherence_share(0.55, 0.2, 0.9).value(), 0.5);
}

TEST(AdherenceShare, HoldsWhereSmallerIsBetter) {
  EXPECT_DOUBLE_EQ(adherence_share(25.0, 45.0, 5.0).value(), 0.5);
}

TEST(AdherenceShare, IsNothingWithoutRoomBetweenBaselineAndCeiling) {
  EXPECT_FALSE(adherence_share(0.5, 0.9, 0.9));
  EXPECT_FALSE(adherence_share(std::numeric_limits<double>::quiet_NaN(), 0.2, 0.9));
}

TEST(Convergence, ASuddenJumpIsFoundWhereItCrossedTheThreshold) {
  ConvergenceState state;
  const auto events = add_all(state, {0.00, 0.02, 0.01, 0.03, 0.01, 0.71, 0.73, 0.74});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].sudden);
  // From 0.01 at 2500 to 0.71 at 3000: 0.35 is reached after 34/70 of the way.
  EXPECT_EQ(events[0].step, 2500 + std::llround(500.0 * 0.34 / 0.70));
  EXPECT_DOUBLE_EQ(events[0].before, 0.01);
  EXPECT_DOUBLE_EQ(events[0].after, 0.72);
}

TEST(Convergence, IsReportedWithTheSecondMeasurementThatConfirmsIt) {
  ConvergenceState state;
  EXPECT_TRUE(add_all(state, {0.0, 0.01, 0.02, 0.7}).empty());
  EXPECT_EQ(add_all(state, {0.7}).size(), 1u);
  EXPECT_TRUE(add_all(state, {0.1, 0.7, 0.7}).empty());
}

TEST(Convergence, AJumpThatTakesTwoIntervalsIsSuddenToo) {
  ConvergenceState state;
  const auto events = add_all(state, {0.00, 0.01, 0.02, 0.01, 0.30, 0.65, 0.68});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].sudden);
}

TEST(Convergence, ASlowRiseIsReportedButIsNotSudden) {
  ConvergenceState state;
  std::vector<double> shares;
  for (int i = 0; i < 20; ++i) shares.push_back(0.04 * i + (i % 2 == 0 ? 0.005 : -0.005));
  const auto events = add_all(state, shares);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].sudden);
  EXPECT_GT(events[0].step, 4500);  // 0.04 * 8 = 0.32 at 4500, 0.36 at 5000
  EXPECT_LE(events[0].step, 5500);
}

TEST(Convergence, AFewSteepMeasurementsAreNotTakenForNoise) {
  ConvergenceState state;
  const auto events = add_all(state, {0.0, 0.3, 0.6, 0.65});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].sudden);
}

TEST(Convergence, NoiseAroundZeroNeverTriggers) {
  for (const double spread : {0.02, 0.1, 0.2}) {
    for (uint32_t seed = 1; seed <= 20; ++seed) {
      ConvergenceState state;
      // Quiet at first: the first measurements cannot know how large the noise is.
      EXPECT_TRUE(add_all(state, {0.1, -0.1, 0.1, -0.1}).empty());
      EXPECT_TRUE(add_all(state, noise_around_zero(200, spread, seed)).empty())
          << spread << " " << seed;
    }
  }
}

TEST(Convergence, OneOutlierIsNoConvergence) {
  ConvergenceState state;
  EXPECT_TRUE(add_all(state, {0.0, 0.01, 0.8, 0.02, 0.01, 0.8, 0.0, 0.02}).empty());
}

TEST(Convergence, AJumpOutOfNoiseIsStillSeen) {
  ConvergenceState state;
  EXPECT_TRUE(add_all(state, noise_around_zero(12, 0.05, 3)).empty());
  const auto events = add_all(state, {0.70, 0.66});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].sudden);
}

TEST(Convergence, ARunThatBeginsWithAGoodModelFollowsFromItsFirstMeasurement) {
  ConvergenceState state;
  const auto events = add_all(state, {0.70, 0.71, 0.72});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].step, kInterval);
  EXPECT_FALSE(events[0].sudden);
}

TEST(Convergence, TheBestStepIsTheEarliestOfTheLargestShare) {
  ConvergenceState state;
  add_all(state, {0.1, 0.5, 0.8, 0.7, 0.8});
  ASSERT_TRUE(state.best);
  EXPECT_EQ(state.best->step, 3 * kInterval);
  EXPECT_DOUBLE_EQ(state.best->share, 0.8);
}

TEST(Plateau, IsReachedAfterPatienceMeasurementsWithoutAGain) {
  ConvergenceState state;
  state.options = {.min_gain = 0.02, .patience = 3};
  add_all(state, {0.0, 0.6, 0.7, 0.71, 0.70});
  EXPECT_FALSE(state.plateau());
  add_all(state, {0.715});
  EXPECT_TRUE(state.plateau());
  add_all(state, {0.75});
  EXPECT_FALSE(state.plateau());
}

TEST(Plateau, SmallGainsAddUp) {
  ConvergenceState state;
  state.options = {.min_gain = 0.02, .patience = 3};
  add_all(state, {0.5, 0.5, 0.51, 0.52, 0.53, 0.54, 0.55, 0.56, 0.57});
  EXPECT_FALSE(state.plateau());
}

TEST(Plateau, IsNeverReachedBeforeTheModelFollows) {
  ConvergenceState state;
  state.options.patience = 3;
  add_all(state, std::vector<double>(50, 0.01));
  EXPECT_FALSE(state.plateau());
}

TEST(Convergence, AResumedRunReplacesWhatItMeasuresAgain) {
  ConvergenceState state, whole;
  add_all(state, {0.0, 0.0, 0.9, 0.9});
  EXPECT_TRUE(state.event);
  EXPECT_FALSE(state.add(3 * kInterval, 0.02));
  EXPECT_FALSE(state.event);
  add_all(whole, {0.0, 0.0, 0.02});
  EXPECT_EQ(state.points.size(), whole.points.size());
  EXPECT_DOUBLE_EQ(state.best->share, 0.02);
  EXPECT_EQ(add_all(state, {0.9, 0.9}).size(), 1u);
}

TEST(Convergence, AMeasurementWithoutANumberIsPassedOver) {
  ConvergenceState state;
  EXPECT_FALSE(state.add(500, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(state.points.empty());
}

TEST(Convergence, ItsTextNamesStepAndShares) {
  EXPECT_EQ(
      convergence_text({.step = 3412, .before = 0.02, .after = 0.71, .sudden = true}),
      "suddenly began to follow its map at step 3412: adherence rose from 2 % to 71 % of what "
      "is possible");
  EXPECT_EQ(convergence_text({.step = 900, .before = 0.3, .after = 0.4, .sudden = false}),
            "follows its map since step 900: adherence 40 % of what is possible");
}

}  // namespace
}  // namespace zc
