// SPDX-License-Identifier: Apache-2.0
// DPM-Solver++ (stochastic, single step, second order), as in k-diffusion (sample_dpmpp_sde).
#include <ATen/TensorOperators.h>

#include <cmath>

#include "sampling/families.h"
#include "sampling/schedule.h"
#include "sampling/sigma_scheduler.h"

namespace zc {
namespace {

// The reference's noise comes from a Brownian tree, so that the two halves of a step share a path.
// Here each request gets independent noise of unit variance; a caller who wants the tree can build
// it behind the NoiseFunction.
class DpmppSdeScheduler : public SigmaScheduler {
 public:
  explicit DpmppSdeScheduler(const SchedulerConfig& config) : SigmaScheduler(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction});
    config_.clip_sample = false;
    config_.log_linear_interpolation = false;
  }
  int64_t order() const override { return 2; }

 protected:
  void start_run(int64_t n) override {
    const Levels l = levels(n);
    for (size_t i = 0; i < l.sigmas.size(); ++i) {
      if (i > 0)
        timesteps_.push_back(
            timestep_of_sigma(model_sigmas_, std::sqrt(l.sigmas[i - 1] * l.sigmas[i])));
      timesteps_.push_back(l.timesteps[i]);
      sigmas_.insert(sigmas_.end(), i == 0 ? 1 : 2, as_float32(l.sigmas[i]));
    }
    sigmas_.push_back(0.0);
    start_x_ = at::Tensor();
  }

  double input_sigma(int64_t index) const override {
    const auto i = static_cast<size_t>(index);
    return index % 2 == 0 ? sigmas_[i] : middle_sigma(i);
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    const bool first_half = i % 2 == 0;
    denoised_ = predict_x0(model_output, input_sigma(static_cast<int64_t>(i)), x);
    const double from = first_half ? sigmas_[i] : sigmas_[i - 1];
    const double end = first_half ? sigmas_[i + 1] : sigmas_[i];
    if (end == 0) return denoised_;  // an Euler step to zero

    const AncestralStep to = ancestral_step(from, first_half ? middle_sigma(i + 1) : end);
    const double ratio = to.down / from;
    const at::Tensor& start = first_half ? x : start_x_;
    at::Tensor next =
        start * ratio + denoised_ * (1 - ratio) + noise(x) * (config_.s_noise * to.up);
    start_x_ = first_half ? x : at::Tensor();
    return next;
  }

 private:
  // Half of the step that ends at call i (odd), in the logarithm of sigma.
  double middle_sigma(size_t i) const { return std::sqrt(sigmas_[i - 1] * sigmas_[i]); }

  at::Tensor start_x_;
};

}  // namespace

std::unique_ptr<Scheduler> make_dpmpp_sde(const SchedulerConfig& config) {
  return std::make_unique<DpmppSdeScheduler>(config);
}

}  // namespace zc
