// SPDX-License-Identifier: Apache-2.0
// The common part of DDIM, DDPM, PNDM and LCM.
#include "sampling/alpha_scheduler.h"

#include <ATen/TensorOperators.h>

#include <cmath>

#include "sampling/schedule.h"

namespace zc {

at::Tensor AlphaScheduler::add_noise(const at::Tensor& x0, const at::Tensor& noise,
                                     double t) const {
  const double alpha = alpha_cumprod(static_cast<int64_t>(t));
  return x0 * std::sqrt(alpha) + noise * std::sqrt(1 - alpha);
}

void AlphaScheduler::start_run(int64_t n) {
  timesteps_ = spaced_timesteps(config_, n);
  for (double& t : timesteps_) t = std::nearbyint(t);
}

at::Tensor AlphaScheduler::predict_x0(const at::Tensor& model_output, double alpha,
                                      const at::Tensor& x) const {
  const double signal = std::sqrt(alpha);
  const double noise = std::sqrt(1 - alpha);
  switch (config_.prediction_type) {
    case Prediction::sample:
      return limit_x0(model_output);
    case Prediction::v_prediction:
      return limit_x0(x * signal - model_output * noise);
    default:
      return limit_x0((x - model_output * noise) / signal);
  }
}

double AlphaScheduler::alpha_or_final(int64_t t) const {
  if (t >= 0) return alpha_cumprod(t);
  return config_.set_alpha_to_one ? 1.0 : alphas_cumprod_[0];
}

}  // namespace zc
