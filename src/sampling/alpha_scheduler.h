// SPDX-License-Identifier: Apache-2.0
// Schedulers that think in cumulative alphas and whole timesteps: DDIM, DDPM, PNDM, LCM.
#pragma once

#include "sampling/scheduler.h"

namespace zc {

class AlphaScheduler : public Scheduler {
 public:
  using Scheduler::Scheduler;

  at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, double t) const override;

 protected:
  void start_run(int64_t n) override;

  // The image in x at timestep t, limited as configured.
  at::Tensor predict_x0(const at::Tensor& model_output, double alpha, const at::Tensor& x) const;

  // alpha of t, or of the end of the run when t < 0.
  double alpha_or_final(int64_t t) const;

  // What one step lowers the timestep by.
  int64_t step_size() const { return config_.num_train_timesteps / steps_; }
};

}  // namespace zc
