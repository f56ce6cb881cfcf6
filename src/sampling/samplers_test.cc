// SPDX-License-Identifier: Apache-2.0
// Names of samplers, and what holds for every one of them.
#include "sampling/samplers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "sampling/noise.h"
#include "sampling/schedule.h"
#include "sampling/scheduler.h"

namespace zc {
namespace {

TEST(Samplers, EveryNameAndLabelLeadsBackToItself) {
  std::set<std::string> labels;
  for (const std::string& name : sampler_names()) {
    EXPECT_EQ(canonical_sampler_name(name), name);
    EXPECT_TRUE(labels.insert(sampler_label(name)).second) << name;
    if (!sampler_label(name).starts_with("PNDM") && !sampler_label(name).starts_with("DDIM (")) {
      EXPECT_EQ(canonical_sampler_name(sampler_label(name)), name);
    }
  }
}

TEST(Samplers, KnowTheSpellingsOfOtherPrograms) {
  EXPECT_EQ(canonical_sampler_name("DPM++ 2M Karras"), "dpmpp_2m_karras");
  EXPECT_EQ(canonical_sampler_name("DPM++ 2M SDE Exponential"), "dpmpp_2m_sde_exponential");
  EXPECT_EQ(canonical_sampler_name("Euler a"), "euler_a");
  EXPECT_EQ(canonical_sampler_name("euler_ancestral"), "euler_a");
  EXPECT_EQ(canonical_sampler_name("dpm_2_ancestral"), "dpm2_a");
  EXPECT_EQ(canonical_sampler_name("uni_pc"), "unipc");
  EXPECT_EQ(canonical_sampler_name("PNDMScheduler"), "plms");
  EXPECT_EQ(canonical_sampler_name("DDIM"), "ddim");
}

TEST(Samplers, AnUnknownNameIsRefusedWithTheNearestOne) {
  try {
    sampler_config("dpmpp_2n");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::bad_request);
    EXPECT_EQ(e.where(), "sampler");
    EXPECT_NE(e.text().find("dpmpp_2m"), std::string::npos) << e.text();
  }
}

TEST(Samplers, TakeTheScheduleAndPredictionOfTheModel) {
  SchedulerConfig model = default_scheduler_config(SchedulerKind::pndm);
  model.prediction_type = Prediction::v_prediction;
  model.beta_schedule = BetaSchedule::linear;
  const SchedulerConfig c = sampler_config("dpmpp_2m_karras", model);
  EXPECT_EQ(c.prediction_type, Prediction::v_prediction);
  EXPECT_EQ(c.beta_schedule, BetaSchedule::linear);
  EXPECT_EQ(c.timestep_spacing, TimestepSpacing::linspace);
  EXPECT_EQ(c.sigma_curve, SigmaCurve::karras);
}

// The scaled x is (x0 + sigma * noise) / sqrt(sigma^2 + 1) for a model that knows x0, so its eps
// leads any solver there.
double error_with_perfect_model(const std::string& name, int64_t steps, int64_t begin_percent) {
  const auto scheduler = make_scheduler(sampler_config(name));
  scheduler->set_timesteps(steps);
  NoiseStream stream({.seed = 1, .source = NoiseSource::torch_cpu}, 1);
  const NoiseFunction noise = stream.function();
  const at::Tensor x0 = stream.next({1, 4, 4, 4});
  const at::Tensor first = stream.next({1, 4, 4, 4});
  // Alphas at fractional timesteps, as the solvers interpolate them.
  const SchedulerConfig& c = scheduler->config();
  double product = 1;
  std::vector<double> sigma;
  for (int64_t t = 0; t < c.num_train_timesteps; ++t) {
    const double root = std::sqrt(c.beta_start) +
                        (std::sqrt(c.beta_end) - std::sqrt(c.beta_start)) * static_cast<double>(t) /
                            static_cast<double>(c.num_train_timesteps - 1);
    product *= 1 - root * root;
    sigma.push_back(std::sqrt((1 - product) / product));
  }
  const auto eps = [&](const at::Tensor& scaled, double t) {
    const auto low = static_cast<size_t>(t);
    const size_t high = std::min(low + 1, sigma.size() - 1);
    const double s = sigma[low] + (sigma[high] - sigma[low]) * (t - static_cast<double>(low));
    return (scaled * std::sqrt(s * s + 1) - x0) / s;
  };
  const int64_t begin =
      begin_percent == 0 ? 0 : scheduler->begin_index(1 - static_cast<double>(begin_percent) / 100);
  at::Tensor x =
      begin == 0 ? first * scheduler->init_noise_sigma() : scheduler->begin_at(begin, x0, first);
  const std::vector<double> timesteps = scheduler->timesteps();
  for (size_t i = static_cast<size_t>(begin); i < timesteps.size(); ++i) {
    x = scheduler->step(eps(scheduler->scale_model_input(x, timesteps[i]), timesteps[i]),
                        timesteps[i], x, noise);
  }
  EXPECT_EQ(scheduler->denoised().sizes(), x.sizes());
  return (x - x0).abs().max().item<double>();
}

TEST(Samplers, AllFindTheImageOfAPerfectModel) {
  for (const std::string& name : sampler_names()) {
    // DDIM and its like end with the noise of the lowest timestep, DEIS at the lowest level.
    EXPECT_LT(error_with_perfect_model(name, 20, 0), 0.35) << name;
  }
}

// v = alpha * noise - sigma * x0 of a model that knows x0; without a signal it is -x0.
double error_from_pure_noise(const std::string& name) {
  SchedulerConfig config = sampler_config(name);
  config.rescale_betas_zero_snr = true;
  config.timestep_spacing = TimestepSpacing::trailing;
  config.prediction_type = Prediction::v_prediction;
  const auto scheduler = make_scheduler(config);
  scheduler->set_timesteps(20);
  EXPECT_EQ(scheduler->timesteps().front(), 999) << name;
  const std::vector<float> abar = cumulative_alphas(make_betas(scheduler->config()));
  NoiseStream stream({.seed = 1, .source = NoiseSource::torch_cpu}, 1);
  const NoiseFunction noise = stream.function();
  const at::Tensor x0 = stream.next({1, 4, 4, 4});
  at::Tensor x = stream.next({1, 4, 4, 4}) * scheduler->init_noise_sigma();
  const std::vector<double> timesteps = scheduler->timesteps();
  for (const double t : timesteps) {
    const double signal = std::sqrt(abar[static_cast<size_t>(t)]);
    const double sigma = std::sqrt(1 - signal * signal);
    const at::Tensor seen = scheduler->scale_model_input(x, t);
    const at::Tensor v = (seen - x0 * signal) * (signal / sigma) - x0 * sigma;
    x = scheduler->step(v, t, x, noise);
  }
  return (x - x0).abs().max().item<double>();
}

TEST(Samplers, SomeCanBeginAtPureNoise) {
  size_t count = 0;
  for (const std::string& name : sampler_names()) {
    if (!can_begin_at_pure_noise(name)) continue;
    ++count;
    EXPECT_LT(error_from_pure_noise(name), 0.35) << name;
  }
  EXPECT_GE(count, 9u);
  for (const char* name : {"ddim_diffusers", "euler", "euler_a", "dpmpp_2m", "unipc"})
    EXPECT_TRUE(can_begin_at_pure_noise(name)) << name;
  for (const char* name : {"ddim", "plms", "heun", "dpmpp_2m_karras"})
    EXPECT_FALSE(can_begin_at_pure_noise(name)) << name;
}

TEST(Samplers, AllCanBeginInTheMiddle) {
  for (const std::string& name : sampler_names()) {
    if (name == "pndm_prk") continue;
    EXPECT_LT(error_with_perfect_model(name, 20, 40), 0.35) << name;
  }
}

// Inpainting puts the known part back before each call, with the noise that x has there.
TEST(Samplers, AddTheNoiseOfTheCurrentCall) {
  for (const std::string& name : sampler_names()) {
    const auto scheduler = make_scheduler(sampler_config(name));
    scheduler->set_timesteps(8);
    const at::Tensor x0 = at::full({1, 1, 2, 2}, 0.0, at::kFloat);
    const at::Tensor noise = at::full({1, 1, 2, 2}, 1.0, at::kFloat);
    const NoiseFunction no_noise = [](const at::Tensor& like) { return at::zeros_like(like); };
    double last = std::numeric_limits<double>::infinity();
    at::Tensor x = noise * scheduler->init_noise_sigma();
    const std::vector<double> timesteps = scheduler->timesteps();
    for (size_t i = 0; i < timesteps.size(); ++i) {
      const double level = scheduler->add_noise(x0, noise, timesteps[i]).max().item<double>();
      EXPECT_GT(level, 0.0) << name;
      const bool repeats = name == "plms" || name == "pndm_prk" || scheduler->order() == 2;
      EXPECT_LT(level, repeats ? last * 1.2 : last) << name << " at call " << i;
      last = level;
      x = scheduler->step(scheduler->scale_model_input(x, timesteps[i]) * 0.5, timesteps[i], x,
                          no_noise);
    }
  }
}

TEST(Samplers, RefuseStepsBeyondTheTraining) {
  for (const std::string& name : sampler_names()) {
    const auto scheduler = make_scheduler(sampler_config(name));
    for (int64_t steps : {int64_t{0}, int64_t{-1}, int64_t{1001}}) {
      try {
        scheduler->set_timesteps(steps);
        FAIL() << name;
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::bad_request);
        EXPECT_EQ(e.where(), "steps");
      }
    }
  }
}

TEST(Samplers, ASchedulerCanRunTwice) {
  for (const char* name : {"ddim", "plms", "heun", "dpm2_a", "dpmpp_sde", "dpmpp_2m", "dpmpp_2s",
                           "unipc", "lms", "deis"}) {
    const auto scheduler = make_scheduler(sampler_config(name));
    const NoiseFunction no_noise = [](const at::Tensor& like) { return at::zeros_like(like); };
    at::Tensor results[2];
    for (at::Tensor& x : results) {
      scheduler->set_timesteps(7);
      x = at::full({1, 1, 2, 2}, 0.5, at::kFloat) * scheduler->init_noise_sigma();
      for (double t : scheduler->timesteps())
        x = scheduler->step(scheduler->scale_model_input(x, t) * 0.9, t, x, no_noise);
    }
    EXPECT_TRUE(results[0].equal(results[1])) << name;
    EXPECT_TRUE(at::isfinite(results[0]).all().item<bool>()) << name;
  }
}

}  // namespace
}  // namespace zc
