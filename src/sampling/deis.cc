// SPDX-License-Identifier: Apache-2.0
// DEIS in log-rho (Zhang and Chen, "Fast sampling of diffusion models with exponential integrator",
// 2022), multistep.
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "base/error.h"
#include "sampling/families.h"
#include "sampling/lambda_scheduler.h"

namespace zc {
namespace {

// Antiderivatives in t of the Lagrange polynomials in log(t): 1 at b, 0 at the other points.
double integral_of_two(double t, double b, double c) {
  return t * (-std::log(c) + std::log(t) - 1) / (std::log(b) - std::log(c));
}
double integral_of_three(double t, double b, double c, double d) {
  const double lt = std::log(t), lc = std::log(c), ld = std::log(d);
  const double numerator = t * (lc * (ld - lt + 1) - ld * lt + ld + lt * lt - 2 * lt + 2);
  return numerator / ((std::log(b) - lc) * (std::log(b) - ld));
}

class DeisScheduler : public LambdaScheduler {
 public:
  explicit DeisScheduler(const SchedulerConfig& config) : LambdaScheduler(config) {
    if (config.solver_order > 3) {
      throw Error(ErrorKind::unsupported, "solver_order",
                  fmt::format("is {}, wanted 1 to 3", config.solver_order));
    }
  }

 protected:
  void start_run(int64_t n) override {
    LambdaScheduler::start_run(n);
    predictions_.clear();
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction&) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    const NoisePoint from = point(i);
    const NoisePoint to = point(i + 1);
    predictions_.push_front((x - predict_x0(model_output, i, x) * from.alpha) / from.sigma);
    if (static_cast<int64_t>(predictions_.size()) > config_.solver_order) predictions_.pop_back();

    const int64_t order = order_of_call(i);
    if (order == 1) {
      const DpmCoefficients c = dpm_coefficients(DpmAlgorithm::dpmsolver, from, to);
      return x * c.x + predictions_[0] * c.d0;
    }
    at::Tensor sum = x / from.alpha;
    const std::vector<double> c = coefficients(i, order);
    for (size_t k = 0; k < c.size(); ++k) sum = sum + predictions_[k] * c[k];
    return sum * to.alpha;
  }

 private:
  int64_t order_of_call(size_t i) const {
    const int64_t order = static_cast<int64_t>(predictions_.size());
    const size_t calls = timesteps_.size();
    if (!config_.lower_order_final || calls >= 15) return order;
    if (i + 1 == calls) return 1;
    return i + 2 == calls ? std::min<int64_t>(order, 2) : order;
  }

  // Weights of the newest predictions, from the noise-to-signal ratios at their calls.
  std::vector<double> coefficients(size_t i, int64_t order) const {
    const auto rho = [this](size_t call) { return point(call).sigma / point(call).alpha; };
    const double end = rho(i + 1), s0 = rho(i), s1 = rho(i - 1);
    if (order == 2) {
      return {integral_of_two(end, s0, s1) - integral_of_two(s0, s0, s1),
              integral_of_two(end, s1, s0) - integral_of_two(s0, s1, s0)};
    }
    const double s2 = rho(i - 2);
    return {integral_of_three(end, s0, s1, s2) - integral_of_three(s0, s0, s1, s2),
            integral_of_three(end, s1, s2, s0) - integral_of_three(s0, s1, s2, s0),
            integral_of_three(end, s2, s0, s1) - integral_of_three(s0, s2, s0, s1)};
  }

  std::deque<at::Tensor> predictions_;  // of the noise, the newest first
};

}  // namespace

std::unique_ptr<Scheduler> make_deis(const SchedulerConfig& config) {
  return std::make_unique<DeisScheduler>(config);
}

}  // namespace zc
