// SPDX-License-Identifier: Apache-2.0
// AdamW with moments in 8 bits, block by block.
#include "kernels/adamw8bit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace zc::kernels {
namespace {

// Parameters with gradients and moments that begin at zero.
struct Trained8bit {
  explicit Trained8bit(size_t n)
      : value(n),
        gradient(n),
        first(n, 127),
        second(n),
        first_scale((n + 255) / 256),
        second_scale((n + 255) / 256) {}
  void step(const AdamW8bitStep& s) {
    adamw8bit(s, {static_cast<int64_t>(value.size()), value.data(), gradient.data(), first.data(),
                  first_scale.data(), second.data(), second_scale.data()});
  }
  double first_at(size_t i) const {
    return static_cast<double>(first_moment_map()[first[i]]) * first_scale[i / 256];
  }
  double second_at(size_t i) const {
    return static_cast<double>(second_moment_map()[second[i]]) * second_scale[i / 256];
  }
  std::vector<float> value, gradient;
  std::vector<uint8_t> first, second;
  std::vector<float> first_scale, second_scale;
};

// The moments become the gradient and its square.
constexpr AdamW8bitStep kForgetAll = {.beta1 = 0.0f, .beta2 = 0.0f};

TEST(AdamW8bit, MapsAscendAndHoldZeroAndOne) {
  for (const MomentMap* map : {&first_moment_map(), &second_moment_map()}) {
    for (size_t i = 1; i < map->size(); ++i) EXPECT_LT((*map)[i - 1], (*map)[i]) << i;
    EXPECT_EQ(map->back(), 1.0f);
  }
  EXPECT_EQ(first_moment_map()[127], 0.0f);
  EXPECT_EQ(second_moment_map()[0], 0.0f);
  // The lowest of seven decades has one step for the first moment, two for the second.
  EXPECT_NEAR(first_moment_map()[128], 5.5e-7, 1e-12);
  EXPECT_NEAR(second_moment_map()[1], 3.25e-7, 1e-12);
}

TEST(AdamW8bit, EveryValueOfTheMapsIsKeptExactly) {
  Trained8bit t(256);
  for (size_t i = 0; i < 256; ++i) t.gradient[i] = first_moment_map()[i];
  t.step(kForgetAll);
  for (size_t i = 0; i < 256; ++i) EXPECT_EQ(t.first[i], i);
  for (size_t i = 0; i < 256; ++i) t.gradient[i] = std::sqrt(second_moment_map()[i]);
  t.step(kForgetAll);
  for (size_t i = 0; i < 256; ++i) EXPECT_EQ(t.second[i], i);
}

TEST(AdamW8bit, KeepsValuesWithinHalfAStepOfTheLargestDecade) {
  Trained8bit t(1000);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float& g : t.gradient) g = normal(random);
  t.step(kForgetAll);
  for (size_t i = 0; i < t.value.size(); ++i) {
    const double g = t.gradient[i], m = std::abs(t.first_scale[i / 256]),
                 v = t.second_scale[i / 256];
    // 64 and 128 steps from a tenth to all of the largest; below they are narrower.
    EXPECT_LE(std::abs(t.first_at(i) - g), 0.0071 * m) << i;
    EXPECT_LE(std::abs(t.second_at(i) - g * g), 0.0036 * v) << i;
  }
}

TEST(AdamW8bit, TheLargestOfABlockIsExactWhateverItsSign) {
  for (const float sign : {1.0f, -1.0f}) {
    Trained8bit t(256);
    t.gradient[7] = sign * 3.0f;
    t.gradient[8] = sign * -1.0f;
    t.step({.beta1 = 0.5f, .beta2 = 0.5f});
    EXPECT_EQ(t.first_at(7), sign * 1.5);
    t.gradient.assign(256, 0.0f);
    for (int i = 0; i < 10; ++i) t.step({.beta1 = 0.5f, .beta2 = 0.5f});
    EXPECT_EQ(t.first_at(7), sign * std::ldexp(1.5, -10));
  }
}

TEST(AdamW8bit, ASmallSecondMomentNeverBecomesZero) {
  Trained8bit t(256);
  t.gradient[0] = 1e6f;
  t.gradient[1] = 1e-3f;  // its square is 1e-18 of the largest
  t.step(kForgetAll);
  EXPECT_GT(t.second_at(1), 0.0);
  EXPECT_EQ(t.second_at(2), 0.0);
}

TEST(AdamW8bit, OneStepFollowsTheFormulaOfAdamW) {
  Trained8bit t(300);
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (float& g : t.gradient) g = normal(random);
  for (float& w : t.value) w = normal(random);
  const std::vector<float> before = t.value;
  t.step({.decay = 0.99f, .step_size = 0.1f, .root_correction = 0.5f});
  for (size_t i = 0; i < before.size(); ++i) {
    const double m = 0.1 * t.gradient[i], v = 0.001 * t.gradient[i] * t.gradient[i];
    EXPECT_NEAR(t.value[i], before[i] * 0.99 - 0.1 * m / (std::sqrt(v) / 0.5 + 1e-8), 1e-5) << i;
  }
}

TEST(AdamW8bit, BlocksDoNotDependOnEachOther) {
  Trained8bit both(256 + 5), last(5);
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (int step = 0; step < 3; ++step) {
    for (float& g : both.gradient) g = normal(random);
    std::copy(both.gradient.begin() + 256, both.gradient.end(), last.gradient.begin());
    both.step({.step_size = 0.1f});
    last.step({.step_size = 0.1f});
  }
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(both.value[256 + i], last.value[i]) << i;
    EXPECT_EQ(both.first[256 + i], last.first[i]) << i;
    EXPECT_EQ(both.second[256 + i], last.second[i]) << i;
  }
}

}  // namespace
}  // namespace zc::kernels
