// SPDX-License-Identifier: Apache-2.0
// Which steps are computed, and what is said of the others.
#include "pipelines/forecast.h"

#include <algorithm>

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace zc {
namespace {

std::vector<int64_t> places(const std::vector<bool>& calls) {
  std::vector<int64_t> computed;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (calls[i]) computed.push_back(static_cast<int64_t>(i));
  }
  return computed;
}

TEST(ComputedCalls, StandDenselyAtTheBeginning) {
  EXPECT_EQ(places(computed_calls(20, 0.65)), (std::vector<int64_t>{0, 1, 2, 4, 6, 10, 15}));
  EXPECT_EQ(places(computed_calls(4, 0)), (std::vector<int64_t>{0, 1, 2, 3}));
}

TEST(ComputedCalls, AreAsManyAsAskedForWhateverTheSizes) {
  for (const double skipped : {0.1, 0.5, 0.65, 0.9}) {
    for (int64_t count = 1; count < 200; ++count) {
      const std::vector<int64_t> calls = places(computed_calls(count, skipped));
      ASSERT_FALSE(calls.empty());
      EXPECT_EQ(calls.front(), 0);
      EXPECT_EQ(static_cast<int64_t>(calls.size()),
                static_cast<int64_t>(std::ceil(static_cast<double>(count) * (1 - skipped) - 1e-9)))
          << count << " " << skipped;
    }
  }
  EXPECT_TRUE(computed_calls(0, 0.5).empty());
}

TEST(Forecast, RepeatsOneObservationAndFollowsTwo) {
  Forecast forecast;
  EXPECT_FALSE(forecast.ready());
  forecast.observe(0, {at::full({2}, 5.0), {}});
  EXPECT_EQ(forecast.at(3)[0][0].item<double>(), 5.0);
  EXPECT_FALSE(forecast.at(3)[1].defined());
  forecast.observe(2, {at::full({2}, 7.0), {}});
  const double next = forecast.at(3)[0][0].item<double>();
  EXPECT_GT(next, 7.0);
  EXPECT_LE(next, 8.0);  // where a straight line would be
  forecast.forget();
  EXPECT_FALSE(forecast.ready());
}

}  // namespace
}  // namespace zc
