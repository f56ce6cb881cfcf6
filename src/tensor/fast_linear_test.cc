// SPDX-License-Identifier: Apache-2.0
#include "tensor/fast_linear.h"

#include <gtest/gtest.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "tensor/kernel_choice.h"
#include "tensor/ops.h"

namespace zc {
namespace {

void expect_as_double(const at::Tensor& got, const at::Tensor& wanted) {
  ASSERT_EQ(got.sizes(), wanted.sizes());
  EXPECT_LT((got.to(at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>(),
            2e-6 * std::max(1.0, wanted.abs().max().item<double>()));
}

TEST(FastLinear, IsALinearLayerWithAResidual) {
  const at::Tensor x = at::randn({2, 37, 50}), w = at::randn({31, 50}), b = at::randn({31});
  const at::Tensor residual = at::randn({2, 37, 31});
  ASSERT_TRUE(suits_fast_linear(x, w));
  expect_as_double(fast_linear(x, w, b),
                   at::linear(x.to(at::kDouble), w.to(at::kDouble), b.to(at::kDouble)));
  expect_as_double(fast_linear(x, w, {}, {.residual = residual}),
                   at::linear(x.to(at::kDouble), w.to(at::kDouble)) + residual);
}

TEST(FastLinear, TakesRowsAndWeightsAsTheyLieInMemory) {
  const at::Tensor x = at::randn({50, 2, 40}).permute({1, 2, 0}), w = at::randn({50, 31}).t();
  expect_as_double(fast_linear(x, w, {}), at::linear(x.to(at::kDouble), w.to(at::kDouble)));
}

TEST(FastLinear, WidensHalfWeights) {
  const at::Tensor x = at::randn({64, 48});
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor w = at::randn({40, 48}).to(type);
    expect_as_double(fast_linear(x, w, {}), at::linear(x.to(at::kDouble), w.to(at::kDouble)));
  }
}

TEST(FastLinear, GatesAsGegluDoes) {
  const at::Tensor x = at::randn({40, 24}), w = at::randn({2 * 33, 24}), b = at::randn({2 * 33});
  expect_as_double(fast_linear(x, w, b, {.gated = true}),
                   ops::geglu(at::linear(x.to(at::kDouble), w.to(at::kDouble), b.to(at::kDouble))));
}

TEST(FastLinear, HasTheGradientsOfALinearLayer) {
  const auto leaf = [](const at::Tensor& t, at::ScalarType type) {
    return t.to(type).clone().set_requires_grad(true);
  };
  const at::Tensor x = at::randn({3, 45, 50}), w = at::randn({31, 50}), b = at::randn({31});
  const at::Tensor residual = at::randn({3, 45, 31}), dy = at::randn({3, 45, 31});
  const auto gradients = [&](at::ScalarType type, const auto& layer) {
    const at::Tensor in[] = {leaf(x, type), leaf(w, type), leaf(b, type), leaf(residual, type)};
    return torch::autograd::grad({layer(in[0], in[1], in[2], in[3])}, {in[0], in[1], in[2], in[3]},
                                 {dy.to(type)});
  };
  const auto got = gradients(at::kFloat, [](auto& in, auto& weight, auto& bias, auto& r) {
    return fast_linear(in, weight, bias, {.residual = r});
  });
  const auto wanted = gradients(at::kDouble, [](auto& in, auto& weight, auto& bias, auto& r) {
    return at::linear(in, weight, bias) + r;
  });
  for (size_t i = 0; i < got.size(); ++i) expect_as_double(got[i], wanted[i]);
}

TEST(FastLinear, LetsALockedHalfWeightPassTheGradient) {
  const at::Tensor x = at::randn({40, 24}).set_requires_grad(true);
  const at::Tensor w = at::randn({33, 24}).to(at::kHalf), dy = at::randn({40, 33});
  const auto got = torch::autograd::grad({fast_linear(x, w, {})}, {x}, {dy});
  expect_as_double(got[0], dy.to(at::kDouble).matmul(w.to(at::kDouble)));
}

TEST(FastLinear, LeavesSmallAndForeignProductsToOthers) {
  const at::Tensor w = at::randn({31, 50});
  EXPECT_FALSE(suits_fast_linear(at::randn({2, 50}), w));
  EXPECT_FALSE(suits_fast_linear(at::randn({64, 50}).to(at::kDouble), w));
  EXPECT_FALSE(suits_fast_linear(at::randn({64, 49}), w));
}

TEST(FastLinear, IsWhatAPointwiseConvolutionRuns) {
  const c10::AutoGradMode no_gradient(false);
  const at::Tensor x = at::randn({2, 20, 9, 7}), w = at::randn({12, 20, 1, 1}), b = at::randn({12});
  const at::Tensor plain = ops::conv2d(x, w, b, {});
  const KernelScope scope(Kernels::fast);
  const at::Tensor fast = ops::conv2d(x, w, b, {});
  EXPECT_TRUE(fast.is_contiguous(at::MemoryFormat::ChannelsLast));
  // The fast kernels may split their operands into halves of 17 bits.
  EXPECT_LT((fast - plain).abs().max().item<float>(), 5e-5 * plain.abs().max().item<float>());
}

}  // namespace
}  // namespace zc
