// SPDX-License-Identifier: Apache-2.0
// Winograd in each instruction set that this machine has, against the direct sum in double.
#include "kernels/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "base/error.h"

namespace zc::kernels {
namespace {

struct Case {
  WinogradShape shape;
  int64_t in, out;
  bool bias = true;
  bool residual = false;
  Activation activation = Activation::none;
  int64_t tile = 4;

  int64_t out_height() const { return shape.height + 2 * shape.padding - 2; }
  int64_t out_width() const { return shape.width + 2 * shape.padding - 2; }
  size_t results() const {
    return static_cast<size_t>(shape.batch * out_height() * out_width() * out);
  }
};

// Standard normal input; weights that keep the standard deviation of the result near 1.
struct Data {
  explicit Data(const Case& c) {
    std::mt19937 random(static_cast<uint32_t>(c.in * 131 + c.out + c.shape.height));
    const auto fill = [&](std::vector<float>& v, int64_t count, double scale) {
      std::normal_distribution<double> normal(0.0, scale);
      v.resize(static_cast<size_t>(count));
      for (float& f : v) f = static_cast<float>(normal(random));
    };
    fill(x, c.shape.batch * c.shape.height * c.shape.width * c.in, 1.0);
    fill(weight, c.out * c.in * 9, 1.0 / std::sqrt(9.0 * static_cast<double>(c.in)));
    fill(bias, c.out, 1.0);
    fill(residual, static_cast<int64_t>(c.results()), 1.0);
  }
  std::vector<float> x, weight, bias, residual;
};

double sum_at(const Case& c, const Data& d, int64_t n, int64_t row, int64_t column, int64_t o) {
  double sum = 0.0;
  for (int64_t i = 0; i < 9; ++i) {
    const int64_t y = row + i / 3 - c.shape.padding, x = column + i % 3 - c.shape.padding;
    if (y < 0 || y >= c.shape.height || x < 0 || x >= c.shape.width) continue;
    const float* pixel =
        &d.x[static_cast<size_t>(((n * c.shape.height + y) * c.shape.width + x) * c.in)];
    const float* weight = &d.weight[static_cast<size_t>(o * c.in * 9 + i)];
    for (int64_t k = 0; k < c.in; ++k) sum += static_cast<double>(pixel[k]) * weight[k * 9];
  }
  return sum;
}

std::vector<double> direct(const Case& c, const Data& d) {
  std::vector<double> y;
  for (int64_t i = 0; i < static_cast<int64_t>(c.results()); ++i) {
    const int64_t o = i % c.out, column = i / c.out % c.out_width();
    const int64_t line = i / c.out / c.out_width();
    double v = sum_at(c, d, line / c.out_height(), line % c.out_height(), column, o);
    if (c.bias) v += d.bias[static_cast<size_t>(o)];
    if (c.residual) v += d.residual[static_cast<size_t>(i)];
    if (c.activation == Activation::relu) v = std::max(v, 0.0);
    if (c.activation == Activation::silu) v = v / (1.0 + std::exp(-v));
    y.push_back(v);
  }
  return y;
}

WinogradWeights weights_of(const Case& c, const Data& d) {
  return {.in = c.in,
          .out = c.out,
          .weight = d.weight.data(),
          .bias = c.bias ? d.bias.data() : nullptr};
}

std::vector<float> winograd(const Case& c, const Data& d, InstructionSet set,
                            const Workers& workers = {}) {
  const WinogradConv conv(weights_of(c, d), workers, set);
  // Canaries after the end: nothing may be written there.
  std::vector<float> y(c.results() + 64, -777.0f);
  conv.run({.shape = c.shape,
            .x = d.x.data(),
            .y = y.data(),
            .residual = c.residual ? d.residual.data() : nullptr,
            .activation = c.activation},
           workers);
  EXPECT_TRUE(std::all_of(y.end() - 64, y.end(), [](float v) { return v == -777.0f; }));
  y.resize(c.results());
  return y;
}

// With weights that are used once.
std::vector<float> winograd_once(const Case& c, const Data& d, const WinogradWeights& weights,
                                 InstructionSet set, const Workers& workers = {}) {
  std::vector<float> y(c.results() + 64, -777.0f);
  winograd_conv(weights,
                {.shape = c.shape,
                 .x = d.x.data(),
                 .y = y.data(),
                 .residual = c.residual ? d.residual.data() : nullptr,
                 .activation = c.activation,
                 .tile = c.tile},
                workers, set);
  EXPECT_TRUE(std::all_of(y.end() - 64, y.end(), [](float v) { return v == -777.0f; }));
  y.resize(c.results());
  return y;
}

// The rms error that winograd.h states, for results of standard deviation 1.
double stated_rms(const Case& c) {
  const double one = c.tile == 6 ? 1.5e-6 : 3.5e-7, more = c.tile == 6 ? 3.8e-7 : 9e-8;
  return std::sqrt(one * one + more * more * static_cast<double>(c.in));
}

// Few channels have heavy tails: the largest of 10^6 errors was 29 times the rms of one channel,
// 13 times that of 64 and more. A wrong tail or tile would be off by 10^5 times the rms.
void expect_stated_error(const Case& c, const std::vector<float>& got,
                         const std::vector<double>& wanted) {
  double largest = 0.0, squares = 0.0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - wanted[i]);
    largest = std::max(largest, error);
    squares += error * error;
  }
  EXPECT_LE(largest, 30 * stated_rms(c));
  if (got.size() < 500) return;
  EXPECT_LE(std::sqrt(squares / static_cast<double>(got.size())), 1.5 * stated_rms(c));
}

void expect_direct_sum(Case c) {
  const Data d(c);
  const std::vector<double> wanted = direct(c, d);
  for (const InstructionSet set : instruction_sets()) {
    SCOPED_TRACE(testing::Message()
                 << "set " << static_cast<int>(set) << ", " << c.shape.batch << " x "
                 << c.shape.height << " x " << c.shape.width << ", " << c.in << " -> " << c.out);
    c.tile = 4;
    expect_stated_error(c, winograd(c, d, set), wanted);
    expect_stated_error(c, winograd_once(c, d, weights_of(c, d), set), wanted);
    c.tile = 6;
    expect_stated_error(c, winograd_once(c, d, weights_of(c, d), set), wanted);
  }
}

TEST(Winograd, EqualsTheDirectSumAtOddSizesAndChannelTails) {
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 1}, {3, 5}, {17, 33}}) {
    for (const auto& [in, out] : {std::pair<int64_t, int64_t>{1, 7},
                                  {3, 64},
                                  {6, 17},
                                  {7, 1},
                                  {17, 96},
                                  {64, 6},
                                  {96, 3},
                                  {64, 64}}) {
      expect_direct_sum({.shape = {2, height, width}, .in = in, .out = out});
    }
  }
}

TEST(Winograd, DoesWithoutABias) {
  expect_direct_sum({.shape = {1, 9, 6}, .in = 20, .out = 24, .bias = false});
}

TEST(Winograd, AddsTheResidualBeforeTheActivation) {
  for (const auto activation : {Activation::none, Activation::relu, Activation::silu}) {
    for (const int64_t out : {7, 32}) {
      expect_direct_sum(
          {.shape = {2, 6, 11}, .in = 12, .out = out, .residual = true, .activation = activation});
    }
  }
}

TEST(Winograd, WithoutPaddingTheResultIsTwoSmaller) {
  expect_direct_sum({.shape = {2, 7, 12, 0}, .in = 10, .out = 18});
  expect_direct_sum({.shape = {1, 3, 3, 0}, .in = 4, .out = 4});
}

TEST(Winograd, DeepSumsKeepTheStatedError) {
  expect_direct_sum({.shape = {1, 8, 8}, .in = 640, .out = 160});
}

Workers threads(int64_t count) {
  return {count, [count](const std::function<void()>& work) {
            std::vector<std::thread> pool;
            for (int64_t i = 0; i < count; ++i) pool.emplace_back(work);
            for (std::thread& t : pool) t.join();
          }};
}

TEST(Winograd, AResultDoesNotDependOnTheNumberOfThreads) {
  // Many tiles make blocks, few tiles with many channels make slices of channels.
  for (const Case& c : {Case{.shape = {1, 70, 61}, .in = 16, .out = 40},
                        Case{.shape = {1, 70, 61}, .in = 16, .out = 40, .tile = 6},
                        Case{.shape = {1, 5, 9}, .in = 24, .out = 264}}) {
    const Data d(c);
    for (const InstructionSet set : instruction_sets()) {
      const std::vector<float> alone = winograd(c, d, set);
      for (const int64_t count : {2, 5}) EXPECT_EQ(winograd(c, d, set, threads(count)), alone);
      const WinogradWeights weights = weights_of(c, d);
      const std::vector<float> once = winograd_once(c, d, weights, set);
      for (const int64_t count : {2, 5})
        EXPECT_EQ(winograd_once(c, d, weights, set, threads(count)), once);
    }
  }
}

TEST(Winograd, AResultDoesNotDependOnTheRestOfTheBatch) {
  const Case both{.shape = {2, 13, 10}, .in = 18, .out = 20};
  const Data d(both);
  Case one = both;
  one.shape.batch = 1;
  for (const InstructionSet set : instruction_sets()) {
    std::vector<float> first = winograd(both, d, set);
    first.resize(first.size() / 2);
    EXPECT_EQ(winograd(one, d, set), first);
  }
}

// One picture has its filters transformed on the way, two have them transformed into memory first.
TEST(Winograd, AResultDoesNotDependOnWhereTheFiltersAreTransformed) {
  for (const Case& both : {Case{.shape = {2, 66, 63}, .in = 290, .out = 35},
                           Case{.shape = {2, 75, 80}, .in = 290, .out = 35, .tile = 6}}) {
    const Data d(both);
    Case one = both;
    one.shape.batch = 1;
    const InstructionSet set = instruction_sets().back();
    std::vector<float> first = winograd_once(both, d, weights_of(both, d), set);
    first.resize(first.size() / 2);
    EXPECT_EQ(winograd_once(one, d, weights_of(one, d), set), first);
  }
}

TEST(Winograd, WidePicturesHaveLargeTiles) {
  Case c{.shape = {1, 9, 128}, .in = 20, .out = 24};
  const Data d(c);
  const InstructionSet set = instruction_sets().back();
  const auto with_tile = [&](int64_t tile) {
    c.tile = tile;
    return winograd_once(c, d, weights_of(c, d), set);
  };
  EXPECT_EQ(with_tile(0), with_tile(6));
  EXPECT_NE(with_tile(0), with_tile(4));
  c.shape = {1, 128, 9};  // of as many numbers
  EXPECT_EQ(with_tile(0), with_tile(4));
}

TEST(Winograd, HalvesGiveWhatTheirValuesGive) {
  const Case c{.shape = {1, 8, 12}, .in = 40, .out = 37};
  Data d(c);
  std::vector<uint16_t> halves;
  for (float& f : d.weight) {
    const auto bits = std::bit_cast<uint32_t>(f) & 0xffff0000u;
    halves.push_back(static_cast<uint16_t>(bits >> 16));
    f = std::bit_cast<float>(bits);
  }
  WinogradWeights weights = weights_of(c, d);
  weights.weight = halves.data();
  weights.type = ElementType::bfloat16;
  for (const InstructionSet set : instruction_sets()) {
    EXPECT_EQ(winograd_once(c, d, weights, set), winograd_once(c, d, weights_of(c, d), set));
    WinogradWeights last_first = weights;  // the taps one by one
    last_first.weight = halves.data() + 8;
    last_first.tap_stride = -1;
    Data turned = d;
    for (size_t i = 0; i < turned.weight.size(); i += 9)
      std::reverse(&turned.weight[i], &turned.weight[i] + 9);
    EXPECT_EQ(winograd_once(c, d, last_first, set),
              winograd_once(c, turned, weights_of(c, turned), set));
  }
}

TEST(Winograd, TheResidualMayBeTheOutput) {
  const Case c{.shape = {1, 9, 10}, .in = 16, .out = 19, .residual = true};
  const Data d(c);
  for (const InstructionSet set : instruction_sets()) {
    std::vector<float> y = d.residual;
    WinogradConv(weights_of(c, d), {}, set)
        .run({.shape = c.shape, .x = d.x.data(), .y = y.data(), .residual = y.data()});
    EXPECT_EQ(y, winograd(c, d, set));
  }
}

TEST(Winograd, NotANumberPassesTheActivations) {
  const Case c{.shape = {1, 8, 8}, .in = 5, .out = 9, .activation = Activation::relu};
  Data d(c);
  d.x[0] = std::numeric_limits<float>::quiet_NaN();
  for (const InstructionSet set : instruction_sets()) {
    for (const auto activation : {Activation::none, Activation::relu, Activation::silu}) {
      Case with = c;
      with.activation = activation;
      const std::vector<float> y = winograd(with, d, set);
      EXPECT_TRUE(std::isnan(y.front()));
      EXPECT_FALSE(std::isnan(y.back()));  // in another tile
    }
  }
}

TEST(Winograd, RefusesEmptyPicturesAndChannelsAndOtherTiles) {
  const std::vector<float> weight(9, 1.0f);
  EXPECT_THROW(WinogradConv({0, 1, weight.data()}), Error);
  EXPECT_THROW(winograd_conv({0, 1, weight.data()}, {}), Error);
  const WinogradConv conv({1, 1, weight.data()});
  float x = 1.0f, y = 0.0f;
  EXPECT_THROW(
      winograd_conv({1, 1, weight.data()}, {.shape = {1, 1, 1}, .x = &x, .y = &y, .tile = 5}),
      Error);
  EXPECT_THROW(conv.run({.shape = {0, 1, 1}, .x = &x, .y = &y}), Error);
  EXPECT_THROW(conv.run({.shape = {1, 2, 2, 0}, .x = &x, .y = &y}), Error);
}

TEST(Winograd, PaysForManyChannelsAndMoreThanATile) {
  EXPECT_FALSE(winograd_pays(3, 64, {1, 512, 512}));
  EXPECT_FALSE(winograd_pays(64, 1, {1, 512, 512}));
  EXPECT_TRUE(winograd_pays(64, 64, {1, 512, 512}));
  EXPECT_TRUE(winograd_pays(1280, 1280, {1, 16, 16}));
  EXPECT_TRUE(winograd_pays(1280, 1280, {1, 8, 8}));
  EXPECT_FALSE(winograd_pays(1280, 1280, {1, 4, 4}));
  EXPECT_FALSE(winograd_pays(1280, 1280, {64, 4, 4}));
}

}  // namespace
}  // namespace zc::kernels
