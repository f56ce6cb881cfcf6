// SPDX-License-Identifier: Apache-2.0
#include "training/trained_weights.h"

#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "training/test_model.h"

namespace zc {
namespace {

double first_weight(const Line& line) {
  return line.weight.stored()[0].item<double>();
}

TEST(TrainedWeights, AreThoseThatWantAGradientUnderTheirPrefix) {
  Line learning, locked;
  locked.weight.set(at::full({4}, 1.0));
  const StateDict weights = trained_weights({{&learning, "a."}, {&locked, "b."}});
  ASSERT_EQ(weights.size(), 1u);
  EXPECT_TRUE(weights.contains("a.weight"));
}

TEST(WeightsFingerprint, ChangesWithTheSmallestStepOfOneWeight) {
  Line line, same, other;
  const c10::NoGradGuard no_grad;
  other.weight.stored()[3].fill_(std::nextafter(0.5f, 1.0f));
  EXPECT_EQ(weights_fingerprint({{&line, ""}}), weights_fingerprint({{&same, ""}}));
  EXPECT_NE(weights_fingerprint({{&line, ""}}), weights_fingerprint({{&other, ""}}));
}

TEST(AveragedWeights, AreThereUntilTheyGo) {
  Line line;
  {
    const AveragedWeights swapped({{&line, "a."}}, {{"a.weight", at::full({4}, 2.0)}});
    EXPECT_EQ(first_weight(line), 2.0);
  }
  EXPECT_EQ(first_weight(line), 0.5);
}

TEST(AveragedWeights, LeaveWhatHasNoAverage) {
  Line line;
  const AveragedWeights swapped({{&line, "a."}}, {{"b.weight", at::full({4}, 2.0)}});
  EXPECT_EQ(first_weight(line), 0.5);
}

}  // namespace
}  // namespace zc
