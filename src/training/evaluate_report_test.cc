// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "training/evaluate.h"

namespace zc {
namespace {

Estimate mean_of_nine(double mean) {
  return {.mean = mean, .spread = 0.3, .error = 0.1, .scenes = 9};
}

PairFidelity::Side side_with(const std::string& condition, double both, double other) {
  return {.condition = condition,
          .metric = "of " + condition,
          .more_is_better = true,
          .both = mean_of_nine(both),
          .own = mean_of_nine(0.8),
          .other = mean_of_nine(other),
          .gain = mean_of_nine(both - other)};
}

Evaluation small_evaluation() {
  Evaluation e;
  e.controls.push_back({.condition = "canny",
                        .metric = "edge F1 (2 px)",
                        .more_is_better = true,
                        .value = mean_of_nine(0.7),
                        .baseline = mean_of_nine(0.2),
                        .shuffled = mean_of_nine(0.1),
                        .guess = mean_of_nine(0.6),
                        .ceiling = mean_of_nine(0.9),
                        .share = {.value = 0.71, .error = 0.02}});
  e.pairs.push_back({{side_with("openpose", 0.7, 0.2), side_with("depth", 0.6, 0.5)}});
  return e;
}

TEST(EvaluationJson, HasEveryNumberWithItsSpreadAndError) {
  const nlohmann::json canny = to_json(small_evaluation()).at("conditions").at(0);
  for (const char* number : {"value", "baseline", "shuffled", "guess", "ceiling"}) {
    EXPECT_TRUE(canny.at(number).is_number()) << number;
    EXPECT_EQ(canny.at("spread").at(number), 0.3) << number;
    EXPECT_EQ(canny.at("error").at(number), 0.1) << number;
  }
  EXPECT_EQ(canny.at("share"), 0.71);
  EXPECT_EQ(canny.at("error").at("share"), 0.02);
  EXPECT_EQ(canny.at("scenes"), 9);
}

TEST(EvaluationJson, AConditionPassesFromTheLineOn) {
  Evaluation e = small_evaluation();
  EXPECT_TRUE(to_json(e).at("conditions").at(0).at("passes"));
  e.controls[0].share.value = to_json(e).at("passing_share").get<double>() - 0.001;
  EXPECT_FALSE(to_json(e).at("conditions").at(0).at("passes"));
}

TEST(EvaluationJson, APairIsObeyedOnlyIfBothSidesGain) {
  Evaluation e = small_evaluation();
  EXPECT_TRUE(to_json(e).at("pairs").at(0).at("both_obeyed"));
  e.pairs[0].sides[1] = side_with("depth", 0.5, 0.6);
  EXPECT_FALSE(to_json(e).at("pairs").at(0).at("both_obeyed"));
  EXPECT_EQ(to_json(e).at("pairs").at(0).at("maps").at(1).at("other_alone"), 0.6);
}

TEST(EvaluationText, ShowsConditionsPairsAndPrompt) {
  const std::string text = evaluation_text(small_evaluation());
  for (const char* part :
       {"0.700 +- 0.100", "71% +- 2", "passed", "openpose+depth", "both are obeyed", "time of day"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

}  // namespace
}  // namespace zc
