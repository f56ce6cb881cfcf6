// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_statistics.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace zc {
namespace {

TEST(Estimate, HasMeanSpreadAndStandardError) {
  const std::vector<double> values = {1, 2, 3, 4, 5};
  const Estimate e = estimate(values);
  EXPECT_DOUBLE_EQ(e.mean, 3.0);
  EXPECT_DOUBLE_EQ(e.spread, std::sqrt(2.5));
  EXPECT_DOUBLE_EQ(e.error, std::sqrt(0.5));
  EXPECT_EQ(e.scenes, 5);
}

TEST(Estimate, OfOneSceneOrNoneHasNoSpread) {
  EXPECT_EQ(estimate({}).mean, 0.0);
  const std::vector<double> one = {7};
  EXPECT_EQ(estimate(one).mean, 7.0);
  EXPECT_EQ(estimate(one).error, 0.0);
}

TEST(EstimateDifference, IsSurerThanItsPartsWhereScenesDifferMore) {
  const std::vector<double> a = {0.1, 0.5, 0.9}, b = {0.2, 0.6, 1.0};
  const Estimate difference = estimate_difference(a, b);
  EXPECT_NEAR(difference.mean, 0.1, 1e-12);
  EXPECT_NEAR(difference.error, 0.0, 1e-12);
  EXPECT_GT(estimate(a).error, 0.1);
}

TEST(Share, IsThePartOfTheWayFromBaselineToCeiling) {
  const std::vector<double> baseline = {0.2, 0.2}, ceiling = {0.9, 1.1};
  EXPECT_NEAR(share_of_the_way(baseline, baseline, ceiling).value, 0.0, 1e-12);
  EXPECT_NEAR(share_of_the_way(ceiling, baseline, ceiling).value, 1.0, 1e-12);
  const std::vector<double> value = {0.6, 0.6};
  EXPECT_NEAR(share_of_the_way(value, baseline, ceiling).value, 0.5, 1e-12);
}

TEST(Share, IsTheSameForAnglesThatFall) {
  const std::vector<double> baseline = {20, 20}, value = {8, 8}, ceiling = {4, 4};
  EXPECT_NEAR(share_of_the_way(value, baseline, ceiling).value, 0.75, 1e-12);
}

TEST(Share, IsExactWhereEverySceneGoesTheSamePart) {
  const std::vector<double> baseline = {0.1, 0.3, 0.2}, ceiling = {0.5, 1.1, 0.8};
  std::vector<double> value;
  for (size_t i = 0; i < 3; ++i) value.push_back(baseline[i] + 0.7 * (ceiling[i] - baseline[i]));
  const Share share = share_of_the_way(value, baseline, ceiling);
  EXPECT_NEAR(share.value, 0.7, 1e-12);
  EXPECT_NEAR(share.error, 0.0, 1e-12);
}

// With a way of 1 in every scene the share is the mean value, and so is its error.
TEST(Share, HasTheErrorOfTheMeanWhereTheWayIsOne) {
  const std::vector<double> baseline = {0, 0, 0, 0}, ceiling = {1, 1, 1, 1},
                            value = {0.2, 0.4, 0.6, 0.8};
  const Share share = share_of_the_way(value, baseline, ceiling);
  EXPECT_NEAR(share.value, 0.5, 1e-12);
  EXPECT_NEAR(share.error, estimate(value).error, 1e-12);
}

TEST(Share, IsZeroWithoutAWay) {
  const std::vector<double> same = {0.5, 0.5};
  EXPECT_EQ(share_of_the_way(same, same, same).value, 0.0);
}

}  // namespace
}  // namespace zc
