// SPDX-License-Identifier: Apache-2.0
// The common part of DPM-Solver, DEIS and UniPC.
#include "sampling/lambda_scheduler.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <utility>

#include "base/error.h"
#include "sampling/schedule.h"

namespace zc {

LambdaScheduler::LambdaScheduler(SchedulerConfig config)
    : Scheduler(std::move(config)), model_sigmas_(model_sigmas(alphas_cumprod_)) {
  config_.clip_sample = false;  // none of these schedulers does it
  if (config_.sigma_curve == SigmaCurve::lu && config_.kind != SchedulerKind::dpm_multistep) {
    throw Error(ErrorKind::unsupported, "use_lu_lambdas",
                "only the multistep DPM solver spreads noise levels so");
  }
}

at::Tensor LambdaScheduler::add_noise(const at::Tensor& x0, const at::Tensor& noise,
                                      double t) const {
  const NoisePoint p = point(static_cast<size_t>(index_of_timestep(t)));
  return x0 * p.alpha + noise * p.sigma;
}

void LambdaScheduler::start_run(int64_t n) {
  const bool clips =
      config_.kind == SchedulerKind::dpm_multistep || config_.kind == SchedulerKind::dpm_singlestep;
  const int64_t clipped =
      clips ? clipped_timesteps(alphas_cumprod_, config_.lambda_min_clipped) : 0;
  timesteps_ = spaced_timesteps_with_free_end(config_, n, config_.num_train_timesteps - clipped);
  switch (config_.sigma_curve) {
    case SigmaCurve::model:
      for (double t : timesteps_) sigmas_.push_back(sigma_at(model_sigmas_, t));
      break;
    case SigmaCurve::flow:
      use_flow(n);
      break;
    default:
      use_curve(n);
  }
  sigmas_.push_back(final_sigma());
  for (double& s : sigmas_) s = static_cast<double>(static_cast<float>(s));
}

void LambdaScheduler::use_curve(int64_t n) {
  // Lu's spread always covers the whole range of the model.
  const bool whole = config_.sigma_curve == SigmaCurve::lu;
  const double high =
      whole ? model_sigmas_.back() : config_.sigma_max.value_or(model_sigmas_.back());
  const double low =
      whole ? model_sigmas_.front() : config_.sigma_min.value_or(model_sigmas_.front());
  sigmas_ = curved_sigmas(config_.sigma_curve, high, low, n);
  // As diffusers does: two of the curves round the timesteps, the others cut their fraction off.
  const bool cosine = config_.beta_schedule == BetaSchedule::squaredcos_cap_v2;
  const bool rounded =
      (config_.sigma_curve == SigmaCurve::karras || config_.sigma_curve == SigmaCurve::lu) &&
      !(config_.kind == SchedulerKind::dpm_multistep && cosine);
  timesteps_.clear();
  for (double sigma : sigmas_) {
    const double t = timestep_of_sigma(model_sigmas_, sigma);
    timesteps_.push_back(rounded ? std::nearbyint(t) : std::trunc(t));
  }
}

// Flow matching: x = (1 - sigma) x0 + sigma noise.
void LambdaScheduler::use_flow(int64_t n) {
  const double smallest = 1.0 / static_cast<double>(config_.num_train_timesteps);
  const double step = (smallest - 1) / static_cast<double>(n);
  timesteps_.clear();
  for (int64_t i = 0; i < n; ++i) {
    // UniPC comes down from 1, the others from 1 - smallest. The order of the operations decides
    // what is cut off below.
    const bool unipc = config_.kind == SchedulerKind::unipc;
    const double alpha = i == 0 ? smallest : static_cast<double>(n - i) * step + 1;
    double sigma = unipc ? static_cast<double>(i) * step + 1 : 1 - alpha;
    sigma = config_.flow_shift * sigma / (1 + (config_.flow_shift - 1) * sigma);
    if (i == 0 && std::abs(sigma - 1) < 1e-6) sigma -= 1e-6;  // keeps the logarithm of alpha finite
    sigmas_.push_back(sigma);
    timesteps_.push_back(std::trunc(sigma * static_cast<double>(config_.num_train_timesteps)));
  }
}

double LambdaScheduler::final_sigma() const {
  const bool is_deis = config_.kind == SchedulerKind::deis;
  if (!is_deis && config_.final_sigmas_type == FinalSigma::zero) return 0.0;
  const bool repeats_last = is_deis || config_.kind == SchedulerKind::unipc;
  if (repeats_last && config_.sigma_curve != SigmaCurve::model) return sigmas_.back();
  return model_sigmas_.front();
}

NoisePoint LambdaScheduler::point_of(double sigma) const {
  if (config_.sigma_curve == SigmaCurve::flow)
    return {1 - sigma, sigma, std::log(1 - sigma) - std::log(sigma)};
  const double alpha = 1 / std::sqrt(sigma * sigma + 1);
  return {alpha, sigma * alpha, -std::log(sigma)};
}

NoisePoint LambdaScheduler::point(size_t i) const {
  return point_of(sigmas_[i]);
}

at::Tensor LambdaScheduler::predict_x0(const at::Tensor& model_output, size_t i,
                                       const at::Tensor& x) {
  const NoisePoint p = point(i);
  switch (config_.prediction_type) {
    case Prediction::epsilon:
      denoised_ = (x - model_output * p.sigma) / p.alpha;
      break;
    case Prediction::v_prediction:
      denoised_ = x * p.alpha - model_output * p.sigma;
      break;
    case Prediction::flow_prediction:
      denoised_ = x - model_output * sigmas_[i];
      break;
    case Prediction::sample:
      denoised_ = model_output;
  }
  denoised_ = limit_x0(denoised_);
  return denoised_;
}

at::Tensor LambdaScheduler::predict_noise(const at::Tensor& model_output, size_t i,
                                          const at::Tensor& x) {
  const NoisePoint p = point(i);
  predict_x0(model_output, i, x);
  if (config_.prediction_type == Prediction::epsilon && !config_.thresholding) return model_output;
  if (config_.prediction_type == Prediction::v_prediction && !config_.thresholding) {
    return model_output * p.alpha + x * p.sigma;
  }
  return (x - denoised_ * p.alpha) / p.sigma;
}

bool predicts_x0(DpmAlgorithm a) {
  return a == DpmAlgorithm::dpmsolver_pp || a == DpmAlgorithm::sde_dpmsolver_pp;
}
bool is_stochastic(DpmAlgorithm a) {
  return a == DpmAlgorithm::sde_dpmsolver || a == DpmAlgorithm::sde_dpmsolver_pp;
}

DpmCoefficients dpm_coefficients(DpmAlgorithm algorithm, const NoisePoint& from,
                                 const NoisePoint& to) {
  const double h = to.lambda - from.lambda;  // infinite when the run ends without noise
  DpmCoefficients c;
  switch (algorithm) {
    case DpmAlgorithm::dpmsolver_pp: {
      const double e = std::expm1(-h);
      c.x = to.sigma / from.sigma;
      c.d0 = -to.alpha * e;
      c.d1 = to.alpha * (e / h + 1);
      c.d2 = -to.alpha * ((e + h) / (h * h) - 0.5);
      break;
    }
    case DpmAlgorithm::dpmsolver: {
      const double e = std::expm1(h);
      c.x = to.alpha / from.alpha;
      c.d0 = -to.sigma * e;
      c.d1 = -to.sigma * (e / h - 1);
      c.d2 = -to.sigma * ((e - h) / (h * h) - 0.5);
      break;
    }
    case DpmAlgorithm::sde_dpmsolver_pp: {
      const double e = -std::expm1(-2 * h);
      c.x = to.sigma / from.sigma * std::exp(-h);
      c.d0 = to.alpha * e;
      c.d1 = to.alpha * (e / (-2 * h) + 1);
      c.d2 = to.alpha * ((e - 2 * h) / (4 * h * h) - 0.5);
      c.noise = to.sigma * std::sqrt(e);
      break;
    }
    case DpmAlgorithm::sde_dpmsolver: {
      const double e = std::expm1(h);
      c.x = to.alpha / from.alpha;
      c.d0 = -2 * to.sigma * e;
      c.d1 = -2 * to.sigma * (e / h - 1);
      c.noise = to.sigma * std::sqrt(std::expm1(2 * h));
      break;
    }
  }
  c.d1_midpoint = c.d0 / 2;
  return c;
}

}  // namespace zc
