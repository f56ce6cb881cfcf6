// SPDX-License-Identifier: Apache-2.0
// Schedules against known values.
#include "sampling/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace zc {
namespace {

TEST(LdmSchedule, HasTheValuesOfStableDiffusion) {
  const LdmSchedule s = make_ldm_schedule();
  EXPECT_NEAR(s.alphas_cumprod.front(), 0.99915, 1e-6);
  EXPECT_NEAR(s.alphas_cumprod.back(), 0.00466009, 1e-8);
  EXPECT_EQ(s.alphas_cumprod_prev[0], 1.0f);
  EXPECT_EQ(s.lvlb_weights[0], s.lvlb_weights[1]);
}

TEST(Schedule, DiffusersAndTheOriginalAgreeToFloat32) {
  const SchedulerConfig c = default_scheduler_config(SchedulerKind::ddim);
  const std::vector<float> ours = cumulative_alphas(make_betas(c));
  const LdmSchedule original = make_ldm_schedule();
  for (size_t t = 0; t < ours.size(); ++t)
    EXPECT_NEAR(ours[t], original.alphas_cumprod[t], 1e-6) << t;
}

TEST(Schedule, ZeroTerminalSnrLeavesNoSignalAtTheEndAndTheBeginningAsItWas) {
  SchedulerConfig c = default_scheduler_config(SchedulerKind::ddim);
  const float first = cumulative_alphas(make_betas(c)).front();
  c.rescale_betas_zero_snr = true;
  const std::vector<float> alphas = cumulative_alphas(make_betas(c));
  EXPECT_EQ(alphas.back(), 0.0f);
  EXPECT_NEAR(alphas.front(), first, 1e-6);
}

TEST(Schedule, SpacesTimestepsInThreeWays) {
  SchedulerConfig c = default_scheduler_config(SchedulerKind::ddim);
  EXPECT_EQ(spaced_timesteps(c, 4), (std::vector<double>{751, 501, 251, 1}));
  c.timestep_spacing = TimestepSpacing::trailing;
  EXPECT_EQ(spaced_timesteps(c, 4), (std::vector<double>{999, 749, 499, 249}));
  c.timestep_spacing = TimestepSpacing::linspace;
  EXPECT_EQ(spaced_timesteps(c, 4), (std::vector<double>{999, 666, 333, 0}));
  EXPECT_EQ(spaced_timesteps_with_free_end(c, 3, 1000), (std::vector<double>{999, 666, 333}));
}

TEST(Schedule, TrailingNeverLeavesTheTrainingRange) {
  SchedulerConfig c = default_scheduler_config(SchedulerKind::ddim);
  c.timestep_spacing = TimestepSpacing::trailing;
  for (int64_t n = 1; n <= 1000; ++n) {
    const std::vector<double> t = spaced_timesteps(c, n);
    ASSERT_EQ(static_cast<int64_t>(t.size()), n);
    ASSERT_GE(t.back(), 0) << n;
  }
}

TEST(Schedule, TimestepOfSigmaInvertsSigmaAt) {
  const std::vector<float> sigmas = model_sigmas(make_ldm_schedule().alphas_cumprod);
  for (double t : {0.0, 1.0, 17.0, 500.0, 998.0, 999.0})
    EXPECT_NEAR(timestep_of_sigma(sigmas, sigma_at(sigmas, t)), t, 0.01);
  EXPECT_EQ(timestep_of_sigma(sigmas, 0.0), 0.0);
  EXPECT_EQ(timestep_of_sigma(sigmas, 1000.0), 999.0);
}

TEST(Schedule, CurvesRunFromTheLargestToTheSmallestLevel) {
  for (SigmaCurve curve :
       {SigmaCurve::karras, SigmaCurve::exponential, SigmaCurve::beta, SigmaCurve::lu}) {
    const std::vector<double> s = curved_sigmas(curve, 14.6, 0.03, 20);
    EXPECT_NEAR(s.front(), 14.6, 1e-9);
    EXPECT_NEAR(s.back(), 0.03, 1e-9);
    for (size_t i = 1; i < s.size(); ++i) EXPECT_LT(s[i], s[i - 1]);
    EXPECT_EQ(curved_sigmas(curve, 14.6, 0.03, 1).size(), 1u);
  }
}

TEST(Schedule, BetaQuantileMatchesKnownValues) {
  EXPECT_NEAR(beta_quantile(0.5, 0.6, 0.6), 0.5, 1e-12);
  EXPECT_NEAR(beta_quantile(0.25, 0.5, 0.5), std::pow(std::sin(std::acos(-1.0) / 8), 2),
              1e-12);  // arcsine law
  EXPECT_NEAR(beta_quantile(0.3, 1, 1), 0.3, 1e-12);
  EXPECT_EQ(beta_quantile(0, 0.6, 0.6), 0.0);
  EXPECT_EQ(beta_quantile(1, 0.6, 0.6), 1.0);
}

TEST(Schedule, RefusesBetasThatAreNoProbabilities) {
  SchedulerConfig c = default_scheduler_config(SchedulerKind::ddim);
  c.beta_end = 1.5;
  try {
    make_betas(c);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::bad_request);
    EXPECT_EQ(e.where(), "beta_end");
  }
}

}  // namespace
}  // namespace zc
