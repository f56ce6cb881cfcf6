// SPDX-License-Identifier: Apache-2.0
// Random numbers by name: Philox against its published numbers, normal numbers against the formula.
#include "kernels/keyed_random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace zc::kernels {
namespace {

std::vector<float> numbers(uint64_t key, uint64_t stream, int64_t first, int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  keyed_normals(key, stream, first, count, out.data());
  return out;
}

TEST(KeyedRandom, IsPhilox) {
  // The first known answer of Random123 for key 0 and counter 0 begins with 6627e8d5 e169c58d.
  const uint64_t bits = 0x6627e8d5e169c58du;
  EXPECT_EQ(keyed_uniform(0, 0), static_cast<double>(bits >> 11) * 0x1p-53);
}

TEST(KeyedRandom, NormalNumbersFollowTheFormulaOfBoxAndMuller) {
  // Philox with key 9, stream 7, block 0, computed apart in double.
  const auto x = numbers(9, 7, 0, 256);
  EXPECT_NEAR(x[0], -1.2905006563584849, 5e-7);
  EXPECT_NEAR(x[64], -1.826267993868771, 5e-7);
  EXPECT_NEAR(x[128], -1.1019028289338457, 5e-7);
  EXPECT_NEAR(x[192], 0.044103750988470934, 5e-7);
}

TEST(KeyedRandom, ANumberDoesNotDependOnWhatElseIsAskedFor) {
  const auto whole = numbers(5, 3, 0, 1000);
  EXPECT_EQ(numbers(5, 3, 0, 7), std::vector(whole.begin(), whole.begin() + 7));
  EXPECT_EQ(numbers(5, 3, 512, 488), std::vector(whole.begin() + 512, whole.end()));
}

TEST(KeyedRandom, SeedStepPurposeAndStreamEachGiveOtherNumbers) {
  std::set<std::vector<float>> seen;
  for (const uint64_t key :
       {random_key(0, 0, 0), random_key(1, 0, 0), random_key(0, 1, 0), random_key(0, 0, 1)}) {
    for (const uint64_t stream : {0, 1}) seen.insert(numbers(key, stream, 0, 4));
  }
  EXPECT_EQ(seen.size(), 8u);
}

TEST(KeyedRandom, NumbersAreNormal) {
  std::vector<float> x;
  for (uint64_t stream = 0; stream < 64; ++stream) {
    const auto part = numbers(random_key(1, 2, 3), stream, 0, 1024);
    x.insert(x.end(), part.begin(), part.end());
  }
  std::sort(x.begin(), x.end());
  // Kolmogorov and Smirnov; 1.63 is exceeded by one seed in a hundred.
  double largest = 0.0;
  const auto n = static_cast<double>(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double below = 0.5 * std::erfc(-x[i] / std::sqrt(2.0));
    largest = std::max(largest, std::abs(below - (static_cast<double>(i) + 0.5) / n));
  }
  EXPECT_LT(largest * std::sqrt(n), 1.63);
}

}  // namespace
}  // namespace zc::kernels
