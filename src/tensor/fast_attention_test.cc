// SPDX-License-Identifier: Apache-2.0
#include "tensor/fast_attention.h"

#include <gtest/gtest.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "tensor/kernel_choice.h"

namespace zc {
namespace {

// In double, with the table of all logits.
at::Tensor attention_by_table(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              int64_t heads, bool causal) {
  const auto split = [&](const at::Tensor& x) {
    return x.to(at::kDouble).unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);
  };
  at::Tensor logits = at::matmul(split(q), split(k).transpose(-1, -2)) /
                      std::sqrt(static_cast<double>(q.size(-1) / heads));
  if (causal) {
    const at::Tensor hidden = at::ones({q.size(1), k.size(1)}, at::kBool).triu(1);
    logits = logits.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  }
  return at::matmul(at::softmax(logits, -1), split(v)).transpose(1, 2).flatten(2);
}

void expect_close(const at::Tensor& got, const at::Tensor& wanted) {
  ASSERT_EQ(got.sizes(), wanted.sizes());
  EXPECT_LT((got.to(at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>(), 5e-6);
}

TEST(FastAttention, IsSoftmaxOfProducts) {
  const at::Tensor q = at::randn({2, 70, 24}), k = at::randn({2, 33, 24}),
                   v = at::randn({2, 33, 24});
  ASSERT_TRUE(suits_fast_attention(q, k, v));
  expect_close(fast_attention(q, k, v, 3, false), attention_by_table(q, k, v, 3, false));
}

TEST(FastAttention, HidesTheFutureWhereItIsCausal) {
  const at::Tensor q = at::randn({1, 40, 16}), k = at::randn({1, 40, 16}),
                   v = at::randn({1, 40, 16});
  expect_close(fast_attention(q, k, v, 2, true), attention_by_table(q, k, v, 2, true));
}

TEST(FastAttention, TakesViewsOfOneProjection) {
  const at::Tensor qkv = at::randn({2, 21, 3 * 16});
  const auto parts = qkv.chunk(3, -1);
  expect_close(fast_attention(parts[0], parts[1], parts[2], 2, false),
               attention_by_table(parts[0], parts[1], parts[2], 2, false));
}

TEST(FastAttention, RoundsToBfloat16OnlyWhereItIsToldTo) {
  if (!has_bf16_products()) GTEST_SKIP() << "this machine has no products of bfloat16";
  const c10::NoGradGuard no_gradient;
  const at::Tensor q = at::randn({1, 70, 24}), k = at::randn({1, 150, 24}),
                   v = at::randn({1, 150, 24});
  const at::Tensor wanted = attention_by_table(q, k, v, 3, false);
  const auto error = [&](Kernels kernels) {
    const KernelScope scope(kernels);
    return (fast_attention(q, k, v, 3, false) - wanted).abs().max().item<double>();
  };
  EXPECT_LT(error(Kernels::fast), 6e-5);
  EXPECT_GT(error(Kernels::bf16), 1e-4);
  EXPECT_LT(error(Kernels::bf16), 3e-2);
}

TEST(FastAttention, HasTheGradientsOfTheTable) {
  for (const bool causal : {false, true}) {
    const at::Tensor given[] = {at::randn({2, 45, 32}), at::randn({2, 45, 32}),
                                at::randn({2, 45, 32})};
    const at::Tensor dy = at::randn({2, 45, 32});
    const auto gradients = [&](at::ScalarType type, const auto& of) {
      at::Tensor in[3];
      for (int i = 0; i < 3; ++i) in[i] = given[i].to(type).clone().set_requires_grad(true);
      return torch::autograd::grad({of(in[0], in[1], in[2], 4, causal)}, {in[0], in[1], in[2]},
                                   {dy.to(type)});
    };
    const auto got = gradients(at::kFloat, fast_attention);
    const auto wanted = gradients(at::kDouble, attention_by_table);
    for (size_t i = 0; i < 3; ++i) expect_close(got[i], wanted[i]);
  }
}

TEST(FastAttention, GivesThoseGradientsAloneThatAreWanted) {
  const at::Tensor q = at::randn({1, 40, 16}).set_requires_grad(true);
  const at::Tensor k = at::randn({1, 20, 16}), v = at::randn({1, 20, 16});
  const at::Tensor dy = at::randn({1, 40, 16});
  const at::Tensor other = q.detach().to(at::kDouble).set_requires_grad(true);
  expect_close(torch::autograd::grad({fast_attention(q, k, v, 2, false)}, {q}, {dy})[0],
               torch::autograd::grad({attention_by_table(other, k, v, 2, false)}, {other},
                                     {dy.to(at::kDouble)})[0]);
}

}  // namespace
}  // namespace zc
