// SPDX-License-Identifier: Apache-2.0
#include "pipelines/sampler_run.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "sampling/samplers.h"
#include "sampling/scheduler.h"

namespace zc {
namespace {

void check_can_begin(const std::string& sampler) {
  if (can_begin_at_pure_noise(sampler)) return;
  throw Error(ErrorKind::bad_request, "sampler",
              fmt::format("`{}` cannot begin at pure noise, as this model or its ControlNet was "
                          "trained (zero terminal SNR): take ddim_diffusers, euler, euler_a, "
                          "dpmpp_2m or unipc",
                          sampler));
}

SchedulerConfig config_of(const SamplerOptions& options) {
  SchedulerConfig config = sampler_config(options.sampler);
  config.eta = options.eta;
  if (options.v_prediction) config.prediction_type = Prediction::v_prediction;
  if (options.zero_terminal_snr) {
    check_can_begin(options.sampler);
    config.rescale_betas_zero_snr = true;
    config.timestep_spacing = TimestepSpacing::trailing;
  }
  return config;
}

NoiseOptions noise_options(const BatchNoiseOptions& o) {
  NoiseOptions options = noise_profile(o.profile, o.seed);
  if (o.source == "cpu") options.source = NoiseSource::torch_cpu;
  if (o.source == "cuda") options.source = NoiseSource::torch_cuda;
  // Variations are those of one picture (modules/processing.py of the web UI).
  options.per_image = o.seed_step != 0 || o.variation_strength > 0;
  options.seed_step = o.variation_strength > 0 ? 0 : o.seed_step;
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

int64_t SamplerRun::first_call(double denoise) const {
  return denoise >= 1.0 ? 0 : scheduler_->begin_index(denoise);
}

at::Tensor SamplerRun::run(const Start& start, const Model& model, const NoiseFunction& noise,
                           const OnCall& on_call) {
  scheduler_->set_timesteps(steps_);  // each picture of a batch begins anew
  const int64_t first = first_call(start.x0.defined() ? start.denoise : 1.0);
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

BatchNoise::BatchNoise(const BatchNoiseOptions& options, std::vector<int64_t> shape)
    : options_(options),
      stream_options_(noise_options(options)),
      shape_(std::move(shape)),
      stream_(stream_options_, options.batch) {
  shape_[0] = options.batch;
}

at::Tensor BatchNoise::encoder_noise(int64_t image) {
  if (!encoder_draw_.defined()) {
    // With a CPU generator it is the first draw of the only stream; a GPU has a second generator
    // with the same seed.
    ZC_BUG_IF(!draws_.empty());
    NoiseOptions second = {.seed = options_.seed, .source = NoiseSource::torch_cpu};
    second.per_image = options_.variation_strength > 0;
    second.seed_step = 0;
    encoder_draw_ = stream_options_.source == NoiseSource::torch_cpu
                        ? stream_.next(shape_)
                        : NoiseStream(second, shape_[0]).next(shape_);
  }
  return encoder_draw_.narrow(0, image, 1);
}

const at::Tensor& BatchNoise::draw(size_t number) {
  while (draws_.size() <= number) {
    const at::Tensor next = stream_.next(shape_);
    draws_.push_back(draws_.empty() && options_.variation_strength > 0 ? varied(next) : next);
  }
  return draws_[number];
}

at::Tensor BatchNoise::varied(const at::Tensor& start) {
  NoiseOptions options = stream_options_;
  options.seed = options_.variation_seed;
  options.per_image = true;
  options.seed_step = 1;
  return slerp(options_.variation_strength, start, NoiseStream(options, shape_[0]).next(shape_));
}

NoiseFunction BatchNoise::of_images(int64_t first, int64_t count) {
  return [this, first, count, number = size_t{0}](const at::Tensor& like) mutable {
    return draw(number++).narrow(0, first, count).to(like.options());
  };
}

}  // namespace zc
