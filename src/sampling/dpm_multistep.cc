// SPDX-License-Identifier: Apache-2.0
// DPM-Solver and DPM-Solver++, multistep: "DPM++ 2M", "DPM++ 3M" and their stochastic forms.
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/error.h"
#include "sampling/families.h"
#include "sampling/lambda_scheduler.h"

namespace zc {
namespace {

class DpmMultistepScheduler : public LambdaScheduler {
 public:
  explicit DpmMultistepScheduler(const SchedulerConfig& config) : LambdaScheduler(config) {
    const bool data = predicts_x0(config.algorithm_type);
    if (!data)
      require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
    if (!data && config.final_sigmas_type == FinalSigma::zero) {
      throw Error(ErrorKind::bad_request, "final_sigmas_type",
                  "dpmsolver without ++ cannot end at zero: use sigma_min");
    }
    const int64_t highest = config.algorithm_type == DpmAlgorithm::sde_dpmsolver ? 2 : 3;
    if (config.solver_order > highest) {
      throw Error(ErrorKind::unsupported, "solver_order",
                  fmt::format("is {}, wanted 1 to {}", config.solver_order, highest));
    }
  }

 protected:
  void start_run(int64_t n) override {
    LambdaScheduler::start_run(n);
    predictions_.clear();
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    predictions_.push_front(predicts_x0(config_.algorithm_type)
                                ? predict_x0(model_output, i, x)
                                : predict_noise(model_output, i, x));
    if (static_cast<int64_t>(predictions_.size()) > config_.solver_order) predictions_.pop_back();

    const DpmCoefficients c = dpm_coefficients(config_.algorithm_type, point(i), point(i + 1));
    at::Tensor next = x * c.x + predictions_[0] * c.d0;
    const int64_t order = order_of_call(i);
    if (order == 2)
      next = next + first_derivative(i, 0) *
                        (config_.solver_type == SolverType::heun ? c.d1 : c.d1_midpoint);
    if (order == 3) next = next + third_order_terms(i, c);
    if (is_stochastic(config_.algorithm_type)) next = next + noise(x) * c.noise;
    return next;
  }

 private:
  int64_t order_of_call(size_t i) const {
    const size_t calls = timesteps_.size();
    const bool few = config_.lower_order_final && calls < 15;
    const bool last_is_first_order =
        config_.euler_at_final || few || config_.final_sigmas_type == FinalSigma::zero;
    if (i + 1 == calls && last_is_first_order) return 1;
    const int64_t order = static_cast<int64_t>(predictions_.size());
    return i + 2 == calls && few ? std::min<int64_t>(order, 2) : order;
  }

  // Difference quotient of the predictions `back` and `back + 1` calls ago, in units of this step.
  at::Tensor first_derivative(size_t i, size_t back) const {
    const double h = point(i + 1).lambda - point(i).lambda;
    const double r = (point(i - back).lambda - point(i - back - 1).lambda) / h;
    return (predictions_[back] - predictions_[back + 1]) / r;
  }

  at::Tensor third_order_terms(size_t i, const DpmCoefficients& c) const {
    const double h = point(i + 1).lambda - point(i).lambda;
    const double r0 = (point(i).lambda - point(i - 1).lambda) / h;
    const double r1 = (point(i - 1).lambda - point(i - 2).lambda) / h;
    const at::Tensor newer = first_derivative(i, 0);
    const at::Tensor change = (newer - first_derivative(i, 1)) / (r0 + r1);
    return (newer + change * r0) * c.d1 + change * c.d2;
  }

  std::deque<at::Tensor> predictions_;  // the newest first
};

}  // namespace

std::unique_ptr<Scheduler> make_dpm_multistep(const SchedulerConfig& config) {
  return std::make_unique<DpmMultistepScheduler>(config);
}

}  // namespace zc
