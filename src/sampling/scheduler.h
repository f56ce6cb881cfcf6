// SPDX-License-Identifier: Apache-2.0
// What all schedulers have in common. One loop drives any of them:
//   scheduler->set_timesteps(n);
//   x = noise * scheduler->init_noise_sigma();
//   for (double t : scheduler->timesteps()) x =
//   scheduler->step(model(scheduler->scale_model_input(x, t), t), t, x, noise);
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "sampling/denoiser.h"
#include "sampling/scheduler_config.h"

namespace zc {

// Keeps the state of one run. Latents are float32 on any device; x and the model's output have the
// same shape.
class Scheduler {
 public:
  // Throws ErrorKind::bad_request or unsupported when the kind cannot do what the configuration
  // asks for.
  explicit Scheduler(SchedulerConfig config);
  virtual ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  const SchedulerConfig& config() const { return config_; }

  // Starts a new run of `n` steps. The number of model calls is timesteps().size(), which may
  // differ.
  void set_timesteps(int64_t n);

  // One for each call of the model, in order.
  const std::vector<double>& timesteps() const { return timesteps_; }

  // The noise levels of the run, the final one included; empty for the schedulers that do not use
  // them.
  const std::vector<double>& sigmas() const { return sigmas_; }

  // Model calls for one step of the user's count (except for the first or last step).
  virtual int64_t order() const { return 1; }

  // What unit noise must be multiplied with to be the first x.
  virtual double init_noise_sigma() const { return 1.0; }

  // What the model wants to see instead of x. Call it once before each step().
  virtual at::Tensor scale_model_input(const at::Tensor& x, double t);

  // x at the next timestep, from the model's output for the scaled x at timestep t.
  at::Tensor step(const at::Tensor& model_output, double t, const at::Tensor& x,
                  const NoiseFunction& noise);

  // The image that the last step() saw in x, for previews; for LCM also the result. Undefined
  // before the first step.
  const at::Tensor& denoised() const { return denoised_; }

  // x0 with the noise of timestep t of this run.
  virtual at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, double t) const = 0;

  // Image to image: where a run begins that changes only the last part (0 to 1) of it.
  virtual int64_t begin_index(double strength) const;

  // Makes the run begin at timesteps()[index] and returns x0 with the noise that belongs there.
  // Call before the first step.
  virtual at::Tensor begin_at(int64_t index, const at::Tensor& x0, const at::Tensor& noise);

 protected:
  // Fills timesteps_ and sigmas_ and forgets the state of the last run.
  virtual void start_run(int64_t n) = 0;
  virtual at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                             const NoiseFunction& noise) = 0;

  // Position of the current call in timesteps(); the first call looks its timestep up.
  int64_t index_of_call(double t);
  // The call that timestep t means: the current one if it has this timestep, else where diffusers
  // finds it, which is its second place if it occurs more than once.
  int64_t index_of_timestep(double t) const;

  // Throws ErrorKind::unsupported unless the model predicts one of these.
  void require_prediction(std::initializer_list<Prediction> known) const;

  // The predicted image after thresholding or clipping, as configured.
  at::Tensor limit_x0(const at::Tensor& x0) const;

  double alpha_cumprod(int64_t t) const;

  SchedulerConfig config_;
  int64_t steps_ = 0;  // as asked for
  std::vector<float> alphas_cumprod_;
  std::vector<double> timesteps_;
  std::vector<double> sigmas_;
  at::Tensor denoised_;

 private:
  int64_t index_ = -1;
};

std::unique_ptr<Scheduler> make_scheduler(const SchedulerConfig& config);

}  // namespace zc
