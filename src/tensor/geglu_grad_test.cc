// SPDX-License-Identifier: Apache-2.0
#include "tensor/geglu_grad.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/chunk.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/max.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace zc::ops {
namespace {

TEST(GegluTraining, AgreesWithThePlainOperatorsForwardAndBackward) {
  const at::Tensor x = at::randn({2, 7, 2 * 37}).set_requires_grad(true);
  const at::Tensor dy = at::randn({2, 7, 37});
  const auto halves = x.chunk(2, -1);
  const at::Tensor wanted = halves[0] * at::gelu(halves[1]), got = geglu_trainable(x);
  EXPECT_TRUE(got.equal(wanted));
  const auto wanted_dx = torch::autograd::grad({wanted}, {x}, {dy});
  const auto dx = torch::autograd::grad({got}, {x}, {dy});
  EXPECT_LT((dx[0] - wanted_dx[0]).abs().max().item<float>(), 1e-6);
}

}  // namespace
}  // namespace zc::ops
