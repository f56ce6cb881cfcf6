// SPDX-License-Identifier: Apache-2.0
// Latent consistency models (Luo et al., 2023).
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "sampling/alpha_scheduler.h"
#include "sampling/families.h"

namespace zc {
namespace {

class LcmScheduler : public AlphaScheduler {
 public:
  explicit LcmScheduler(const SchedulerConfig& config) : AlphaScheduler(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
    if (config.original_inference_steps > config.num_train_timesteps) {
      throw Error(ErrorKind::bad_request, "original_inference_steps",
                  fmt::format("is {}, the training had {} timesteps",
                              config.original_inference_steps, config.num_train_timesteps));
    }
  }

 protected:
  // A subset of the timesteps that the model was distilled on.
  void start_run(int64_t n) override {
    const int64_t original = config_.original_inference_steps;
    if (n > original) {
      throw Error(
          ErrorKind::bad_request, "steps",
          fmt::format("is {}, this consistency model was distilled with {} steps: take 4 to 8", n,
                      original));
    }
    const int64_t spacing = config_.num_train_timesteps / original;
    for (int64_t i = 0; i < n; ++i) {
      const auto skipped = static_cast<int64_t>(std::floor(
          static_cast<double>(i) * (static_cast<double>(original) / static_cast<double>(n))));
      timesteps_.push_back(static_cast<double>((original - skipped) * spacing - 1));
    }
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const size_t next_index = static_cast<size_t>(index_of_call(t)) + 1;
    const at::Tensor x0 = predict_x0(model_output, alpha_cumprod(static_cast<int64_t>(t)), x);

    // Scalings that make the function the identity at t = 0 (Song et al., "Consistency models",
    // 2023, appendix C).
    constexpr double sigma_data = 0.5;
    const double scaled_t = t * config_.timestep_scaling;
    const double variance = scaled_t * scaled_t + sigma_data * sigma_data;
    denoised_ = x0 * (scaled_t / std::sqrt(variance)) + x * (sigma_data * sigma_data / variance);
    if (next_index >= timesteps_.size()) return denoised_;

    const double alpha_prev = alpha_or_final(static_cast<int64_t>(timesteps_[next_index]));
    return denoised_ * std::sqrt(alpha_prev) + noise(x) * std::sqrt(1 - alpha_prev);
  }
};

}  // namespace

std::unique_ptr<Scheduler> make_lcm(const SchedulerConfig& config) {
  return std::make_unique<LcmScheduler>(config);
}

}  // namespace zc
