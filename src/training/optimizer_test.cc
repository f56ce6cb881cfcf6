// SPDX-License-Identifier: Apache-2.0
// AdamW with moments in 8 bits beside AdamW, and what a saved optimizer gives back.
#include "training/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/logspace.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "training/loop.h"

namespace zc {
namespace {

at::Tensor seeded_normal(at::IntArrayRef shape, int64_t seed) {
  at::Generator generator = generator_for(seed, 0, 0);
  return at::randn(shape, generator, at::kFloat);
}

// A convolution large enough for 8 bits, in the layout of training, with an odd number of values,
// and a bias that is not.
struct ConvAndBias : Module {
  ConvAndBias() : conv(*this, "conv", {23, 21, 3, 3}), bias(*this, "bias", {23}) {
    conv.set(seeded_normal({23, 21, 3, 3}, 1)
                 .contiguous(at::MemoryFormat::ChannelsLast)
                 .set_requires_grad(true));
    bias.set(seeded_normal({23}, 2).set_requires_grad(true));
  }
  // Weights that pull towards 0.5 with very different strengths.
  double step(Optimizer& optimizer, double learning_rate) const {
    const at::Tensor strength = at::logspace(-2, 0, conv.numel()).view(conv.shape());
    const at::Tensor loss =
        (strength * (conv.stored() - 0.5).square()).sum() + (bias.stored() - 0.5).square().sum();
    loss.backward();
    optimizer.step(learning_rate);
    optimizer.zero_grad();
    return loss.item<double>();
  }
  Parameter conv, bias;
};

TEST(AdamW8bitOptimizer, StaysCloseToAdamWAndConverges) {
  ConvAndBias exact, coarse;
  Optimizer wide({}), narrow({.eight_bit = true});
  wide.add(exact, "");
  narrow.add(coarse, "");
  const double first = coarse.step(narrow, 0.05);
  exact.step(wide, 0.05);
  double last = first;
  for (int i = 1; i < 100; ++i) {
    exact.step(wide, 0.05);
    last = coarse.step(narrow, 0.05);
  }
  EXPECT_LT(last, 0.01 * first);
  const at::Tensor difference = (exact.conv.stored() - coarse.conv.stored()).detach();
  EXPECT_LT(difference.square().mean().sqrt().item<double>(), 0.02);
  EXPECT_TRUE(at::equal(exact.bias.stored(), coarse.bias.stored()));  // few values: float32
}

TEST(AdamW8bitOptimizer, KeepsTwoBytesAParameterAndAScaleForEachBlock) {
  ConvAndBias model;
  Optimizer optimizer({.eight_bit = true});
  optimizer.add(model, "");
  const StateDict state = optimizer.state();
  const int64_t n = model.conv.numel();
  for (const char* moment : {"exp_avg", "exp_avg_sq"}) {
    const at::Tensor& codes = state.at(std::string(moment) + "/conv");
    EXPECT_EQ(codes.scalar_type(), at::kByte);
    EXPECT_EQ(codes.numel(), n);
    EXPECT_EQ(state.at(std::string(moment) + "_scale/conv").numel(), (n + 255) / 256);
    EXPECT_EQ(state.at(std::string(moment) + "/bias").scalar_type(), at::kFloat);
  }
}

TEST(AdamW8bitOptimizer, ContinuesBitExactlyFromItsState) {
  ConvAndBias whole, parts;
  Optimizer one({.eight_bit = true}), before({.eight_bit = true}), after({.eight_bit = true});
  one.add(whole, "");
  before.add(parts, "");
  for (int i = 0; i < 6; ++i) whole.step(one, 0.05);
  for (int i = 0; i < 3; ++i) parts.step(before, 0.05);
  StateDict saved;
  for (const auto& [key, value] : before.state()) saved[key] = value.clone();
  after.add(parts, "");
  {
    const c10::NoGradGuard no_grad;
    after.load_state(saved, "test");
  }
  for (int i = 0; i < 3; ++i) parts.step(after, 0.05);
  EXPECT_TRUE(at::equal(whole.conv.stored(), parts.conv.stored()));
  EXPECT_EQ(after.steps(), 6);
}

TEST(AdamW8bitOptimizer, RefusesTheStateOfAnotherOptimizer) {
  ConvAndBias model;
  Optimizer wide({}), narrow({.eight_bit = true});
  wide.add(model, "");
  narrow.add(model, "");
  EXPECT_THROW(narrow.load_state(wide.state(), "test"), Error);
  EXPECT_THROW(wide.load_state(narrow.state(), "test"), Error);
}

TEST(AdamW8bitStep, OperatorsGiveWhatTheKernelGives) {
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{5}, {256}, {3, 257}, {7, 5, 3, 3}}) {
    const at::Tensor a = seeded_normal(shape, 3), b = a.clone();
    const EightBitMoments by_kernel = eight_bit_zeros(a), by_operators = eight_bit_zeros(b);
    for (int64_t step = 1; step <= 5; ++step) {
      const at::Tensor gradient = seeded_normal(shape, 10 + step);
      const AdamW8bitOptions o = {.learning_rate = 0.01, .weight_decay = 0.01, .step = step};
      adamw8bit_step(a, gradient, by_kernel, o);
      adamw8bit_step_plain(b, gradient, by_operators, o);
    }
    EXPECT_LT((a - b).abs().max().item<double>(), 1e-4) << shape.size();
    // A value on the edge of a step may fall to either side.
    const at::Tensor apart = (by_kernel.first.to(at::kInt) - by_operators.first.to(at::kInt)).abs();
    EXPECT_LE(apart.max().item<int64_t>(), 1) << shape.size();
    EXPECT_LT((by_kernel.second_scale - by_operators.second_scale).abs().max().item<double>(),
              1e-6);
  }
}

TEST(AdamW8bitStep, DoesNotDependOnTheLayoutOfTheParameter) {
  const at::Tensor start = seeded_normal({9, 8, 3, 3}, 4),
                   gradient = seeded_normal({9, 8, 3, 3}, 5);
  const at::Tensor rows = start.clone(at::MemoryFormat::Contiguous);
  const at::Tensor last = start.clone(at::MemoryFormat::ChannelsLast);
  const EightBitMoments m = eight_bit_zeros(rows), n = eight_bit_zeros(last);
  adamw8bit_step(rows, gradient, m, {.learning_rate = 0.1});
  adamw8bit_step(last, gradient, n, {.learning_rate = 0.1});
  EXPECT_FALSE(at::equal(rows, start));
  EXPECT_TRUE(at::equal(rows, last));
  EXPECT_TRUE(at::equal(m.first, n.first));
  EXPECT_TRUE(at::equal(m.second_scale, n.second_scale));
}

TEST(OptimizerGradients, AreThoseThatAreThereInTheOrderOfTheParameters) {
  ConvAndBias model;
  Optimizer optimizer({});
  optimizer.add(model, "");
  EXPECT_TRUE(optimizer.gradients().empty());
  model.bias.stored().sum().backward();
  ASSERT_EQ(optimizer.gradients().size(), 1u);
  model.conv.stored().sum().backward();
  EXPECT_EQ(optimizer.gradients().front().dim(), 4);
}

}  // namespace
}  // namespace zc
