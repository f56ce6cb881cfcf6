// SPDX-License-Identifier: Apache-2.0
// Numbers that samplers run on: betas, cumulative alphas, timesteps and noise levels. No tensors.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sampling/scheduler_config.h"

namespace zc {

// ---- The original's schedule (ldm/models/diffusion/ddpm.py, register_schedule): computed in
// double, kept as float32.

struct LdmScheduleOptions {
  BetaSchedule beta_schedule = BetaSchedule::scaled_linear;  // the original calls it "linear"
  double linear_start = 0.00085;
  double linear_end = 0.012;
  int64_t timesteps = 1000;
};

struct LdmSchedule {
  std::vector<float> betas;
  std::vector<float> alphas_cumprod;
  std::vector<float> alphas_cumprod_prev;
  std::vector<float> sqrt_alphas_cumprod;
  std::vector<float> sqrt_one_minus_alphas_cumprod;
  std::vector<float> log_one_minus_alphas_cumprod;
  std::vector<float> sqrt_recip_alphas_cumprod;
  std::vector<float> sqrt_recipm1_alphas_cumprod;
  std::vector<float> posterior_variance;
  std::vector<float> posterior_log_variance_clipped;
  std::vector<float> posterior_mean_coef1;
  std::vector<float> posterior_mean_coef2;
  std::vector<float> lvlb_weights;  // of the eps parameterization
  std::vector<float> logvar;        // zeros
};

LdmSchedule make_ldm_schedule(const LdmScheduleOptions& options = {});

// ---- diffusers' schedule: float32 like torch's, so that timesteps that are rounded agree.

// Throws ErrorKind::bad_request for impossible values.
std::vector<float> make_betas(const SchedulerConfig& config);
std::vector<float> cumulative_alphas(std::span<const float> betas);

// The model's noise level at each training timestep: sqrt((1 - a) / a), ascending.
std::vector<float> model_sigmas(std::span<const float> alphas_cumprod);

// `n` timesteps in descending order; `linspace` is not rounded.
std::vector<double> spaced_timesteps(const SchedulerConfig& config, int64_t n);
// The same for solvers that cut the range into one part more and leave the lowest timestep out; all
// are whole numbers below `last_timestep`.
std::vector<double> spaced_timesteps_with_free_end(const SchedulerConfig& config, int64_t n,
                                                   int64_t last_timestep);

// The noise level at timestep t, linear between the training timesteps, constant outside.
double sigma_at(std::span<const float> sigmas, double t);

// The timestep of a noise level, linear in its logarithm, within the training range.
double timestep_of_sigma(std::span<const float> sigmas, double sigma);

// n noise levels from sigma_max down to sigma_min along the curve (karras, exponential, beta or
// lu).
std::vector<double> curved_sigmas(SigmaCurve curve, double sigma_max, double sigma_min, int64_t n);

// Inverse of the beta distribution's cumulative function, for p in [0, 1].
double beta_quantile(double p, double alpha, double beta);

// How many training timesteps lie below `lambda_min_clipped`, from the noisy end.
int64_t clipped_timesteps(std::span<const float> alphas_cumprod, double lambda_min_clipped);

}  // namespace zc
