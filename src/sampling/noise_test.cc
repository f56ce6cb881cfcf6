// SPDX-License-Identifier: Apache-2.0
// Noise streams and guidance.
#include "sampling/noise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "sampling/guidance.h"

namespace zc {
namespace {

TEST(Noise, OfTheCpuSourceIsTorchs) {
  for (const int64_t size : {3, 15, 16, 17, 31, 4096}) {
    NoiseStream stream({.seed = 99, .source = NoiseSource::torch_cpu}, 1);
    at::Generator generator = at::detail::createCPUGenerator(99);
    for (int k = 0; k < 3; ++k) {
      const at::Tensor theirs = at::randn({1, size}, generator, at::kFloat);
      EXPECT_LT((stream.next({1, size}) - theirs).abs().max().item<double>(), 2e-6) << size;
    }
  }
}

TEST(Noise, PerImageStreamsDoNotDependOnTheBatch) {
  const NoiseOptions options = noise_profile("a1111", 7);
  NoiseStream batch(options, 3);
  const at::Tensor all = batch.next({3, 4, 8, 8});
  NoiseOptions third = options;
  third.seed = 9;
  NoiseStream alone(third, 1);
  EXPECT_TRUE(all[2].equal(alone.next({1, 4, 8, 8})[0]));
}

TEST(Noise, SeedsMayStepOrStandStill) {
  NoiseStream steps({.seed = 7, .per_image = true, .seed_step = 10}, 2);
  NoiseStream still({.seed = 7, .per_image = true, .seed_step = 0}, 2);
  const at::Tensor apart = steps.next({2, 4, 8, 8}), alike = still.next({2, 4, 8, 8});
  NoiseStream other({.seed = 17}, 1);
  EXPECT_TRUE(apart[1].equal(other.next({1, 4, 8, 8})[0]));
  EXPECT_TRUE(alike[0].equal(alike[1]));
  EXPECT_TRUE(alike[0].equal(apart[0]));
  const std::string state = steps.save();
  const at::Tensor next = steps.next({2, 4, 8, 8});
  steps.restore(state);
  EXPECT_TRUE(next.equal(steps.next({2, 4, 8, 8})));
}

TEST(Slerp, GoesFromOneNoiseToTheOtherAndStaysAsStrong) {
  NoiseStream stream({.seed = 5}, 1);
  const at::Tensor a = stream.next({1, 4, 32, 32}), b = stream.next({1, 4, 32, 32});
  EXPECT_LT((slerp(0, a, b) - a).abs().max().item<double>(), 1e-5);
  EXPECT_LT((slerp(1, a, b) - b).abs().max().item<double>(), 1e-5);
  const double strength = slerp(0.5, a, b).square().mean().item<double>();
  EXPECT_NEAR(strength, 1.0, 0.1);
  EXPECT_LT(((a + b) * 0.5).square().mean().item<double>(), 0.6);
}

// The angle is taken over each column by itself.
TEST(Slerp, TurnsEachColumnByHalfItsAngle) {
  at::Tensor a = at::zeros({1, 1, 2, 2}), b = at::zeros({1, 1, 2, 2});
  a[0][0][0] = 1;                                         // columns (1,0) and (1,0)
  b[0][0][0][0] = 0, b[0][0][1][0] = 1;                   // (0,1)
  b[0][0][0][1] = -0.5, b[0][0][1][1] = std::sqrt(0.75);  // 120 degrees away
  const at::Tensor half = slerp(0.5, a, b);
  EXPECT_NEAR(half[0][0][0][0].item<double>(), std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(half[0][0][1][0].item<double>(), std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(half[0][0][0][1].item<double>(), 0.5, 1e-6);
  EXPECT_NEAR(half[0][0][1][1].item<double>(), std::sqrt(0.75), 1e-6);
}

TEST(Slerp, IsLinearBetweenNearlyEqualNoises) {
  NoiseStream stream({.seed = 5}, 1);
  const at::Tensor a = stream.next({1, 4, 8, 8});
  EXPECT_TRUE(at::isfinite(slerp(0.3, a, a)).all().item<bool>());
  EXPECT_LT((slerp(0.3, a, a) - a).abs().max().item<double>(), 1e-6);
}

TEST(Noise, TheOriginalsProfilesDrawTheWholeBatchAtOnce) {
  NoiseStream one(noise_profile("seed", 7), 1), two(noise_profile("seed11", 7), 2);
  const at::Tensor a = one.next({1, 4, 8, 8});
  const at::Tensor b = two.next({2, 4, 8, 8});
  EXPECT_TRUE(a[0].equal(b[0]));
  EXPECT_FALSE(b[0].equal(b[1]));
  EXPECT_NEAR(NoiseStream(noise_profile("seed", 0), 1).next({1, 2})[0][0].item<double>(),
              -0.9246624, 1e-6);
}

TEST(Noise, UnknownProfilesAreRefused) {
  try {
    noise_profile("webui", 1);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::bad_request);
    EXPECT_EQ(e.where(), "profile");
  }
}

TEST(Noise, ContinuesFromASavedState) {
  for (const char* profile : {"seed", "a1111", "diffusers"}) {
    NoiseStream stream(noise_profile(profile, 5), 2);
    stream.next({2, 4, 3, 3});
    const std::string state = stream.save();
    const at::Tensor expected = stream.next({2, 4, 3, 3});
    NoiseStream other(noise_profile(profile, 5), 2);
    other.restore(state);
    EXPECT_TRUE(other.next({2, 4, 3, 3}).equal(expected)) << profile;
  }
}

TEST(Noise, RefusesAStateOfOtherNoise) {
  NoiseStream cuda(noise_profile("seed", 5), 1), cpu(noise_profile("diffusers", 5), 1),
      other(noise_profile("diffusers", 6), 1);
  EXPECT_THROW(cuda.restore(cpu.save()), Error);
  EXPECT_THROW(cpu.restore(cuda.save()), Error);
  EXPECT_THROW(other.restore(cpu.save()), Error);
  EXPECT_THROW(cuda.restore("philox 4x"), Error);
  EXPECT_THROW(cuda.restore(""), Error);
}

TEST(Noise, TheFunctionGivesTheTypeOfItsArgument) {
  NoiseStream stream(noise_profile("seed", 5), 1);
  const at::Tensor noise = stream.function()(at::empty({1, 4, 2, 2}, at::kDouble));
  EXPECT_EQ(noise.scalar_type(), at::kDouble);
  EXPECT_EQ(noise.sizes(), (std::vector<int64_t>{1, 4, 2, 2}));
}

TEST(Guidance, MovesAwayFromTheUnconditionalPrediction) {
  const at::Tensor cond = at::ones({1, 2}, at::kFloat) * 3;
  const at::Tensor uncond = at::ones({1, 2}, at::kFloat);
  EXPECT_EQ(guide(cond, uncond, 9.0)[0][0].item<double>(), 19.0);
  EXPECT_TRUE(guide(cond, uncond, 1.0).equal(cond));
}

TEST(Guidance, FullRescalingRestoresTheDeviationOfEachImage) {
  NoiseStream stream(noise_profile("diffusers", 5), 2);
  const at::Tensor cond = stream.next({2, 4, 8, 8});
  const at::Tensor guided = cond * 5 + stream.next({2, 4, 8, 8});
  const at::Tensor rescaled = rescale_guided(guided, cond, 1.0);
  for (int64_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(rescaled[k].std().item<double>(), cond[k].std().item<double>(), 1e-5);
  }
  EXPECT_TRUE(rescale_guided(guided, cond, 0.0).equal(guided));
}

}  // namespace
}  // namespace zc
