// SPDX-License-Identifier: Apache-2.0
// Linear multistep (Adams-Bashforth with uneven steps), as in k-diffusion (sample_lms).
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>

#include "sampling/families.h"
#include "sampling/sigma_scheduler.h"

namespace zc {
namespace {

class LmsScheduler : public SigmaScheduler {
 public:
  explicit LmsScheduler(const SchedulerConfig& config) : SigmaScheduler(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
    config_.clip_sample = false;
    config_.log_linear_interpolation = false;
  }

 protected:
  void start_run(int64_t n) override {
    Levels l = levels(n);
    timesteps_ = std::move(l.timesteps);
    sigmas_ = std::move(l.sigmas);
    sigmas_.push_back(0.0);
    for (double& t : timesteps_) t = as_float32(t);
    for (double& s : sigmas_) s = as_float32(s);
    derivatives_.clear();
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction&) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    denoised_ = predict_x0(model_output, sigmas_[i], x);
    derivatives_.push_front((x - denoised_) / sigmas_[i]);
    if (derivatives_.size() > static_cast<size_t>(config_.lms_order)) derivatives_.pop_back();
    at::Tensor next = x;
    for (size_t k = 0; k < derivatives_.size(); ++k)
      next = next + derivatives_[k] * coefficient(i, k, derivatives_.size());
    return next;
  }

 private:
  // Integral over the step of the Lagrange polynomial that is 1 at the k-th last level and 0 at the
  // others. Its degree is at most 7, for which four Gauss points are exact.
  double coefficient(size_t i, size_t k, size_t order) const {
    constexpr std::array<double, 2> points = {0.33998104358485626, 0.86113631159405258};
    constexpr std::array<double, 2> weights = {0.65214515486254614, 0.34785484513745386};
    const double middle = (sigmas_[i] + sigmas_[i + 1]) / 2;
    const double half = (sigmas_[i + 1] - sigmas_[i]) / 2;
    const auto polynomial = [&](double sigma) {
      double product = 1;
      for (size_t j = 0; j < order; ++j) {
        if (j != k) product *= (sigma - sigmas_[i - j]) / (sigmas_[i - k] - sigmas_[i - j]);
      }
      return product;
    };
    double sum = 0;
    for (size_t p = 0; p < points.size(); ++p) {
      sum += weights[p] *
             (polynomial(middle - half * points[p]) + polynomial(middle + half * points[p]));
    }
    return sum * half;
  }

  std::deque<at::Tensor> derivatives_;  // the newest first
};

}  // namespace

std::unique_ptr<Scheduler> make_lms(const SchedulerConfig& config) {
  return std::make_unique<LmsScheduler>(config);
}

}  // namespace zc
