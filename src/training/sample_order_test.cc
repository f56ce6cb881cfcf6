// SPDX-License-Identifier: Apache-2.0
#include "training/sample_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/error_of.h"

namespace zc {
namespace {

TEST(KeyedPermutation, ShowsEachNumberOnce) {
  for (const uint64_t count : {1, 2, 3, 5, 16, 17, 64, 65, 1000}) {
    const KeyedPermutation permutation(count, 7);
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < count; ++i) seen.insert(permutation(i));
    EXPECT_EQ(seen.size(), count);
    EXPECT_LT(*seen.rbegin(), count);
  }
}

TEST(KeyedPermutation, DiffersFromKeyToKey) {
  const KeyedPermutation a(1000, 1), b(1000, 2);
  int same = 0;
  for (uint64_t i = 0; i < 1000; ++i) same += a(i) == b(i) ? 1 : 0;
  EXPECT_LT(same, 10);
}

TEST(KeyedPermutation, GivesEachOrderOfAFewNumbersAsOften) {
  std::map<std::vector<uint64_t>, int> often;
  constexpr int kKeys = 6000;
  for (uint64_t key = 0; key < kKeys; ++key) {
    const KeyedPermutation permutation(3, mixed_key({key}));
    ++often[{permutation(0), permutation(1), permutation(2)}];
  }
  ASSERT_EQ(often.size(), 6u);
  for (const auto& [order, times] : often) EXPECT_NEAR(times, kKeys / 6, 150);  // 5 deviations
}

TEST(KeyedPermutation, DoesNotKeepNeighboursTogether) {
  const KeyedPermutation permutation(10'000, 3);
  int near = 0;
  for (uint64_t i = 0; i + 1 < 10'000; ++i) {
    const auto a = static_cast<int64_t>(permutation(i));
    const auto b = static_cast<int64_t>(permutation(i + 1));
    near += std::abs(a - b) < 100 ? 1 : 0;  // by chance about one in fifty
  }
  EXPECT_NEAR(near, 199, 75);
}

TEST(KeyedPermutation, CountsFarBeyondMemory) {
  const uint64_t count = 3'000'000'000'000;
  const KeyedPermutation permutation(count, 5);
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 1000; ++i) seen.insert(permutation(count - 1 - i));
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(MixedKey, DependsOnTheOrderOfItsNumbers) {
  EXPECT_NE(mixed_key({1, 2}), mixed_key({2, 1}));
  EXPECT_NE(mixed_key({0}), mixed_key({0, 0}));
}

TEST(SampleOrder, EachEpochShowsEachSampleOnceEvenWhereStepsCrossItsEnd) {
  const SampleOrder order({10}, 4, 1);
  std::map<int64_t, int> seen;
  for (int64_t p = 0; p < 30; ++p) {
    if (p % 10 == 0) seen.clear();
    ++seen[order.place(p / 4, p % 4)];
    if (p % 10 == 9) {
      EXPECT_EQ(seen.size(), 10u);
    }
  }
}

TEST(SampleOrder, EpochsAndSeedsHaveOrdersOfTheirOwn) {
  const auto first_epoch = [](int64_t seed, int64_t epoch) {
    const SampleOrder order({50}, 1, seed);
    std::vector<int64_t> places;
    for (int64_t i = 0; i < 50; ++i) places.push_back(order.place(epoch * 50 + i, 0));
    return places;
  };
  EXPECT_NE(first_epoch(1, 0), first_epoch(1, 1));
  EXPECT_NE(first_epoch(1, 0), first_epoch(2, 0));
  EXPECT_EQ(first_epoch(1, 1), first_epoch(1, 1));
}

TEST(SampleOrder, IsTheSameHoweverTheSamplesAreSplitIntoSteps) {
  const SampleOrder steps_of_4({37}, 4, 9), steps_of_1({37}, 1, 9);
  for (int64_t p = 0; p < 100; ++p)
    EXPECT_EQ(steps_of_4.place(p / 4, p % 4), steps_of_1.place(p, 0));
}

TEST(SampleOrder, AnEpochOverBucketsShowsEveryoneAndFillsShortBatchesFromTheirBucket) {
  const std::vector<int64_t> sizes = {9, 0, 4, 1};
  const SampleOrder order(sizes, 4, 3);
  EXPECT_EQ(order.steps_per_epoch(), 3 + 0 + 1 + 1);
  std::map<std::pair<int64_t, int64_t>, int> seen;
  for (int64_t step = 5; step < 10; ++step) {
    EXPECT_EQ(order.epoch(step), 1);
    for (int64_t g = 0; g < 4; ++g) {
      const int64_t place = order.place(step, g);
      ASSERT_LT(place, sizes[static_cast<size_t>(order.bucket(step))]);
      ++seen[{order.bucket(step), place}];
    }
  }
  EXPECT_EQ(seen.size(), 14u);
  EXPECT_EQ((seen[{3, 0}]), 4);
  for (int64_t place = 0; place < 4; ++place) EXPECT_EQ((seen[{2, place}]), 1);
}

TEST(SampleOrder, BucketsFollowEachOtherInAnOrderOfTheEpochsOwn) {
  const SampleOrder order({40, 40}, 4, 3);
  std::vector<int64_t> first, second;
  for (int64_t step = 0; step < 20; ++step) {
    first.push_back(order.bucket(step));
    second.push_back(order.bucket(20 + step));
  }
  EXPECT_NE(first, second);
  EXPECT_EQ(std::count(first.begin(), first.end(), 0), 10);
}

TEST(SampleOrder, RefusesASetWithoutSamples) {
  const Error error = error_of([] { SampleOrder({0, 0}, 4, 1); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "data");
}

}  // namespace
}  // namespace zc
