// SPDX-License-Identifier: Apache-2.0
// Convolutions of split operands in the models' operators: where the machine has AMX.
#include "tensor/split_conv.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "kernels/split_conv.h"
#include "tensor/kernel_choice.h"

namespace zc {
namespace {

class SplitConvolution : public testing::Test {
 protected:
  void SetUp() override {
    if (!kernels::has_split_conv()) GTEST_SKIP() << "this machine has no AMX";
  }
  static at::Tensor wanted(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                           const ops::ConvOptions& o) {
    return at::conv2d(x.to(at::kDouble), w.to(at::kDouble), b.to(at::kDouble), {o.stride, o.stride},
                      {o.padding, o.padding});
  }
  // Of the largest wanted value; operands of 17 bits.
  static void expect_near(const at::Tensor& got, const at::Tensor& wanted) {
    ASSERT_EQ(got.sizes(), wanted.sizes());
    EXPECT_LT((got.to(at::kDouble) - wanted).abs().max().item<double>(),
              2e-5 * wanted.abs().max().item<double>());
  }
  KernelScope fast_{Kernels::fast};
  at::Tensor x_ = at::randn({2, 40, 13, 10}), w_ = at::randn({24, 40, 3, 3}) / 19,
             b_ = at::randn({24});
};

TEST_F(SplitConvolution, ServesModelsWithAndWithoutStride) {
  const c10::NoGradGuard no_gradient;
  for (const ops::ConvOptions o : {ops::ConvOptions{1, 1}, {2, 1}, {1, 0}}) {
    ASSERT_TRUE(suits_split_conv(x_, w_, b_, o));
    expect_near(ops::conv2d(x_, w_, b_, o), wanted(x_, w_, b_, o));
  }
}

TEST_F(SplitConvolution, TakesHalvesAsTheyAre) {
  const c10::NoGradGuard no_gradient;
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor w = w_.to(type);
    EXPECT_TRUE(ops::conv2d_takes(x_, w, {1, 1}));
    expect_near(ops::conv2d(x_, w, b_, {1, 1}), wanted(x_, w, b_, {1, 1}));
  }
  const KernelScope plain(Kernels::plain);
  EXPECT_FALSE(ops::conv2d_takes(x_, w_.to(at::kHalf), {1, 1}));
}

TEST_F(SplitConvolution, LeavesFewChannelsToATen) {
  EXPECT_FALSE(suits_split_conv(at::randn({1, 4, 64, 64}), at::randn({320, 4, 3, 3}), {}, {1, 1}));
  EXPECT_FALSE(
      suits_split_conv(at::randn({1, 128, 64, 64}), at::randn({3, 128, 3, 3}), {}, {1, 1}));
}

TEST_F(SplitConvolution, GivesGradients) {
  const at::Tensor x = x_.clone().set_requires_grad(true), w = w_.clone().set_requires_grad(true);
  const at::Tensor x64 = x_.to(at::kDouble).set_requires_grad(true);
  const at::Tensor w64 = w_.to(at::kDouble).set_requires_grad(true);
  const at::Tensor y = ops::conv2d(x, w, b_, {1, 1});
  const at::Tensor y64 = at::conv2d(x64, w64, b_.to(at::kDouble), {1, 1}, {1, 1});
  const at::Tensor dy = at::randn(y.sizes());
  const auto got = torch::autograd::grad({y}, {x, w}, {dy});
  const auto expected = torch::autograd::grad({y64}, {x64, w64}, {dy.to(at::kDouble)});
  expect_near(y.detach(), y64.detach());
  for (size_t i = 0; i < got.size(); ++i) expect_near(got[i], expected[i]);
}

TEST_F(SplitConvolution, GivesTheInputItsGradientThroughLockedHalves) {
  const at::Tensor x = x_.clone().set_requires_grad(true), w = w_.to(at::kHalf);
  ASSERT_TRUE(ops::conv2d_takes(x, w, {1, 1}));
  const at::Tensor x64 = x_.to(at::kDouble).set_requires_grad(true);
  const at::Tensor dy = at::randn({2, 24, 13, 10});
  const auto got = torch::autograd::grad({ops::conv2d(x, w, b_, {1, 1})}, {x}, {dy});
  const auto expected = torch::autograd::grad(
      {at::conv2d(x64, w.to(at::kDouble), b_.to(at::kDouble), {1, 1}, {1, 1})}, {x64},
      {dy.to(at::kDouble)});
  expect_near(got[0], expected[0]);
}

}  // namespace
}  // namespace zc
