// SPDX-License-Identifier: Apache-2.0
#include "tensor/group_norm_grad.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace zc::ops {
namespace {

struct Case {
  int64_t batch, channels, height, width, groups;
  bool silu;
};

at::Tensor plain(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b, const Case& c) {
  const at::Tensor y = at::group_norm(x, c.groups, w, b, 1e-5);
  return c.silu ? at::silu(y) : y;
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

class GroupNormTraining : public testing::TestWithParam<Case> {};

// Odd sizes: rows that do not fill a block, one position, one channel a group.
INSTANTIATE_TEST_SUITE_P(Sizes, GroupNormTraining,
                         testing::Values(Case{2, 32, 8, 8, 32, true}, Case{1, 6, 3, 5, 2, true},
                                         Case{3, 96, 7, 9, 8, false}, Case{1, 64, 1, 1, 4, true},
                                         Case{2, 640, 5, 3, 32, true},
                                         Case{1, 4, 67, 41, 1, true}));

TEST_P(GroupNormTraining, AgreesWithThePlainOperatorsForwardAndBackward) {
  const Case c = GetParam();
  const at::Tensor x = at::randn({c.batch, c.channels, c.height, c.width}).set_requires_grad(true);
  const at::Tensor w = (at::randn({c.channels}) + 1.0).set_requires_grad(true);
  const at::Tensor b = at::randn({c.channels}).set_requires_grad(true);
  const at::Tensor dy = at::randn(x.sizes());
  const at::Tensor wanted = plain(x, w, b, c);
  const at::Tensor got = group_norm_trainable(x, w, b, {c.groups, 1e-5, c.silu});
  EXPECT_LT(largest_difference(got, wanted), 2e-5);
  const auto wanted_grads = torch::autograd::grad({wanted}, {x, w, b}, {dy});
  const auto grads = torch::autograd::grad({got}, {x, w, b}, {dy});
  for (size_t i = 0; i < grads.size(); ++i) {
    const double scale = 1.0 + wanted_grads[i].abs().max().item<double>();
    EXPECT_LT(largest_difference(grads[i], wanted_grads[i]) / scale, 2e-5) << "gradient " << i;
  }
}

TEST(GroupNormTraining, IsRightWithinBfloat16) {
  const Case c{2, 64, 6, 10, 8, true};
  const at::Tensor x = at::randn({c.batch, c.channels, c.height, c.width});
  const at::Tensor w = at::randn({c.channels}) + 1.0, b = at::randn({c.channels});
  const at::Tensor got = group_norm_trainable(x.to(at::kBFloat16), w, b, {c.groups, 1e-5, c.silu});
  EXPECT_EQ(got.scalar_type(), at::kBFloat16);
  EXPECT_LT(largest_difference(got, plain(x.to(at::kBFloat16).to(at::kFloat), w, b, c)), 0.04);
}

TEST(GroupNormTraining, PassesNotANumberOn) {
  at::Tensor x = at::randn({1, 32, 4, 4});
  x.mutable_data_ptr<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor got = group_norm_trainable(x, at::ones({32}), at::zeros({32}), {4, 1e-5, true});
  EXPECT_TRUE(at::isnan(got).any().item<bool>());
}

}  // namespace
}  // namespace zc::ops
