// SPDX-License-Identifier: Apache-2.0
// Heun's method of second order (Karras et al., 2022, algorithm 1).
#include <ATen/TensorOperators.h>

#include "sampling/families.h"
#include "sampling/sigma_scheduler.h"

namespace zc {
namespace {

class HeunScheduler : public SigmaScheduler {
 public:
  explicit HeunScheduler(const SchedulerConfig& config) : SigmaScheduler(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
    config_.log_linear_interpolation = false;
  }
  int64_t order() const override { return 2; }

 protected:
  // Every level but the first is visited twice: as the end of one step and as the start of the
  // next.
  void start_run(int64_t n) override {
    const Levels l = levels(n);
    for (size_t i = 0; i < l.sigmas.size(); ++i) {
      for (int visit = 0; visit < (i == 0 ? 1 : 2); ++visit) {
        timesteps_.push_back(as_float32(l.timesteps[i]));
        sigmas_.push_back(as_float32(l.sigmas[i]));
      }
    }
    sigmas_.push_back(0.0);
    start_x_ = at::Tensor();
    start_derivative_ = at::Tensor();
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction&) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    denoised_ = predict_x0(model_output, sigmas_[i], x);
    const at::Tensor derivative = (x - denoised_) / sigmas_[i];
    if (!start_x_.defined()) {
      start_x_ = x;
      start_derivative_ = derivative;
      return x + derivative * (sigmas_[i + 1] - sigmas_[i]);
    }
    at::Tensor next =
        start_x_ + (start_derivative_ + derivative) * ((sigmas_[i] - sigmas_[i - 1]) / 2);
    start_x_ = at::Tensor();
    start_derivative_ = at::Tensor();
    return next;
  }

 private:
  at::Tensor start_x_;  // defined between the two halves of a step
  at::Tensor start_derivative_;
};

}  // namespace

std::unique_ptr<Scheduler> make_heun(const SchedulerConfig& config) {
  return std::make_unique<HeunScheduler>(config);
}

}  // namespace zc
