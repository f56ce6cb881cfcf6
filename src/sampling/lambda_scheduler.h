// SPDX-License-Identifier: Apache-2.0
// Solvers in the half logarithm of the signal-to-noise ratio, x = alpha x0 + sigma noise, lambda =
// log(alpha / sigma): DPM-Solver, DEIS, UniPC.
#pragma once

#include <cstddef>

#include "sampling/scheduler.h"

namespace zc {

struct NoisePoint {
  double alpha;
  double sigma;
  double lambda;
};

class LambdaScheduler : public Scheduler {
 public:
  explicit LambdaScheduler(SchedulerConfig config);

  at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, double t) const override;

 protected:
  void start_run(int64_t n) override;

  // At the start of call i; i = timesteps().size() is the end of the run.
  NoisePoint point(size_t i) const;

  // The image and the noise in x at the start of call i. Both remember the image for denoised().
  at::Tensor predict_x0(const at::Tensor& model_output, size_t i, const at::Tensor& x);
  at::Tensor predict_noise(const at::Tensor& model_output, size_t i, const at::Tensor& x);

 private:
  void use_curve(int64_t n);
  void use_flow(int64_t n);
  double final_sigma() const;
  NoisePoint point_of(double sigma) const;

  std::vector<float> model_sigmas_;
};

// x at `to`, from x at `from`: x * c.x + D0 * c.d0 + D1 * c.d1 + D2 * c.d2 + noise * c.noise, where
// D0, D1, D2 are the model's prediction at `from` and its derivatives (Lu et al., "DPM-Solver++",
// 2022, and its appendix for the stochastic forms). `d1_midpoint` is the cheaper weight of D1 in
// the midpoint form.
struct DpmCoefficients {
  double x = 0;
  double d0 = 0;
  double d1_midpoint = 0;
  double d1 = 0;
  double d2 = 0;
  double noise = 0;
};
DpmCoefficients dpm_coefficients(DpmAlgorithm algorithm, const NoisePoint& from,
                                 const NoisePoint& to);

bool predicts_x0(DpmAlgorithm algorithm);
bool is_stochastic(DpmAlgorithm algorithm);

}  // namespace zc
