// SPDX-License-Identifier: Apache-2.0
// The scale of the loss in float16: when it grows, when it shrinks, and what becomes of gradients.
#include "training/grad_scaler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace zc {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<at::Tensor> two_gradients(double a, double b) {
  return {at::full({3, 2, 2, 2}, a).contiguous(at::MemoryFormat::ChannelsLast), at::full({5}, b)};
}

TEST(GradScaler, GradientsComeOutAsWithoutIt) {
  const at::Tensor weight = at::full({4}, 3.0).set_requires_grad(true);
  GradScaler scaler(at::kCPU, {.first_scale = 1024.0});
  scaler.scale(weight.square().sum()).backward();
  EXPECT_EQ(weight.grad()[0].item<double>(), 6.0 * 1024.0);
  EXPECT_TRUE(scaler.unscale({weight.grad()}));
  EXPECT_EQ(weight.grad()[0].item<double>(), 6.0);
}

TEST(GradScaler, ShrinksAfterAnOverflowAndForgetsIt) {
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    GradScaler scaler(at::kCPU);
    EXPECT_FALSE(scaler.unscale(two_gradients(1.0, bad)));
    scaler.update();
    EXPECT_EQ(scaler.current_scale(), 32768.0);
    EXPECT_TRUE(scaler.unscale(two_gradients(1.0, 1.0)));
    scaler.update();
    EXPECT_EQ(scaler.current_scale(), 32768.0);
  }
}

TEST(GradScaler, GrowsAfterEnoughGoodStepsInARow) {
  GradScaler scaler(at::kCPU, {.first_scale = 8.0, .interval = 3});
  const auto step = [&](double value) {
    scaler.unscale(two_gradients(value, value));
    scaler.update();
    return scaler.current_scale();
  };
  EXPECT_EQ(step(1.0), 8.0);
  EXPECT_EQ(step(1.0), 8.0);
  EXPECT_EQ(step(kInfinity), 4.0);
  EXPECT_EQ(step(1.0), 4.0);
  EXPECT_EQ(step(1.0), 4.0);
  EXPECT_EQ(step(1.0), 8.0);
}

TEST(GradScaler, ContinuesFromItsState) {
  GradScaler before(at::kCPU, {.first_scale = 8.0, .interval = 2});
  before.unscale(two_gradients(1.0, 1.0));
  before.update();
  GradScaler after(at::kCPU, {.first_scale = 1.0, .interval = 2});
  after.load_state(before.state(), "test");
  EXPECT_EQ(after.current_scale(), 8.0);
  after.unscale(two_gradients(1.0, 1.0));
  after.update();
  EXPECT_EQ(after.current_scale(), 16.0);
  EXPECT_THROW(after.load_state({}, "test"), Error);
}

}  // namespace
}  // namespace zc
