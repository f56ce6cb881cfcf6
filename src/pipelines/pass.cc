// SPDX-License-Identifier: Apache-2.0
#include "pipelines/pass.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "pipelines/pixels.h"

namespace zc {
namespace {

SamplerOptions sampler_options(const ModelSet& models, const GenerateRequest& request,
                               const PassOptions& o) {
  return {.sampler = request.sampler,
          .steps = o.steps,
          .eta = request.eta,
          .v_prediction = models.config().prediction == ModelPrediction::v,
          .zero_terminal_snr = o.zero_terminal_snr};
}

BatchNoiseOptions noise_of_request(const GenerateRequest& request) {
  return {.profile = request.profile,
          .source = request.noise,
          .seed = static_cast<uint64_t>(request.seed),
          .batch = request.batch,
          .seed_step = static_cast<uint64_t>(request.seed_step.value()),
          .variation_strength = request.variation_strength,
          .variation_seed = static_cast<uint64_t>(request.variation_seed.value_or(0))};
}

GuidedModelOptions guidance_options(const GenerateRequest& request, const PassOptions& o) {
  return {.cfg = request.cfg.value(),
          .guess = request.guess,
          .two_passes = o.two_passes || request.exact || request.guess,
          .profile = request.profile,
          .hires = o.hires,
          .skip = request.skip};
}

std::vector<int64_t> latent_shape(const VaeConfig& vae, ImageSize size) {
  return {1, vae.latent_channels, size.height / vae.downscale(), size.width / vae.downscale()};
}

void check_finite(const at::Tensor& latent, const ModelSet& models) {
  if (at::isfinite(latent).all().item<bool>()) return;
  throw Error(ErrorKind::bad_file, models.base().path,
              "the model computed values that are no numbers: `zeroconv inspect --check FILE` "
              "names damaged weights");
}

}  // namespace

Pass::Pass(const ModelSet& models, const GenerateRequest& request, const PassOptions& options)
    : models_(models),
      request_(request),
      options_(options),
      latent_shape_(latent_shape(models.config().vae, options.size)),
      sampler_(sampler_options(models, request, options)),
      noise_(noise_of_request(request), latent_shape_) {}

void Pass::set_condition(const std::vector<ControlMap>& maps,
                         const std::map<size_t, Image>& regions, const Conditioning& text) {
  std::vector<ActiveUnit> units;
  for (size_t i = 0; i < maps.size(); ++i) {
    const ControlNet& net = models_.control(request_.controls[i].kind).net;
    ActiveUnit& unit = units.emplace_back();
    unit.unit = &request_.controls[i];
    unit.net = &net;
    unit.features = net.encode_hint(models_.place().to_networks(hint_tensor(maps[i].map)));
    if (const auto region = regions.find(i); region != regions.end())
      unit.region = mask_tensor(region->second).to(models_.place().device);
  }
  model_.emplace(models_, std::move(units), text, guidance_options(request_, options_),
                 sampler_.timesteps());
}

int64_t Pass::calls(bool from_latent) const {
  const auto all = static_cast<int64_t>(sampler_.timesteps().size());
  return all - sampler_.first_call(from_latent ? options_.denoise : 1.0);
}

at::Tensor Pass::sample(const Pictures& pictures, const Begin& begin, const TaskContext& task,
                        const OnPassStep& on_step) {
  ZC_BUG_IF(!model_);
  model_->begin_pictures(pictures.count,
                         sampler_.first_call(begin.x0.defined() ? options_.denoise : 1.0));
  const NoiseFunction noise = noise_.of_images(pictures.first, pictures.count);
  const SamplerRun::Start start{.noise = noise(at::empty(latent_shape_, at::kFloat)),
                                .x0 = begin.x0,
                                .denoise = options_.denoise,
                                .keep = begin.keep};
  const at::Tensor latent = sampler_.run(
      start, [&](const at::Tensor& x, int64_t call) { return model_->predict(x, call, task); },
      noise, [&](int64_t, const at::Tensor& pred_x0) { on_step(pred_x0); });
  check_finite(latent, models_);
  return latent;
}

bool begins_at_pure_noise(const ModelSet& models, const GenerateRequest& request,
                          std::vector<std::string>& warnings) {
  const LoadedFile* trained_so = models.zero_terminal_snr() ? &models.base() : nullptr;
  const LoadedFile* other = nullptr;
  for (const ControlUnit& unit : request.controls) {
    if (unit.weight == 0) continue;
    const LoadedControl& control = models.control(unit.kind);
    (control.zero_terminal_snr ? trained_so : other) = &control.file;
  }
  if (trained_so == nullptr) return false;
  if (models.config().prediction != ModelPrediction::v) {
    throw Error(ErrorKind::unsupported, trained_so->path,
                "was trained to begin at pure noise (zero terminal SNR), which wants a base model "
                "that predicts v, and this one predicts the noise: take the base model that it was "
                "trained with, or say --prediction v if the base does predict that");
  }
  if (other != nullptr) {
    warnings.push_back(
        fmt::format("{} was trained to begin at pure noise and {} was not: the latter may act "
                    "badly in the first steps",
                    trained_so->name, other->name));
  }
  return true;
}

}  // namespace zc
