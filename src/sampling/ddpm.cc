// SPDX-License-Identifier: Apache-2.0
// Ancestral sampling (Ho et al., "Denoising diffusion probabilistic models", 2020), steps skipped
// as in diffusers.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "sampling/alpha_scheduler.h"
#include "sampling/families.h"

namespace zc {
namespace {

class DdpmScheduler : public AlphaScheduler {
 public:
  explicit DdpmScheduler(const SchedulerConfig& config) : AlphaScheduler(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
  }

 protected:
  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const size_t next_index = static_cast<size_t>(index_of_call(t)) + 1;
    const double alpha = alpha_cumprod(static_cast<int64_t>(t));
    const double alpha_prev = next_index < timesteps_.size()
                                  ? alpha_cumprod(static_cast<int64_t>(timesteps_[next_index]))
                                  : 1.0;
    const double current_alpha = alpha / alpha_prev;
    const double current_beta = 1 - current_alpha;

    denoised_ = predict_x0(model_output, alpha, x);
    // Formula (7).
    at::Tensor mean = denoised_ * (std::sqrt(alpha_prev) * current_beta / (1 - alpha)) +
                      x * (std::sqrt(current_alpha) * (1 - alpha_prev) / (1 - alpha));
    if (t <= 0) return mean;
    return mean + noise(x) * deviation((1 - alpha_prev) / (1 - alpha) * current_beta, current_beta);
  }

 private:
  double deviation(double variance, double current_beta) const {
    variance = std::max(variance, 1e-20);
    switch (config_.variance_type) {
      case VarianceType::fixed_small:
      case VarianceType::fixed_small_log:
        return std::sqrt(variance);
      case VarianceType::fixed_large:
        return std::sqrt(current_beta);
      case VarianceType::fixed_large_log:
        break;
    }
    // diffusers takes the root of the logarithm here, which is not a number; this is what is meant.
    return std::sqrt(current_beta);
  }
};

}  // namespace

std::unique_ptr<Scheduler> make_ddpm(const SchedulerConfig& config) {
  return std::make_unique<DdpmScheduler>(config);
}

}  // namespace zc
