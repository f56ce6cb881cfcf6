// SPDX-License-Identifier: Apache-2.0
// Euler (with the optional churn of Karras et al., 2022, algorithm 2) and Euler ancestral.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sampling/families.h"
#include "sampling/sigma_scheduler.h"

namespace zc {
namespace {

class EulerBase : public SigmaScheduler {
 public:
  using SigmaScheduler::SigmaScheduler;

 protected:
  void start_run(int64_t n) override {
    Levels l = levels(n);
    timesteps_ = std::move(l.timesteps);
    sigmas_ = std::move(l.sigmas);
    const bool to_zero =
        config_.kind == SchedulerKind::euler_a || config_.final_sigmas_type == FinalSigma::zero;
    sigmas_.push_back(to_zero ? 0.0 : static_cast<double>(model_sigmas_.front()));
    for (double& s : sigmas_) s = as_float32(s);
    if (config_.continuous_timesteps && config_.prediction_type == Prediction::v_prediction) {
      for (size_t i = 0; i < timesteps_.size(); ++i) timesteps_[i] = 0.25 * std::log(sigmas_[i]);
    }
    for (double& t : timesteps_) t = as_float32(t);
  }
};

class EulerScheduler : public EulerBase {
 public:
  explicit EulerScheduler(const SchedulerConfig& config) : EulerBase(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
    config_.clip_sample = false;
  }

 protected:
  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x_in,
                     const NoiseFunction& noise) override {
    at::Tensor x = x_in;
    const auto i = static_cast<size_t>(index_of_call(t));
    const double sigma = sigmas_[i];
    const bool churns = config_.s_tmin <= sigma && sigma <= config_.s_tmax;
    const double gamma = churns
                             ? std::min(config_.s_churn / static_cast<double>(sigmas_.size() - 1),
                                        std::numbers::sqrt2 - 1)
                             : 0.0;
    const double raised = sigma * (gamma + 1);
    if (gamma > 0)
      x = x + noise(x) * (config_.s_noise * std::sqrt(raised * raised - sigma * sigma));
    // As in diffusers: eps is multiplied with the raised noise level, v with the original one.
    denoised_ = predict_x0(model_output,
                           config_.prediction_type == Prediction::epsilon ? raised : sigma, x);
    return x + (x - denoised_) * ((sigmas_[i + 1] - raised) / raised);
  }
};

class EulerAncestralScheduler : public EulerBase {
 public:
  explicit EulerAncestralScheduler(const SchedulerConfig& config) : EulerBase(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction});
    config_.clip_sample = false;
    config_.continuous_timesteps = false;
    config_.log_linear_interpolation = false;
  }

 protected:
  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    const double sigma = sigmas_[i];
    const AncestralStep to = ancestral_step(sigma, sigmas_[i + 1]);
    denoised_ = predict_x0(model_output, sigma, x);
    // The last step draws noise, too, and multiplies it with zero.
    return x + (x - denoised_) * ((to.down - sigma) / sigma) + noise(x) * to.up;
  }
};

}  // namespace

std::unique_ptr<Scheduler> make_euler(const SchedulerConfig& config) {
  if (config.kind == SchedulerKind::euler_a)
    return std::make_unique<EulerAncestralScheduler>(config);
  return std::make_unique<EulerScheduler>(config);
}

}  // namespace zc
