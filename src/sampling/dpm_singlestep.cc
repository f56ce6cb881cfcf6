// SPDX-License-Identifier: Apache-2.0
// DPM-Solver and DPM-Solver++, single step: "DPM++ 2S" and "DPM++ 3S". Steps come in groups of 1,
// 2, 3 of growing order; each member of a group starts anew from the group's first x.
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "sampling/families.h"
#include "sampling/lambda_scheduler.h"

namespace zc {
namespace {

SchedulerConfig with_linspace(SchedulerConfig config) {
  config.timestep_spacing = TimestepSpacing::linspace;  // the only one that it knows
  config.steps_offset = 0;
  return config;
}

class DpmSinglestepScheduler : public LambdaScheduler {
 public:
  explicit DpmSinglestepScheduler(const SchedulerConfig& config)
      : LambdaScheduler(with_linspace(config)) {
    const bool data = predicts_x0(config.algorithm_type);
    if (config.algorithm_type == DpmAlgorithm::sde_dpmsolver) {
      throw Error(ErrorKind::unsupported, "algorithm_type",
                  "sde-dpmsolver has no single-step form: use sde-dpmsolver++");
    }
    if (!data)
      require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
    if (!data && config.final_sigmas_type == FinalSigma::zero) {
      throw Error(ErrorKind::bad_request, "final_sigmas_type",
                  "dpmsolver without ++ cannot end at zero: use sigma_min");
    }
    if (config.solver_order > 3) {
      throw Error(ErrorKind::unsupported, "solver_order",
                  fmt::format("is {}, wanted 1 to 3", config.solver_order));
    }
  }

 protected:
  void start_run(int64_t n) override {
    LambdaScheduler::start_run(n);
    orders_ = make_orders(static_cast<int64_t>(timesteps_.size()));
    predictions_.clear();
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    predictions_.push_back(predicts_x0(config_.algorithm_type) ? predict_x0(model_output, i, x)
                                                               : predict_noise(model_output, i, x));
    // A run that begins in the middle of a group has too few predictions at first.
    const size_t order = std::min(static_cast<size_t>(orders_[i]), predictions_.size());
    if (order == 1) start_x_ = x;
    if (predictions_.size() > static_cast<size_t>(config_.solver_order))
      predictions_.erase(predictions_.begin());

    const DpmCoefficients c =
        dpm_coefficients(config_.algorithm_type, point(i + 1 - order), point(i + 1));
    at::Tensor next = start_x_ * c.x + predictions_[predictions_.size() - order] * c.d0;
    if (order == 2) next = next + second_order_term(i, c);
    if (order == 3) next = next + third_order_terms(i, c);
    if (is_stochastic(config_.algorithm_type)) next = next + noise(x) * c.noise;
    return next;
  }

 private:
  std::vector<int64_t> make_orders(int64_t steps) const {
    const int64_t order = config_.solver_order;
    // Without lower_order_final diffusers still lowers the order when the groups do not fit or the
    // run ends at zero.
    const bool lower = config_.lower_order_final || steps % order != 0 ||
                       config_.final_sigmas_type == FinalSigma::zero;
    std::vector<int64_t> orders;
    for (int64_t i = 0; i < steps; ++i) orders.push_back(i % order + 1);
    if (lower) {
      if (order == 3 && steps % 3 == 0) orders.back() = 1;
      if (order == 2 && steps % 2 == 0) orders.back() = 1;
    }
    if (config_.final_sigmas_type == FinalSigma::zero) orders.back() = 1;
    return orders;
  }

  // The prediction at the start of call `i`, where `last` is the current call.
  const at::Tensor& prediction(size_t last, size_t i) const {
    return predictions_[predictions_.size() - 1 - (last - i)];
  }

  // Derivative between calls `a` and `b`, in units of the whole step that begins at `a`.
  at::Tensor derivative(size_t last, size_t a, size_t b) const {
    const double h = point(last + 1).lambda - point(a).lambda;
    return (prediction(last, b) - prediction(last, a)) / ((point(b).lambda - point(a).lambda) / h);
  }

  at::Tensor second_order_term(size_t i, const DpmCoefficients& c) const {
    return derivative(i, i - 1, i) *
           (config_.solver_type == SolverType::heun ? c.d1 : c.d1_midpoint);
  }

  at::Tensor third_order_terms(size_t i, const DpmCoefficients& c) const {
    const size_t first = i - 2;
    const at::Tensor wide = derivative(i, first, i);
    if (config_.solver_type != SolverType::heun) return wide * c.d1;
    const at::Tensor narrow = derivative(i, first, i - 1);
    const double h = point(i + 1).lambda - point(first).lambda;
    const double r0 = (point(i).lambda - point(first).lambda) / h;
    const double r1 = (point(i - 1).lambda - point(first).lambda) / h;
    const at::Tensor slope = (narrow * r0 - wide * r1) / (r0 - r1);
    const at::Tensor bend = (wide - narrow) * (2 / (r0 - r1));
    return slope * c.d1 + bend * c.d2;
  }

  std::vector<int64_t> orders_;
  std::vector<at::Tensor> predictions_;  // the newest last
  at::Tensor start_x_;                   // x at the start of the group
};

}  // namespace

std::unique_ptr<Scheduler> make_dpm_singlestep(const SchedulerConfig& config) {
  return std::make_unique<DpmSinglestepScheduler>(config);
}

}  // namespace zc
