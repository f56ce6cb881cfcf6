// SPDX-License-Identifier: Apache-2.0
// The common part of the schedulers of the form x = x0 + sigma * noise.
#include "sampling/sigma_scheduler.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "sampling/schedule.h"

namespace zc {

double as_float32(double value) {
  return static_cast<double>(static_cast<float>(value));
}

SigmaScheduler::SigmaScheduler(SchedulerConfig config)
    : Scheduler(std::move(config)), model_sigmas_(model_sigmas(alphas_cumprod_)) {
  config_.thresholding = false;  // none of these schedulers does it
  if (config_.sigma_curve == SigmaCurve::lu || config_.sigma_curve == SigmaCurve::flow) {
    throw Error(ErrorKind::unsupported, "sampler",
                "this scheduler spreads noise levels as karras, exponential or beta only");
  }
}

double SigmaScheduler::init_noise_sigma() const {
  const double largest = as_float32(*std::max_element(sigmas_.begin(), sigmas_.end()));
  if (config_.timestep_spacing != TimestepSpacing::leading) return largest;
  return std::sqrt(largest * largest + 1);
}

at::Tensor SigmaScheduler::scale_model_input(const at::Tensor& x, double t) {
  const double sigma = input_sigma(index_of_call(t));
  return x / std::sqrt(sigma * sigma + 1);
}

at::Tensor SigmaScheduler::add_noise(const at::Tensor& x0, const at::Tensor& noise,
                                     double t) const {
  return x0 + noise * input_sigma(index_of_timestep(t));
}

SigmaScheduler::Levels SigmaScheduler::levels(int64_t n) const {
  Levels l;
  l.timesteps = spaced_timesteps(config_, n);
  // All but DPM++ SDE keep them in float32.
  if (config_.kind != SchedulerKind::dpmpp_sde) {
    for (double& t : l.timesteps) t = as_float32(t);
  }
  for (double t : l.timesteps) l.sigmas.push_back(sigma_at(model_sigmas_, t));
  if (config_.log_linear_interpolation) {
    // One level more than timesteps: the last step ends at the model's lowest level, not at the
    // final one.
    l.sigmas =
        curved_sigmas(SigmaCurve::exponential, model_sigmas_.back(), model_sigmas_.front(), n + 1);
  }
  if (config_.sigma_curve == SigmaCurve::model) return l;

  // These two spread Karras' levels over the whole run whatever the bounds say.
  const bool unbounded =
      config_.sigma_curve == SigmaCurve::karras &&
      (config_.kind == SchedulerKind::lms || config_.kind == SchedulerKind::dpmpp_sde);
  const double high = unbounded ? l.sigmas.front() : config_.sigma_max.value_or(l.sigmas.front());
  const double low = unbounded ? l.sigmas.back() : config_.sigma_min.value_or(l.sigmas.back());
  l.sigmas = curved_sigmas(config_.sigma_curve, high, low, n);
  const bool rounded =
      config_.sigma_curve == SigmaCurve::karras &&
      (config_.kind == SchedulerKind::dpm2 || config_.kind == SchedulerKind::dpm2_a);
  for (size_t i = 0; i < l.sigmas.size(); ++i) {
    const double t = timestep_of_sigma(model_sigmas_, l.sigmas[i]);
    l.timesteps[i] = rounded ? std::nearbyint(t) : t;
  }
  return l;
}

at::Tensor SigmaScheduler::predict_x0(const at::Tensor& model_output, double sigma,
                                      const at::Tensor& x) const {
  const double square = sigma * sigma + 1;
  switch (config_.prediction_type) {
    case Prediction::sample:
      return limit_x0(model_output);
    case Prediction::v_prediction:
      return limit_x0(model_output * (-sigma / std::sqrt(square)) + x / square);
    default:
      return limit_x0(x - model_output * sigma);
  }
}

AncestralStep ancestral_step(double from, double to) {
  const double up =
      std::min(to, std::sqrt(std::max(0.0, to * to * (from * from - to * to) / (from * from))));
  return {.down = std::sqrt(std::max(0.0, to * to - up * up)), .up = up};
}

}  // namespace zc
