// SPDX-License-Identifier: Apache-2.0
#include "pipelines/control.h"

#include <gtest/gtest.h>

#include "base/error_of.h"

namespace zc {
namespace {

TEST(UnitScales, BalancedActsAlikeOnBothSides) {
  ControlUnit unit;
  unit.weight = 0.5;
  const UnitScales scales = unit_scales(unit, {});
  EXPECT_EQ(scales.cond, std::vector<double>(13, 0.5));
  EXPECT_EQ(scales.uncond, scales.cond);
}

// The values that gradio_canny2image.py computes in guess mode.
TEST(UnitScales, GuessModeIsTheOriginals) {
  const UnitScales scales = unit_scales({}, {.guess = true});
  EXPECT_NEAR(scales.cond[0], 0.099414, 1e-6);
  EXPECT_NEAR(scales.cond[1], 0.120502, 1e-6);
  EXPECT_NEAR(scales.cond[11], 0.825, 1e-12);
  EXPECT_EQ(scales.cond[12], 1.0);
  EXPECT_TRUE(scales.uncond.empty());
}

TEST(UnitScales, PromptAndControlModes) {
  ControlUnit unit;
  unit.mode = ControlMode::prompt;
  EXPECT_NEAR(unit_scales(unit, {}).uncond[0], 0.099414, 1e-6);
  unit.mode = ControlMode::control;
  EXPECT_NEAR(unit_scales(unit, {}).cond[0], 0.099414, 1e-6);
  EXPECT_TRUE(unit_scales(unit, {}).uncond.empty());
}

TEST(UnitScales, OnlyMidLeavesTheMiddleBlock) {
  ControlUnit unit;
  unit.only_mid = true;
  unit.weight = 0.7;
  const UnitScales scales = unit_scales(unit, {.residuals = 4});
  EXPECT_EQ(scales.cond, (std::vector<double>{0, 0, 0, 0.7}));
}

TEST(UnitScales, ActBetweenStartAndEnd) {
  ControlUnit unit;
  unit.start = 0.2;
  unit.end = 0.5;
  std::vector<int> active;
  for (int64_t step = 0; step < 10; ++step)
    active.push_back(!unit_scales(unit, {.step = step, .steps = 10}).cond.empty());
  EXPECT_EQ(active, (std::vector<int>{0, 0, 1, 1, 1, 1, 0, 0, 0, 0}));
  // diffusers: the whole step must lie inside.
  EXPECT_TRUE(unit_scales(unit, {.step = 5, .steps = 10, .profile = "diffusers"}).cond.empty());
  EXPECT_FALSE(unit_scales(unit, {.step = 4, .steps = 10, .profile = "diffusers"}).cond.empty());
}

TEST(UnitScales, BlockWeightsTakeThePlaceOfTheModes) {
  ControlUnit unit;
  unit.weight = 0.5;
  unit.block_weights = {1, 0.5, 0, 2};
  const std::vector<double> expected = {0.5, 0.25, 0, 1};
  EXPECT_EQ(unit_scales(unit, {.residuals = 4}).cond, expected);
  EXPECT_EQ(unit_scales(unit, {.residuals = 4}).uncond, expected);
  EXPECT_EQ(unit_scales(unit, {.residuals = 4, .guess = true}).cond, expected);
  unit.mode = ControlMode::control;
  EXPECT_EQ(unit_scales(unit, {.residuals = 4}).cond, expected);
  EXPECT_TRUE(unit_scales(unit, {.residuals = 4}).uncond.empty());
  unit.only_mid = true;
  EXPECT_EQ(unit_scales(unit, {.residuals = 4}).cond, (std::vector<double>{0, 0, 0, 1}));
}

TEST(UnitScales, BlockWeightsOfAnotherNumberAreRefusedInWords) {
  ControlUnit unit;
  check_block_weights(unit, 13, 0);
  unit.block_weights.assign(10, 1.0);
  check_block_weights(unit, 10, 0);
  const Error error = error_of([&] { check_block_weights(unit, 13, 2); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "controls[2].block_weights");
  EXPECT_NE(error.text().find("has 10 numbers"), std::string::npos) << error.text();
  EXPECT_NE(error.text().find("wants 13: 12 for"), std::string::npos) << error.text();
}

TEST(UnitScales, TheWebUiSoftensEdgesInTheSecondPass) {
  ControlUnit unit;
  const ControlMoment second = {.profile = "a1111", .hires = true};
  EXPECT_NEAR(unit_scales(unit, second).cond[0], 0.099414, 1e-6);
  EXPECT_EQ(unit_scales(unit, second).cond, unit_scales(unit, second).uncond);
  EXPECT_EQ(unit_scales(unit, {.profile = "a1111"}).cond, std::vector<double>(13, 1.0));
  EXPECT_EQ(unit_scales(unit, {.hires = true}).cond, std::vector<double>(13, 1.0));
  unit.kind = "depth";
  EXPECT_EQ(unit_scales(unit, second).cond, std::vector<double>(13, 1.0));
}

TEST(UnitScales, WithoutWeightTheNetworkNeedNotRun) {
  ControlUnit unit;
  unit.weight = 0;
  EXPECT_EQ(unit_scales(unit, {}), UnitScales{});
}

}  // namespace
}  // namespace zc
