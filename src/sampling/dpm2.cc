// SPDX-License-Identifier: Apache-2.0
// DPM-Solver-2 in sigma space and its ancestral form, as in k-diffusion (sample_dpm_2,
// sample_dpm_2_ancestral).
#include <ATen/TensorOperators.h>

#include <cmath>

#include "sampling/families.h"
#include "sampling/schedule.h"
#include "sampling/sigma_scheduler.h"

namespace zc {
namespace {

double geometric_mean(double a, double b) {
  return std::exp((std::log(a) + std::log(b)) / 2);
}

// Each step evaluates the model at its start and at a point between. The last one goes straight to
// zero.
class Dpm2Scheduler : public SigmaScheduler {
 public:
  explicit Dpm2Scheduler(const SchedulerConfig& config)
      : SigmaScheduler(config), ancestral_(config.kind == SchedulerKind::dpm2_a) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction});
    config_.clip_sample = false;
    config_.log_linear_interpolation = false;
  }
  int64_t order() const override { return 2; }

 protected:
  void start_run(int64_t n) override {
    Levels l = levels(n);
    for (double& s : l.sigmas) s = as_float32(s);
    steps_to_.clear();
    for (size_t i = 0; i < l.sigmas.size(); ++i) {
      const bool last = i + 1 == l.sigmas.size();
      const AncestralStep to = last         ? AncestralStep{}
                               : ancestral_ ? ancestral_step(l.sigmas[i], l.sigmas[i + 1])
                                            : AncestralStep{.down = l.sigmas[i + 1], .up = 0};
      const double middle = last ? 0.0 : as_float32(geometric_mean(l.sigmas[i], to.down));
      steps_to_.push_back({.sigma = l.sigmas[i], .middle = middle, .to = to});
      timesteps_.push_back(l.timesteps[i]);
      if (!last) timesteps_.push_back(timestep_of_sigma(model_sigmas_, middle));
    }
    // In diffusers' layout: each level but the first stands twice, as the end of one step and as
    // the start of the next.
    sigmas_.push_back(l.sigmas[0]);
    for (size_t i = 1; i < l.sigmas.size(); ++i) sigmas_.insert(sigmas_.end(), 2, l.sigmas[i]);
    sigmas_.insert(sigmas_.end(), 3, 0.0);
    if (config_.sigma_curve == SigmaCurve::model) {
      for (double& t : timesteps_) t = as_float32(t);
    }
    start_x_ = at::Tensor();
  }

  double input_sigma(int64_t index) const override {
    const Step& s = step_at(static_cast<size_t>(index));
    return index % 2 == 0 ? s.sigma : s.middle;
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    const Step& s = step_at(i);
    if (i % 2 == 0) {
      denoised_ = predict_x0(model_output, s.sigma, x);
      start_x_ = x;
      return x + (x - denoised_) * ((s.middle - s.sigma) / s.sigma);
    }
    denoised_ = predict_x0(model_output, s.middle, x);
    at::Tensor next = start_x_ + (x - denoised_) * ((s.to.down - s.sigma) / s.middle);
    start_x_ = at::Tensor();
    return ancestral_ ? next + noise(x) * s.to.up : next;
  }

 private:
  struct Step {
    double sigma;
    double middle;
    AncestralStep to;
  };
  const Step& step_at(size_t call) const { return steps_to_[call / 2]; }

  bool ancestral_;
  std::vector<Step> steps_to_;
  at::Tensor start_x_;
};

}  // namespace

std::unique_ptr<Scheduler> make_dpm2(const SchedulerConfig& config) {
  return std::make_unique<Dpm2Scheduler>(config);
}

}  // namespace zc
