// SPDX-License-Identifier: Apache-2.0
// Recomputation on small functions; on whole networks it is compared in models/gradients_test.cc.
#include "tensor/recompute.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace zc {
namespace {

at::Tensor leaf(at::IntArrayRef shape) {
  return at::randn(shape).set_requires_grad(true);
}

struct Counted {
  at::Tensor weight = leaf({4, 4});
  int calls = 0;
  // x W y, with values between that the backward pass needs
  RecomputedBlock block() {
    return [this](const std::vector<at::Tensor>& in) {
      ++calls;
      const at::Tensor h = at::silu(at::matmul(in[0], weight));
      return in.size() > 1 && in[1].defined() ? at::sin(h) * in[1] : at::sin(h);
    };
  }
};

TEST(Recompute, GivesTheValueAndTheGradientsOfAPlainCall) {
  Counted c;
  const at::Tensor x = leaf({3, 4}), y = leaf({3, 4});
  const at::Tensor plain = c.block()({x, y});
  plain.square().sum().backward();
  const std::vector<at::Tensor> wanted = {x.grad(), y.grad(), c.weight.grad()};
  for (const at::Tensor& t : {x, y, c.weight}) t.mutable_grad() = at::Tensor();
  const at::Tensor again = recompute(c.block(), {x, y});
  EXPECT_TRUE(at::equal(again, plain));
  again.square().sum().backward();
  EXPECT_TRUE(at::equal(x.grad(), wanted[0]));
  EXPECT_TRUE(at::equal(y.grad(), wanted[1]));
  EXPECT_TRUE(at::equal(c.weight.grad(), wanted[2]));
}

TEST(Recompute, RunsTheBlockAgainInTheBackwardPassOnly) {
  Counted c;
  const at::Tensor y = recompute(c.block(), {leaf({3, 4})});
  EXPECT_EQ(c.calls, 1);
  y.sum().backward();
  EXPECT_EQ(c.calls, 2);
}

TEST(Recompute, ReachesTheParametersOfABlockWhoseInputsWantNoGradient) {
  Counted c;
  const at::Tensor y = recompute(c.block(), {at::randn({3, 4})});
  ASSERT_TRUE(y.requires_grad());
  y.sum().backward();
  EXPECT_TRUE(c.weight.grad().defined());
}

TEST(Recompute, BuildsNothingWhereNoGradientCanBeWanted) {
  Counted c;
  c.weight = c.weight.detach();
  EXPECT_FALSE(recompute(c.block(), {at::randn({3, 4})}).requires_grad());
  const c10::NoGradGuard no_grad;
  EXPECT_FALSE(recompute(c.block(), {leaf({3, 4})}).requires_grad());
}

TEST(Recompute, TakesInputsThatAreUndefined) {
  Counted c;
  const at::Tensor x = leaf({3, 4});
  recompute(c.block(), {x, at::Tensor()}).sum().backward();
  EXPECT_TRUE(x.grad().defined());
}

TEST(Recompute, BlocksFollowEachOtherAndShareInputs) {
  Counted a, b;
  const at::Tensor x = leaf({3, 4}), shared = leaf({3, 4});
  const auto loss = [&](bool again) {
    const auto run = [&](Counted& c, const at::Tensor& h) {
      return again ? recompute(c.block(), {h, shared}) : c.block()({h, shared});
    };
    return (run(b, run(a, x)) + x).square().sum();
  };
  std::vector<at::Tensor> wanted;
  loss(false).backward();
  for (const at::Tensor& t : {x, shared, a.weight, b.weight}) {
    wanted.push_back(t.grad());
    t.mutable_grad() = at::Tensor();
  }
  loss(true).backward();
  size_t i = 0;
  for (const at::Tensor& t : {x, shared, a.weight, b.weight})
    EXPECT_TRUE(at::equal(t.grad(), wanted[i++])) << i;
}

TEST(Recompute, WorksInsideABlockThatIsRecomputed) {
  Counted c;
  const at::Tensor x = leaf({3, 4});
  c.block()({x}).sum().backward();
  const at::Tensor wanted = x.grad();
  x.mutable_grad() = at::Tensor();
  recompute([&](const std::vector<at::Tensor>& in) { return recompute(c.block(), in); }, {x})
      .sum()
      .backward();
  EXPECT_TRUE(at::equal(x.grad(), wanted));
}

TEST(Recompute, ComputesInThePrecisionOfAutocastBothTimes) {
  const at::Tensor weight = leaf({4, 4}), x = leaf({3, 4});
  std::vector<at::ScalarType> seen;
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const at::Tensor y = recompute(
      [&](const std::vector<at::Tensor>& in) {
        const at::Tensor h = at::matmul(in[0], weight);
        seen.push_back(h.scalar_type());
        return h;
      },
      {x});
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  y.sum().backward();
  EXPECT_EQ(seen, (std::vector<at::ScalarType>{at::kBFloat16, at::kBFloat16}));
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
}

TEST(Recompute, FreesWhatItHoldsAfterTheBackwardPass) {
  at::Tensor held = at::randn({3, 4});
  const at::Tensor weight = leaf({3, 4});
  const at::Tensor y =
      recompute([&](const std::vector<at::Tensor>& in) { return in[0] * weight; }, {held});
  EXPECT_GT(held.storage().use_count(), 1u);
  y.sum().backward();
  EXPECT_EQ(held.storage().use_count(), 1u);
}

TEST(Recompute, RefusesSecondDerivatives) {
  Counted c;
  const at::Tensor y = recompute(c.block(), {leaf({3, 4})});
  EXPECT_THROW(y.sum().backward({}, /*retain_graph=*/true, /*create_graph=*/true), Error);
}

}  // namespace
}  // namespace zc
