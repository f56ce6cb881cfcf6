// SPDX-License-Identifier: Apache-2.0
#include "training/four_rows.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error_of.h"

namespace zc {
namespace {

const MeasuredMetric kOverlap{"iou", "IoU", true};
const MeasuredMetric kDistance{"centre", "centre error (px)", false};

// Scenes that differ a little, with these means.
std::vector<MeasuredValues> scenes_with(double without, double shuffled, double control,
                                        double ceiling, int count = 12) {
  std::vector<MeasuredValues> scenes;
  for (int i = 0; i < count; ++i) {
    const double noise = 0.01 * (i % 2 == 0 ? 1 : -1);
    MeasuredValues& values = scenes.emplace_back();
    for (const char* name : {"iou", "centre"}) {
      values[std::string("without_") + name] = without;
      values[std::string("shuffled_") + name] = shuffled;
      values[std::string("control_") + name] = control + noise;
      values[std::string("ceiling_") + name] = ceiling;
    }
  }
  return scenes;
}

TEST(FourRows, TheShareIsTheWayFromNoControlToTheCeiling) {
  const FourRows rows = four_rows(kOverlap, scenes_with(0.2, 0.2, 0.6, 1.0));
  EXPECT_NEAR(rows.share.value, 0.5, 1e-9);
  EXPECT_NEAR(rows.gain.mean, 0.4, 1e-9);
  EXPECT_TRUE(rows.follows());
}

TEST(FourRows, ASmallerErrorIsAGain) {
  const FourRows rows = four_rows(kDistance, scenes_with(40, 38, 4, 1));
  EXPECT_NEAR(rows.gain.mean, 34, 1e-9);
  EXPECT_NEAR(rows.share.value, 36.0 / 39.0, 1e-9);
  EXPECT_TRUE(rows.follows());
}

TEST(FourRows, AControlThatObeysAnyMapFollowsNone) {
  EXPECT_FALSE(four_rows(kOverlap, scenes_with(0.2, 0.6, 0.6, 1.0)).follows());
  EXPECT_FALSE(four_rows(kOverlap, scenes_with(0.2, 0.7, 0.6, 1.0)).follows());
}

TEST(FourRows, AGainWithinThreeErrorsIsNone) {
  std::vector<MeasuredValues> scenes = scenes_with(0.2, 0.2, 0.6, 1.0);
  for (size_t i = 0; i < scenes.size(); ++i) scenes[i]["control_iou"] = i % 4 == 0 ? 1.0 : 0.0;
  EXPECT_FALSE(four_rows(kOverlap, scenes).follows());
}

TEST(FourRows, AFewScenesProveNothing) {
  EXPECT_FALSE(four_rows(kOverlap, scenes_with(0.2, 0.2, 0.6, 1.0, 7)).follows());
  EXPECT_TRUE(four_rows(kOverlap, scenes_with(0.2, 0.2, 0.6, 1.0, 8)).follows());
}

TEST(FourRows, ASceneWithoutOneOfTheValuesDoesNotCount) {
  std::vector<MeasuredValues> scenes = scenes_with(0.2, 0.2, 0.6, 1.0);
  scenes[0].erase("ceiling_iou");
  EXPECT_EQ(four_rows(kOverlap, scenes).control.scenes, 11);
}

TEST(FourRows, JsonHasEveryRowWithItsSpreadAndError) {
  const nlohmann::json json = to_json(four_rows(kOverlap, scenes_with(0.2, 0.3, 0.6, 1.0)));
  for (const char* row : {"without", "shuffled", "control", "ceiling", "gain"}) {
    EXPECT_TRUE(json.at(row).is_number()) << row;
    EXPECT_TRUE(json.at("spread").at(row).is_number()) << row;
    EXPECT_TRUE(json.at("error").at(row).is_number()) << row;
  }
  EXPECT_EQ(json.at("follows"), true);
  EXPECT_EQ(json.at("scenes"), 12);
}

TEST(FourRows, TextShowsEachMetricOnALine) {
  const std::vector<MeasuredValues> scenes = scenes_with(0.2, 0.3, 0.6, 1.0);
  const std::vector<FourRows> rows = {four_rows(kOverlap, scenes), four_rows(kDistance, scenes)};
  const std::string text = four_rows_text(rows);
  EXPECT_NE(text.find("IoU"), std::string::npos) << text;
  EXPECT_NE(text.find("centre error (px)"), std::string::npos) << text;
  EXPECT_NE(text.find("50% +- "), std::string::npos) << text;
}

TEST(MeasuredScenes, AreOnlyThoseOfTheShardAndEachIsMeasuredOnce) {
  EvaluateOptions options;
  options.count = 5;
  options.shard = "1/2";
  std::vector<int64_t> measured;
  const auto values_of = [&](int64_t i) -> MeasuredValues {
    measured.push_back(i);
    return {{"x", static_cast<double>(i)}};
  };
  EXPECT_EQ(measured_scenes(options, "key", "what", 100, {}, values_of).size(), 2u);
  EXPECT_EQ(measured, (std::vector<int64_t>{1, 3}));
}

TEST(MeasuredScenes, StopWhenCancelled) {
  CancelToken token;
  token.cancel();
  TaskContext task;
  task.cancel = &token;
  EXPECT_THROW(
      measured_scenes({}, "key", "what", 0, task, [](int64_t) -> MeasuredValues { return {}; }),
      Error);
}

}  // namespace
}  // namespace zc
