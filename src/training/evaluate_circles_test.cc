// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_circles.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "pipelines/tiny_model.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// A random model of a few thousand weights, of which nothing is to be expected; measured once.
class EvaluateCircles : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const fs::path folder =
        fs::path(testing::TempDir()) / ("zeroconv_circles_" + std::to_string(getpid()));
    fs::create_directories(folder);
    write_tiny_base(folder);
    write_tiny_control(folder, "control.safetensors", /*zero=*/true);
    options_.model = (folder / "base.safetensors").string();
    options_.controlnets = {"circles=" + (folder / "control.safetensors").string()};
    options_.count = 2;
    options_.steps = 1;
    options_.partial = folder / "partial.jsonl";
    measured_ = evaluate_circles(options_, {});
  }
  static void TearDownTestSuite() {
    fs::remove_all(fs::path(options_.model).parent_path());
    options_ = {};
    measured_ = {};
  }

  static inline EvaluateOptions options_;
  static inline CircleEvaluation measured_;
};

double metric_of(const CircleEvaluation& e, const std::string& name, Estimate FourRows::*row) {
  for (const auto* group : {&e.disc, &e.colours}) {
    for (const FourRows& rows : *group) {
      if (rows.metric.name == name) return (rows.*row).mean;
    }
  }
  ADD_FAILURE() << name;
  return -1;
}

TEST_F(EvaluateCircles, AFreshControlNetIsAsGoodAsNoneWithAnyRing) {
  EXPECT_EQ(measured_.scenes, 2);
  for (const char* name :
       {"iou", "shape_iou", "outline", "centre", "radius", "colour", "difference"}) {
    const double without = metric_of(measured_, name, &FourRows::without);
    EXPECT_EQ(metric_of(measured_, name, &FourRows::control), without) << name;
    EXPECT_EQ(metric_of(measured_, name, &FourRows::shuffled), without) << name;
  }
  EXPECT_FALSE(measured_.follows());
}

TEST_F(EvaluateCircles, ASceneThatWasMeasuredIsReadFromThePartialFile) {
  const CircleEvaluation again = evaluate_circles(options_, {});
  EXPECT_EQ(measured_.examples.size(), 2u * kCircleColumns);
  EXPECT_TRUE(again.examples.empty());
  EXPECT_EQ(to_json(again), to_json(measured_));
}

TEST_F(EvaluateCircles, JsonHasAllRowsAndTheSwappedPrompts) {
  const nlohmann::json json = to_json(measured_).at("circles");
  EXPECT_EQ(json.at("scenes"), 2);
  EXPECT_EQ(json.at("size"), 64);
  EXPECT_EQ(json.at("metrics").at(0).at("name"), "iou");
  EXPECT_TRUE(json.at("metrics").at(0).at("ceiling").is_number());
  EXPECT_TRUE(json.at("swapped_prompt").at("as_said").is_number());
  EXPECT_EQ(json.at("swapped_prompt").at("uses_prompt"), false);
}

TEST_F(EvaluateCircles, WantsAControlNetByItsName) {
  EvaluateOptions options = options_;
  options.controlnets.clear();
  const Error error = error_of([&] { evaluate_circles(options, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_NE(error.text().find("circles=FILE"), std::string::npos) << error.text();
}

TEST_F(EvaluateCircles, RefusesOptionsOfTheConditions) {
  EvaluateOptions options;
  options.all = true;
  EXPECT_EQ(error_of([&] { evaluate_circles(options, {}); }).where(), "--circles");
}

TEST_F(EvaluateCircles, ThePromptCountsWhenColoursAreThoseThatItNames) {
  CircleEvaluation::SwappedPrompt swapped;
  swapped.gain = {.mean = 0.4, .spread = 0.3, .error = 0.1, .scenes = 9};
  EXPECT_TRUE(swapped.uses_prompt());
  swapped.gain.mean = 0.29;
  EXPECT_FALSE(swapped.uses_prompt());
}

}  // namespace
}  // namespace zc
