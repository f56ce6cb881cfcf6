// SPDX-License-Identifier: Apache-2.0
#include "tensor/conv_grad.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

namespace zc::ops {
namespace {

struct ConvGradCase {
  int64_t batch, in, out, height, width;
  bool bias;
};

// Of the largest wanted value.
double relative_error(const at::Tensor& got, const at::Tensor& wanted) {
  const double scale = wanted.abs().max().item<double>();
  return (got.to(at::kDouble) - wanted).abs().max().item<double>() / scale;
}

class ConvolutionTraining : public testing::TestWithParam<ConvGradCase> {};

// Odd sizes with partial tiles, fewer channels than a vector has lanes, more filters than a slice.
INSTANTIATE_TEST_SUITE_P(Sizes, ConvolutionTraining,
                         testing::Values(ConvGradCase{1, 64, 64, 32, 32, true},
                                         ConvGradCase{2, 40, 70, 27, 23, true},
                                         ConvGradCase{1, 96, 300, 30, 29, false}));

TEST_P(ConvolutionTraining, AgreesWithDoublePrecisionForwardAndBackward) {
  const ConvGradCase c = GetParam();
  const at::Tensor x = at::randn({c.batch, c.in, c.height, c.width}).set_requires_grad(true);
  const double scale = 1.0 / std::sqrt(9.0 * static_cast<double>(c.in));
  const at::Tensor w = (at::randn({c.out, c.in, 3, 3}) * scale).set_requires_grad(true);
  const at::Tensor b = c.bias ? at::randn({c.out}).set_requires_grad(true) : at::Tensor();
  ASSERT_TRUE(can_train_conv2d(x, w, b, {1, 1}));
  const at::Tensor got = conv2d_trainable(x, w, b, {1, 1});
  const auto to_double = [](const at::Tensor& t) {
    return t.defined() ? t.detach().to(at::kDouble).set_requires_grad(true) : t;
  };
  const at::Tensor x64 = to_double(x), w64 = to_double(w), b64 = to_double(b);
  const at::Tensor wanted = at::conv2d(x64, w64, b64, {1, 1}, {1, 1});
  EXPECT_LT(relative_error(got, wanted), 1e-5);
  const at::Tensor dy = at::randn(got.sizes());
  torch::autograd::variable_list inputs = {x, w}, wanted_inputs = {x64, w64};
  if (c.bias) {
    inputs.push_back(b);
    wanted_inputs.push_back(b64);
  }
  const auto grads = torch::autograd::grad({got}, inputs, {dy});
  const auto wanted_grads = torch::autograd::grad({wanted}, wanted_inputs, {dy.to(at::kDouble)});
  for (size_t i = 0; i < grads.size(); ++i)
    EXPECT_LT(relative_error(grads[i], wanted_grads[i]), 1e-5) << "gradient " << i;
}

TEST(ConvolutionTraining, GivesAFrozenWeightNoGradientAndItsInputOne) {
  const at::Tensor x = at::randn({1, 64, 32, 32}).set_requires_grad(true);
  const at::Tensor w = at::randn({64, 64, 3, 3}), b = at::randn({64});
  conv2d_trainable(x, w, b, {1, 1}).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(w.grad().defined());
}

TEST(ConvolutionTraining, WantsNoGradientWhenNothingLearns) {
  const at::Tensor x = at::randn({1, 64, 32, 32}), w = at::randn({64, 64, 3, 3});
  EXPECT_FALSE(conv2d_trainable(x, w, {}, {1, 1}).requires_grad());
}

}  // namespace
}  // namespace zc::ops
