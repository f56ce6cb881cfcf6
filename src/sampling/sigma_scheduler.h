// SPDX-License-Identifier: Apache-2.0
// Schedulers in the space of Karras et al. (2022), x = x0 + sigma * noise: Euler, Heun, DPM2, LMS,
// DPM++ SDE.
#pragma once

#include "sampling/scheduler.h"

namespace zc {

class SigmaScheduler : public Scheduler {
 public:
  explicit SigmaScheduler(SchedulerConfig config);

  double init_noise_sigma() const override;
  at::Tensor scale_model_input(const at::Tensor& x, double t) override;
  at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, double t) const override;

 protected:
  // Timesteps and noise levels of n steps before a solver puts its own ones between; sigma without
  // the final zero.
  struct Levels {
    std::vector<double> timesteps;
    std::vector<double> sigmas;
  };
  Levels levels(int64_t n) const;

  // The noise level of x, which the model is told, at this call.
  virtual double input_sigma(int64_t index) const { return sigmas_[static_cast<size_t>(index)]; }

  // The image in x at noise level sigma.
  at::Tensor predict_x0(const at::Tensor& model_output, double sigma, const at::Tensor& x) const;

  std::vector<float> model_sigmas_;
};

// sigma_down and sigma_up of an ancestral step: going down to sigma_down and adding noise sigma_up
// gives noise level `to`.
struct AncestralStep {
  double down = 0;
  double up = 0;
};
AncestralStep ancestral_step(double from, double to);

// The nearest float32, in which diffusers keeps its noise levels.
double as_float32(double value);

}  // namespace zc
