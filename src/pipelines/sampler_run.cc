// SPDX-License-Identifier: Apache-2.0
#include "pipelines/sampler_run.h"

#include <ATen/TensorOperators.h>

#include <utility>

#include "base/error.h"
#include "sampling/samplers.h"
#include "sampling/scheduler.h"

namespace zc {
namespace {

SchedulerConfig config_of(const SamplerOptions& options) {
  SchedulerConfig config = sampler_config(options.sampler);
  config.eta = options.eta;
  if (options.v_prediction) config.prediction_type = Prediction::v_prediction;
  return config;
}

NoiseOptions noise_options(std::string_view profile, std::string_view source, uint64_t seed) {
  NoiseOptions options = noise_profile(profile, seed);
  if (source == "cpu") options.source = NoiseSource::torch_cpu;
  if (source == "cuda") options.source = NoiseSource::torch_cuda;
  return options;
}

}  // namespace

SamplerRun::SamplerRun(const SamplerOptions& options)
    : scheduler_(make_scheduler(config_of(options))), steps_(options.steps) {
  scheduler_->set_timesteps(steps_);
}

SamplerRun::~SamplerRun() = default;

const std::vector<double>& SamplerRun::timesteps() const {
  return scheduler_->timesteps();
}

int64_t SamplerRun::first_call(const Start& start) const {
  if (!start.x0.defined() || start.denoise >= 1.0) return 0;
  return scheduler_->begin_index(start.denoise);
}

at::Tensor SamplerRun::run(const Start& start, const Model& model, const NoiseFunction& noise,
                           const OnCall& on_call) {
  scheduler_->set_timesteps(steps_);  // each picture of a batch begins anew
  const int64_t first = first_call(start);
  at::Tensor x = start.x0.defined() && start.denoise < 1.0
                     ? scheduler_->begin_at(first, start.x0, start.noise)
                     : start.noise * scheduler_->init_noise_sigma();
  const std::vector<double>& timesteps = scheduler_->timesteps();
  for (int64_t call = first; call < static_cast<int64_t>(timesteps.size()); ++call) {
    const double t = timesteps[static_cast<size_t>(call)];
    // ddim_hacked.py, ddim_sampling: what stays is set back before the model looks.
    if (start.keep.defined())
      x = scheduler_->add_noise(start.x0, noise(x), t) * start.keep + x * (1.0 - start.keep);
    x = scheduler_->step(model(scheduler_->scale_model_input(x, t), call), t, x, noise);
    if (on_call) on_call(call, scheduler_->denoised());
  }
  return scheduler_->config().kind == SchedulerKind::lcm ? scheduler_->denoised() : x;
}

BatchNoise::BatchNoise(std::string_view profile, std::string_view source, uint64_t seed,
                       int64_t batch, std::vector<int64_t> shape)
    : seed_(seed),
      shape_(std::move(shape)),
      shares_cpu_stream_(noise_options(profile, source, seed).source == NoiseSource::torch_cpu),
      stream_(noise_options(profile, source, seed), batch) {
  shape_[0] = batch;
}

at::Tensor BatchNoise::encoder_noise(int64_t image) {
  if (!encoder_draw_.defined()) {
    // With a CPU generator it is the first draw of the only stream; a GPU has a second generator
    // with the same seed.
    ZC_BUG_IF(!draws_.empty());
    encoder_draw_ = shares_cpu_stream_
                        ? stream_.next(shape_)
                        : NoiseStream({.seed = seed_, .source = NoiseSource::torch_cpu}, shape_[0])
                              .next(shape_);
  }
  return encoder_draw_.narrow(0, image, 1);
}

const at::Tensor& BatchNoise::draw(size_t number) {
  while (draws_.size() <= number) draws_.push_back(stream_.next(shape_));
  return draws_[number];
}

NoiseFunction BatchNoise::of_image(int64_t image) {
  return [this, image, number = size_t{0}](const at::Tensor& like) mutable {
    return draw(number++).narrow(0, image, 1).to(like.options());
  };
}

}  // namespace zc
