// SPDX-License-Identifier: Apache-2.0
// The original's DDIM, as a function and behind the interface of the schedulers.
#include "sampling/ddim.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "sampling/families.h"

namespace zc {
namespace {

struct DdimStep {
  at::Tensor x;
  at::Tensor pred_x0;
};

// p_sample_ddim. The scalars are float32, as its one-element tensors are.
DdimStep ddim_step(const LdmSchedule& model, const DdimSchedule& s, Prediction parameterization,
                   size_t index, const at::Tensor& model_output, const at::Tensor& x,
                   const at::Tensor& noise) {
  const float a = s.alphas[index];
  const float a_prev = s.alphas_prev[index];
  const auto sigma = static_cast<float>(s.sigmas[index]);
  at::Tensor eps = model_output;
  at::Tensor pred_x0;
  if (parameterization == Prediction::v_prediction) {
    const auto t = static_cast<size_t>(s.timesteps[index]);
    const double signal = model.sqrt_alphas_cumprod[t];
    const double noise_part = model.sqrt_one_minus_alphas_cumprod[t];
    eps = model_output * signal + x * noise_part;
    pred_x0 = x * signal - model_output * noise_part;
  } else {
    pred_x0 = (x - eps * s.sqrt_one_minus_alphas[index]) / std::sqrt(a);
  }
  const at::Tensor direction = eps * std::sqrt(1.0f - a_prev - sigma * sigma);
  return {pred_x0 * std::sqrt(a_prev) + direction + noise * sigma, pred_x0};
}

bool stays_in_range(int64_t total, int64_t steps) {
  return (total - 1) / (total / steps) * (total / steps) + 1 < total;
}

void require_eps_or_v(Prediction p) {
  if (p == Prediction::epsilon || p == Prediction::v_prediction) return;
  throw Error(ErrorKind::unsupported, "prediction_type",
              "the original's sampler knows epsilon and v_prediction only");
}

// Behind the common interface the list of timesteps runs down, so call k has the original's index
// `count - 1 - k`.
class SeedDdimScheduler : public Scheduler {
 public:
  explicit SeedDdimScheduler(const SchedulerConfig& config)
      : Scheduler(config),
        model_(make_ldm_schedule({.beta_schedule = config.beta_schedule,
                                  .linear_start = config.beta_start,
                                  .linear_end = config.beta_end,
                                  .timesteps = config.num_train_timesteps})) {
    require_eps_or_v(config.prediction_type);
    if (config.rescale_betas_zero_snr || !config.trained_betas.empty()) {
      throw Error(ErrorKind::unsupported, "sampler",
                  "this model has a schedule of its own: use ddim_diffusers instead of ddim");
    }
  }

  at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, double t) const override {
    const auto i = static_cast<size_t>(t);
    ZC_BUG_IF(i >= model_.betas.size());
    return x0 * model_.sqrt_alphas_cumprod[i] + noise * model_.sqrt_one_minus_alphas_cumprod[i];
  }

  // t_enc = min(int(strength * steps), steps - 1) steps are run (gradio_tile.py); `steps` as asked
  // for.
  int64_t begin_index(double strength) const override {
    const double wanted = static_cast<double>(steps_) * std::clamp(strength, 0.0, 1.0);
    const int64_t t_enc = std::max<int64_t>(std::min(static_cast<int64_t>(wanted), steps_ - 1), 1);
    return std::max<int64_t>(static_cast<int64_t>(timesteps_.size()) - t_enc, 0);
  }

  at::Tensor begin_at(int64_t index, const at::Tensor& x0, const at::Tensor& noise) override {
    const auto t_enc = static_cast<int64_t>(timesteps_.size()) - index;
    Scheduler::begin_at(index, x0, noise);
    // Without an index above (a run of one step) the noise is that of the step itself.
    return ddim_encode(schedule_, x0,
                       std::min(t_enc, static_cast<int64_t>(schedule_.timesteps.size()) - 1),
                       noise);
  }

 protected:
  void start_run(int64_t n) override {
    schedule_ = make_ddim_schedule(model_, n, config_.eta);
    timesteps_.assign(schedule_.timesteps.rbegin(), schedule_.timesteps.rend());
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction& noise) override {
    const size_t index = schedule_.timesteps.size() - 1 - static_cast<size_t>(index_of_call(t));
    DdimStep step =
        ddim_step(model_, schedule_, config_.prediction_type, index, model_output, x, noise(x));
    denoised_ = step.pred_x0;
    return step.x;
  }

  LdmSchedule model_;
  DdimSchedule schedule_;
};

// AUTOMATIC1111's DDIM (modules/sd_samplers_timesteps_impl.py): timesteps beyond the last are
// clipped, and the run ends one step early, so 20 steps call the model 19 times and the result
// keeps the noise of timestep 1.
class WebuiDdimScheduler : public SeedDdimScheduler {
 public:
  using SeedDdimScheduler::SeedDdimScheduler;

  int64_t begin_index(double strength) const override { return Scheduler::begin_index(strength); }
  at::Tensor begin_at(int64_t index, const at::Tensor& x0, const at::Tensor& noise) override {
    return Scheduler::begin_at(index, x0, noise);
  }

 protected:
  void start_run(int64_t n) override {
    if (n < 2)
      throw Error(ErrorKind::bad_request, "steps",
                  "ddim_webui leaves one step out, so it needs at least 2");
    schedule_ = make_clipped(n);
    timesteps_.assign(schedule_.timesteps.rbegin(), schedule_.timesteps.rend() - 1);
  }

 private:
  DdimSchedule make_clipped(int64_t n) const {
    const auto total = static_cast<int64_t>(model_.betas.size());
    DdimSchedule s;
    for (int64_t t = 0; t < total; t += total / n)
      s.timesteps.push_back(std::min(t + 1, total - 1));
    for (size_t i = 0; i < s.timesteps.size(); ++i) {
      const double a = model_.alphas_cumprod[static_cast<size_t>(s.timesteps[i])];
      const double previous =
          model_.alphas_cumprod[i == 0 ? 0 : static_cast<size_t>(s.timesteps[i - 1])];
      s.alphas.push_back(static_cast<float>(a));
      s.alphas_prev.push_back(static_cast<float>(previous));
      s.sqrt_one_minus_alphas.push_back(std::sqrt(1.0f - static_cast<float>(a)));
      s.sigmas.push_back(config_.eta * std::sqrt((1 - previous) / (1 - a) * (1 - a / previous)));
    }
    return s;
  }
};

// sqrt((1 - previous) / (1 - a) * (1 - a / previous)) with the roundings of the original, which
// divides a NumPy vector by a float32 tensor: torch multiplies it by the float32 reciprocal. A
// vector of one element becomes a float32 scalar.
double unit_sigma(float a, float previous, bool alone) {
  if (alone) return std::sqrt((1.0f - previous) / (1.0f - a) * (1.0f - a / previous));
  const double reciprocal = 1.0f / (1.0f - a);
  const double p = previous;
  return std::sqrt(reciprocal * (1 - p) * (1 - a / p));
}

}  // namespace

DdimSchedule make_ddim_schedule(const LdmSchedule& model, int64_t steps, double eta) {
  const auto total = static_cast<int64_t>(model.alphas_cumprod.size());
  if (steps < 1 || steps > total) {
    throw Error(ErrorKind::bad_request, "steps",
                fmt::format("is {}, wanted 1 to {}", steps, total));
  }
  if (!stays_in_range(total, steps)) {
    int64_t fewer = steps - 1;
    while (fewer > 1 && !stays_in_range(total, fewer)) --fewer;
    throw Error(ErrorKind::bad_request, "steps",
                fmt::format("the original's DDIM cannot run {} steps: they reach timestep {}, "
                            "which was not trained. "
                            "Take {} steps, or the sampler ddim_diffusers",
                            steps, total, fewer));
  }
  DdimSchedule s;
  for (int64_t t = 0; t < total; t += total / steps) s.timesteps.push_back(t + 1);
  for (size_t i = 0; i < s.timesteps.size(); ++i) {
    const float a = model.alphas_cumprod[static_cast<size_t>(s.timesteps[i])];
    const float previous =
        model.alphas_cumprod[i == 0 ? 0 : static_cast<size_t>(s.timesteps[i - 1])];
    s.alphas.push_back(a);
    s.alphas_prev.push_back(previous);
    s.sqrt_one_minus_alphas.push_back(std::sqrt(1.0f - a));
    s.sigmas.push_back(eta * unit_sigma(a, previous, s.timesteps.size() == 1));
  }
  return s;
}

at::Tensor ddim_decode(const LdmSchedule& model, const DdimRun& run, at::Tensor x, int64_t count) {
  ZC_BUG_IF(count < 0 || count > static_cast<int64_t>(run.schedule.timesteps.size()));
  require_eps_or_v(run.parameterization);
  for (int64_t step = 0; step < count; ++step) {
    const auto index = static_cast<size_t>(count - 1 - step);
    const auto t = static_cast<size_t>(run.schedule.timesteps[index]);
    if (run.mask.defined()) {
      const at::Tensor noise = run.mask_noise ? run.mask_noise(x) : run.noise(x);
      const at::Tensor kept =
          run.x0 * model.sqrt_alphas_cumprod[t] + noise * model.sqrt_one_minus_alphas_cumprod[t];
      x = kept * run.mask + (1.0 - run.mask) * x;
    }
    const at::Tensor output = run.denoise(x, static_cast<double>(t));
    DdimStep next =
        ddim_step(model, run.schedule, run.parameterization, index, output, x, run.noise(x));
    x = std::move(next.x);
    if (run.on_step) run.on_step(step, x, next.pred_x0);
  }
  return x;
}

at::Tensor ddim_encode(const DdimSchedule& s, const at::Tensor& x0, int64_t t_enc,
                       const at::Tensor& noise) {
  ZC_BUG_IF(t_enc < 0 || t_enc >= static_cast<int64_t>(s.alphas.size()));
  const auto i = static_cast<size_t>(t_enc);
  return x0 * std::sqrt(s.alphas[i]) + noise * s.sqrt_one_minus_alphas[i];
}

std::unique_ptr<Scheduler> make_seed_ddim(const SchedulerConfig& config) {
  if (config.kind == SchedulerKind::webui_ddim) return std::make_unique<WebuiDdimScheduler>(config);
  return std::make_unique<SeedDdimScheduler>(config);
}

}  // namespace zc
