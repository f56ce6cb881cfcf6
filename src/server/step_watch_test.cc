// SPDX-License-Identifier: Apache-2.0
#include "server/step_watch.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace zc {
namespace {

// Steps of two seconds, from second 10 on.
StepWatch watch_after_steps(int64_t done) {
  StepWatch watch({.seconds = 60, .steps = 20, .first_seconds = 900}, 0);
  for (int64_t step = 0; step <= done; ++step)
    watch.progress({"sample", step, 10}, 10 + 2 * static_cast<double>(step));
  return watch;
}

TEST(StepWatch, KnowsTheUsualStepAndTheTimeThatIsLeft) {
  const StepWatch watch = watch_after_steps(4);
  EXPECT_DOUBLE_EQ(watch.usual_step_seconds().value(), 2);
  EXPECT_DOUBLE_EQ(watch.seconds_left(18).value(), 12);
  EXPECT_DOUBLE_EQ(watch.seconds_left(19).value(), 11);
}

TEST(StepWatch, KnowsNeitherBeforeAStepIsDone) {
  const StepWatch watch = watch_after_steps(0);
  EXPECT_FALSE(watch.usual_step_seconds());
  EXPECT_FALSE(watch.seconds_left(100));
}

TEST(StepWatch, CountsPicturesOfABatchAsOneRow) {
  StepWatch watch({}, 0);
  watch.progress({"sample", 9, 20}, 10);
  watch.progress({"sample", 10, 20}, 12);
  watch.progress({"decode", 0, 2}, 12);
  watch.progress({"sample", 10, 20}, 30);  // the next picture; decoding was no step
  watch.progress({"sample", 11, 20}, 32);
  EXPECT_DOUBLE_EQ(watch.usual_step_seconds().value(), 2);
}

TEST(StepWatch, AStepMayTakeAMinuteAndTwentyUsualOnes) {
  StepWatch fast = watch_after_steps(4);  // the last one at second 18
  EXPECT_FALSE(fast.hangs(18 + 60));
  EXPECT_TRUE(fast.hangs(18 + 61));

  StepWatch slow({.seconds = 60, .steps = 20, .first_seconds = 900}, 0);
  slow.progress({"sample", 0, 9}, 0);
  slow.progress({"sample", 1, 9}, 30);
  EXPECT_FALSE(slow.hangs(30 + 600));
  EXPECT_TRUE(slow.hangs(30 + 601));
}

TEST(StepWatch, LoadingAndTheFirstStepMayTakeLong) {
  StepWatch watch({.seconds = 60, .steps = 20, .first_seconds = 900}, 0);
  EXPECT_FALSE(watch.hangs(899));
  EXPECT_TRUE(watch.hangs(901));
}

TEST(StepWatch, TellsTheProgressAsJson) {
  const nlohmann::json shown = parse_json(watch_after_steps(5).json(20));
  EXPECT_EQ(shown["phase"], "sample");
  EXPECT_EQ(shown["done"], 5);
  EXPECT_EQ(shown["total"], 10);
  EXPECT_DOUBLE_EQ(shown["fraction"], 0.49);
  EXPECT_DOUBLE_EQ(shown["eta_seconds"], 10);
}

TEST(StepWatch, TheFractionNeverFalls) {
  StepWatch watch = watch_after_steps(10);
  const double before = parse_json(watch.json(40))["fraction"];
  watch.progress({"map", 0, 0}, 41);
  EXPECT_EQ(parse_json(watch.json(41))["fraction"], before);
  EXPECT_EQ(parse_json(watch.json(41))["phase"], "map");
}

TEST(StepWatch, SaysNothingBeforeTheFirstReport) {
  EXPECT_EQ(StepWatch({}, 0).json(1), "");
}

}  // namespace
}  // namespace zc
