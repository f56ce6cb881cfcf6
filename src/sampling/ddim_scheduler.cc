// SPDX-License-Identifier: Apache-2.0
// DDIM as diffusers has it (Song et al., "Denoising diffusion implicit models", 2020). The
// original's own is in ddim.cc.
#include <ATen/TensorOperators.h>

#include <cmath>

#include "sampling/alpha_scheduler.h"
#include "sampling/families.h"

namespace zc {
namespace {

class DdimScheduler : public AlphaScheduler {
 public:
  explicit DdimScheduler(const SchedulerConfig& config) : AlphaScheduler(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
  }

 protected:
  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const int64_t timestep = static_cast<int64_t>(t);
    const double alpha = alpha_cumprod(timestep);
    const double alpha_prev = alpha_or_final(timestep - step_size());

    denoised_ = predict_x0(model_output, alpha, x);
    const double variance = (1 - alpha_prev) / (1 - alpha) * (1 - alpha / alpha_prev);
    const double deviation = config_.eta * std::sqrt(variance);
    at::Tensor next =
        denoised_ * std::sqrt(alpha_prev) +
        epsilon(model_output, alpha, x) * std::sqrt(1 - alpha_prev - deviation * deviation);
    if (config_.eta > 0) next = next + noise(x) * deviation;
    return next;
  }

 private:
  // The noise in x. Without use_clipped_model_output it does not know that the image was limited.
  at::Tensor epsilon(const at::Tensor& model_output, double alpha, const at::Tensor& x) const {
    if (config_.use_clipped_model_output)
      return (x - denoised_ * std::sqrt(alpha)) / std::sqrt(1 - alpha);
    switch (config_.prediction_type) {
      case Prediction::sample:
        return (x - model_output * std::sqrt(alpha)) / std::sqrt(1 - alpha);
      case Prediction::v_prediction:
        return model_output * std::sqrt(alpha) + x * std::sqrt(1 - alpha);
      default:
        return model_output;
    }
  }
};

}  // namespace

std::unique_ptr<Scheduler> make_ddim(const SchedulerConfig& config) {
  return std::make_unique<DdimScheduler>(config);
}

}  // namespace zc
