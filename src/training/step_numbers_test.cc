// SPDX-License-Identifier: Apache-2.0
#include "training/step_numbers.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

namespace zc {
namespace {

StepNumbers numbers_of(double loss, double seconds) {
  StepNumbers numbers;
  numbers.loss = loss;
  numbers.seconds = seconds;
  return numbers;
}

TEST(StepNumbers, SortLossesByTheHundredOfTheirTimeStep) {
  StepNumbers numbers;
  numbers.add(at::tensor({1.0f, 2.0f, 4.0f}), at::tensor({0, 99, 999}));
  EXPECT_EQ(numbers.bin_sums[0], 3.0);
  EXPECT_EQ(numbers.bin_counts[0], 2.0);
  EXPECT_EQ(numbers.bin_sums[9], 4.0);
}

TEST(StepNumbers, OfAllRanksAreTheMeanLossAndTheSlowestTime) {
  StepNumbers first = numbers_of(1.0, 2.0), second = numbers_of(3.0, 5.0);
  first.add(at::tensor({1.0f}), at::tensor({150}));
  second.add(at::tensor({2.0f}), at::tensor({150}));
  const StepNumbers sum = StepNumbers::sum({first.row(), second.row()});
  EXPECT_EQ(sum.loss, 2.0);
  EXPECT_EQ(sum.seconds, 5.0);
  EXPECT_EQ(sum.bin_sums[1], 3.0);
  EXPECT_EQ(sum.bin_counts[1], 2.0);
  EXPECT_FALSE(sum.cancelled || sum.save);
}

TEST(StepNumbers, WhatOneRankWasToldHoldsForAll) {
  StepNumbers quiet, told;
  told.cancelled = told.save = true;
  const StepNumbers sum = StepNumbers::sum({quiet.row(), told.row()});
  EXPECT_TRUE(sum.cancelled);
  EXPECT_TRUE(sum.save);
}

TEST(StepWindow, HasNoMeanWhereThereWasNoSample) {
  StepNumbers step;
  step.add(at::tensor({1.0f, 3.0f}), at::tensor({500, 501}));
  StepWindow window;
  window.add(step);
  window.add(numbers_of(0.0, 0.0));
  EXPECT_EQ(window.steps, 2);
  EXPECT_EQ(window.bins()[5], 2.0);
  EXPECT_TRUE(std::isnan(window.bins()[4]));
}

}  // namespace
}  // namespace zc
