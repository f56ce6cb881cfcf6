// SPDX-License-Identifier: Apache-2.0
// The diffusion loss: what its random numbers depend on, its kinds and its weights.
#include "training/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/square.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/error.h"
#include "training/diffusion_model.h"

namespace zc {
namespace {

at::Tensor latents(int64_t count) {
  return at::linspace(-1, 1, count * 4 * 6 * 5, at::kFloat).view({count, 4, 6, 5});
}

NoisedBatch keyed_batch(int64_t first, int64_t count, int64_t global, const LossOptions& o = {}) {
  return noise_batch(latents(global).narrow(0, first, count), training_alphas_cumprod(o), o,
                     {.seed = 3, .step = 9, .first = first, .global_batch = global});
}

TEST(KeyedLoss, IsTheSameHoweverTheStepIsSplit) {
  const LossOptions o = {.noise_offset = 0.5};
  const NoisedBatch whole = keyed_batch(0, 6, 6, o);
  for (const auto& sizes : {std::vector<int64_t>{1, 1, 1, 1, 1, 1}, {2, 4}, {5, 1}}) {
    std::vector<at::Tensor> noisy, times, targets;
    int64_t first = 0;
    for (const int64_t count : sizes) {
      const NoisedBatch part = keyed_batch(first, count, 6, o);
      noisy.push_back(part.x_t);
      times.push_back(part.t);
      targets.push_back(part.target);
      first += count;
    }
    EXPECT_TRUE(at::equal(at::cat(noisy), whole.x_t)) << sizes.size();
    EXPECT_TRUE(at::equal(at::cat(times), whole.t)) << sizes.size();
    EXPECT_TRUE(at::equal(at::cat(targets), whole.target)) << sizes.size();
  }
}

TEST(KeyedLoss, EverySampleAndEveryStepHasItsOwnNoise) {
  const BatchPlace place = {.seed = 3, .step = 9, .first = 0, .global_batch = 2};
  BatchPlace next = place, other_seed = place;
  next.step = 10;
  other_seed.seed = 4;
  const auto noise = [](const BatchPlace& p, RandomUse use) {
    return keyed_noise({2, 4, 8, 8}, p, use, at::kCPU);
  };
  const at::Tensor a = noise(place, RandomUse::noise);
  EXPECT_TRUE(at::equal(a, noise(place, RandomUse::noise)));
  EXPECT_FALSE(at::equal(a[0], a[1]));
  EXPECT_FALSE(at::equal(a, noise(next, RandomUse::noise)));
  EXPECT_FALSE(at::equal(a, noise(other_seed, RandomUse::noise)));
  EXPECT_FALSE(at::equal(a, noise(place, RandomUse::latent)));
}

TEST(KeyedLoss, ALargeBatchIsTheSameOnAllThreadsAsSampleBySample) {
  const at::Tensor all =
      keyed_noise({40, 4, 17, 13}, {.seed = 1, .global_batch = 40}, RandomUse::noise, at::kCPU);
  for (const int64_t i : {0, 19, 39}) {
    EXPECT_TRUE(at::equal(all[i], keyed_noise({1, 4, 17, 13}, {.seed = 1, .first = i},
                                              RandomUse::noise, at::kCPU)[0]))
        << i;
  }
  EXPECT_NEAR(all.mean().item<double>(), 0.0, 0.02);
  EXPECT_NEAR(all.std().item<double>(), 1.0, 0.02);
}

TEST(KeyedLoss, AStepSeesAllNoiseLevels) {
  std::set<int64_t> tenths;
  for (int64_t pass = 0; pass < 5; ++pass) {
    const at::Tensor t = keyed_batch(2 * pass, 2, 10).t;
    for (int64_t i = 0; i < 2; ++i) tenths.insert(t[i].item<int64_t>() / 100);
  }
  EXPECT_EQ(tenths.size(), 10u);
}

TEST(KeyedLoss, SampledLatentsDependOnTheirPlaceAlone) {
  const at::Tensor moments = latents(6).reshape({3, 8, 6, 5});
  const BatchPlace place = {.seed = 1, .step = 2, .first = 0, .global_batch = 3};
  BatchPlace second = place;
  second.first = 1;
  const at::Tensor all = sample_latent(moments, 0.5, place);
  EXPECT_TRUE(at::equal(all.narrow(0, 1, 2), sample_latent(moments.narrow(0, 1, 2), 0.5, second)));
  EXPECT_FALSE(at::equal(all, 0.5 * moments.narrow(1, 0, 4)));
}

TEST(LossKinds, HuberIsSquareForSmallErrorsAndLinearForLargeOnes) {
  const LossOptions o = {.kind = "huber", .huber_c = 0.1};
  const NoisedBatch batch = keyed_batch(0, 4, 4, o);
  const double abar = alphas_cumprod_float()[batch.t[1].item<int64_t>()].item<double>();
  const double sigma = std::sqrt((1 - abar) / abar), c = 0.9 / std::pow(1 + sigma, 2) + 0.1;
  EXPECT_NEAR(batch.huber[1].item<double>(), c, 1e-5);
  for (const double d : {1e-3, 0.5, 100.0}) {
    const BatchLoss loss = diffusion_loss(batch.target + d, batch);
    EXPECT_NEAR(loss.per_sample[1].item<double>() / (2 * c * (std::sqrt(d * d + c * c) - c)), 1.0,
                d < 0.01 ? 1e-2 : 1e-4)
        << d;
  }
}

TEST(LossKinds, TheMeanIsWeightedAndTheSamplesAreNot) {
  const LossOptions o = {.min_snr = 5.0};
  const NoisedBatch batch = keyed_batch(0, 4, 4, o);
  const BatchLoss loss = diffusion_loss(batch.target + 2.0, batch);
  EXPECT_EQ(loss.per_sample.size(0), 4);
  EXPECT_NEAR(loss.per_sample.min().item<double>(), 4.0, 1e-4);
  EXPECT_NEAR(loss.per_sample.max().item<double>(), 4.0, 1e-4);
  EXPECT_NEAR(loss.mean.item<double>(), 4.0 * batch.weight.mean().item<double>(), 1e-4);
}

TEST(LossWeights, DebiasedIsOneOverTheRootOfTheSignalToNoiseRatio) {
  for (const ModelPrediction prediction : {ModelPrediction::epsilon, ModelPrediction::v}) {
    const NoisedBatch batch = keyed_batch(0, 8, 8, {.prediction = prediction, .debiased = true});
    for (int64_t i = 0; i < 8; ++i) {
      const double abar = alphas_cumprod_float()[batch.t[i].item<int64_t>()].item<double>();
      const double snr = std::min(abar / (1 - abar), 1000.0);
      const double wanted = prediction == ModelPrediction::v ? 1 / (snr + 1) : 1 / std::sqrt(snr);
      EXPECT_NEAR(batch.weight[i].item<double>() / wanted, 1.0, 1e-4) << i;
    }
  }
}

TEST(ZeroTerminal, TheLastStepHasNoSignalAndTheFirstIsAsBefore) {
  const at::Tensor before = alphas_cumprod_float(), after = zero_terminal(before);
  EXPECT_EQ(after[-1].item<double>(), 0.0);
  EXPECT_NEAR(after[0].item<double>(), before[0].item<double>(), 1e-7);
  // Shifted and scaled: in between sqrt(abar) changes by a straight line.
  const double first = std::sqrt(before[0].item<double>()),
               last = std::sqrt(before[-1].item<double>());
  const double middle = std::sqrt(before[500].item<double>());
  EXPECT_NEAR(std::sqrt(after[500].item<double>()), (middle - last) * first / (first - last), 1e-6);
}

TEST(ZeroTerminal, EveryLossIsFiniteThere) {
  const at::Tensor abar = at::full({1000}, 0.0);
  const BatchPlace place = {.global_batch = 2};
  for (const LossOptions& o : {LossOptions{.prediction = ModelPrediction::v, .kind = "huber"},
                               LossOptions{.prediction = ModelPrediction::v, .min_snr = 5.0},
                               LossOptions{.prediction = ModelPrediction::v, .debiased = true},
                               LossOptions{.min_snr = 5.0}}) {
    const NoisedBatch batch = noise_batch(latents(2), abar, o, place);
    EXPECT_TRUE(std::isfinite(diffusion_loss(batch.x_t, batch).mean.item<double>())) << o.kind;
  }
}

std::string loss_refused(const LossOptions& o) {
  try {
    check_loss_options(o);
  } catch (const Error& e) {
    return e.where();
  }
  return "nothing was thrown";
}

TEST(LossOptions, RefusesWhatContradictsItself) {
  EXPECT_EQ(loss_refused({}), "nothing was thrown");
  EXPECT_EQ(loss_refused({.kind = "l1"}), "loss");
  EXPECT_EQ(loss_refused({.kind = "huber", .huber_c = 0.0}), "huber_c");
  EXPECT_EQ(loss_refused({.min_snr = 5.0, .debiased = true}), "debiased");
  EXPECT_EQ(loss_refused({.zero_terminal_snr = true}), "zero_terminal_snr");
  EXPECT_EQ(loss_refused({.prediction = ModelPrediction::v, .zero_terminal_snr = true}),
            "nothing was thrown");
  EXPECT_EQ(loss_refused({.zero_terminal_snr = true, .zero_terminal_epsilon = true}),
            "nothing was thrown");
  EXPECT_EQ(
      loss_refused({.debiased = true, .zero_terminal_snr = true, .zero_terminal_epsilon = true}),
      "debiased");
}

}  // namespace
}  // namespace zc
