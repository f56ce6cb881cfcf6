// SPDX-License-Identifier: Apache-2.0
// The common part of all schedulers, and which class serves which kind.
#include "sampling/scheduler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/quantile.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "sampling/families.h"
#include "sampling/schedule.h"

namespace zc {
namespace {

// With a terminal signal of exactly zero most solvers would divide by it; diffusers puts 2^-24
// there.
bool works_without_signal(SchedulerKind kind) {
  return kind == SchedulerKind::ddim || kind == SchedulerKind::ddpm || kind == SchedulerKind::lcm;
}

// Saharia et al. (2022), section 2.3: clip each image at a quantile of its absolute values, then
// rescale.
at::Tensor dynamic_threshold(const at::Tensor& x0, const SchedulerConfig& c) {
  const at::Tensor flat = x0.reshape({x0.size(0), -1});
  at::Tensor s = at::quantile(flat.abs(), c.dynamic_thresholding_ratio, 1, /*keepdim=*/true);
  // An upper bound below 1 wins, as in torch.clamp.
  s = at::clamp(s, at::Scalar(1.0), at::Scalar(c.sample_max_value));
  return (at::clamp(flat, -s, s) / s).reshape(x0.sizes());
}

}  // namespace

Scheduler::Scheduler(SchedulerConfig config) : config_(std::move(config)) {
  alphas_cumprod_ = cumulative_alphas(make_betas(config_));
  if (config_.rescale_betas_zero_snr && !works_without_signal(config_.kind))
    alphas_cumprod_.back() = 0x1p-24f;
}

void Scheduler::set_timesteps(int64_t n) {
  if (n < 1 || n > config_.num_train_timesteps) {
    throw Error(ErrorKind::bad_request, "steps",
                fmt::format("is {}, wanted 1 to {}, the number of timesteps of the training", n,
                            config_.num_train_timesteps));
  }
  timesteps_.clear();
  sigmas_.clear();
  denoised_ = at::Tensor();
  index_ = -1;
  steps_ = n;
  start_run(n);
}

at::Tensor Scheduler::scale_model_input(const at::Tensor& x, double) {
  return x;
}

at::Tensor Scheduler::step(const at::Tensor& model_output, double t, const at::Tensor& x,
                           const NoiseFunction& noise) {
  const int64_t index = index_of_call(t);
  if (index >= static_cast<int64_t>(timesteps_.size())) {
    throw Error(ErrorKind::bug, "scheduler",
                fmt::format("step {} of a run of {}", index + 1, timesteps_.size()));
  }
  at::Tensor next = advance(model_output, t, x, noise);
  index_ = index + 1;
  return next;
}

int64_t Scheduler::begin_index(double strength) const {
  ZC_BUG_IF(timesteps_.empty());
  const auto kept =
      static_cast<int64_t>(static_cast<double>(steps_) * std::clamp(strength, 0.0, 1.0));
  // At least the last step is run.
  const int64_t skipped =
      std::min((steps_ - kept) * order(), static_cast<int64_t>(timesteps_.size()) - 1);
  return std::max<int64_t>(skipped, 0);
}

at::Tensor Scheduler::begin_at(int64_t index, const at::Tensor& x0, const at::Tensor& noise) {
  ZC_BUG_IF(index < 0 || index >= static_cast<int64_t>(timesteps_.size()));
  index_ = index;
  return add_noise(x0, noise, timesteps_[static_cast<size_t>(index)]);
}

int64_t Scheduler::index_of_call(double t) {
  ZC_BUG_IF(timesteps_.empty());
  // diffusers takes the second place of a first timestep that occurs twice, and runs past the end.
  if (index_ < 0) index_ = t == timesteps_.front() ? 0 : index_of_timestep(t);
  return index_;
}

int64_t Scheduler::index_of_timestep(double t) const {
  if (index_ >= 0 && index_ < static_cast<int64_t>(timesteps_.size()) &&
      timesteps_[static_cast<size_t>(index_)] == t) {
    return index_;
  }
  const auto first = std::find(timesteps_.begin(), timesteps_.end(), t);
  ZC_BUG_IF(first == timesteps_.end());
  const auto second = std::find(first + 1, timesteps_.end(), t);
  return (second == timesteps_.end() ? first : second) - timesteps_.begin();
}

void Scheduler::require_prediction(std::initializer_list<Prediction> known) const {
  if (std::find(known.begin(), known.end(), config_.prediction_type) != known.end()) return;
  throw Error(ErrorKind::unsupported, "prediction_type",
              "this scheduler cannot work with what the model predicts: choose another one, for "
              "example ddim");
}

at::Tensor Scheduler::limit_x0(const at::Tensor& x0) const {
  if (config_.thresholding) return dynamic_threshold(x0, config_);
  if (config_.clip_sample)
    return at::clamp(x0, -config_.clip_sample_range, config_.clip_sample_range);
  return x0;
}

double Scheduler::alpha_cumprod(int64_t t) const {
  if (t < 0 || t >= static_cast<int64_t>(alphas_cumprod_.size())) {
    throw Error(ErrorKind::bad_request, "steps",
                fmt::format("this number of steps needs timestep {}, the training had 0 to {}: "
                            "choose another number",
                            t, alphas_cumprod_.size() - 1));
  }
  return alphas_cumprod_[static_cast<size_t>(t)];
}

std::unique_ptr<Scheduler> make_scheduler(const SchedulerConfig& config) {
  switch (config.kind) {
    case SchedulerKind::seed_ddim:
    case SchedulerKind::webui_ddim:
      return make_seed_ddim(config);
    case SchedulerKind::ddim:
      return make_ddim(config);
    case SchedulerKind::ddpm:
      return make_ddpm(config);
    case SchedulerKind::pndm:
      return make_pndm(config);
    case SchedulerKind::lcm:
      return make_lcm(config);
    case SchedulerKind::euler:
    case SchedulerKind::euler_a:
      return make_euler(config);
    case SchedulerKind::heun:
      return make_heun(config);
    case SchedulerKind::dpm2:
    case SchedulerKind::dpm2_a:
      return make_dpm2(config);
    case SchedulerKind::lms:
      return make_lms(config);
    case SchedulerKind::dpmpp_sde:
      return make_dpmpp_sde(config);
    case SchedulerKind::dpm_multistep:
      return make_dpm_multistep(config);
    case SchedulerKind::dpm_singlestep:
      return make_dpm_singlestep(config);
    case SchedulerKind::deis:
      return make_deis(config);
    case SchedulerKind::unipc:
      return make_unipc(config);
  }
  throw_bug("a known kind of scheduler", __FILE__, __LINE__);
}

}  // namespace zc
