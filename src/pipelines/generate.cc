// SPDX-License-Identifier: Apache-2.0
#include "pipelines/generate.h"

#include <chrono>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include "base/error.h"
#include "pipelines/conditioning.h"
#include "pipelines/guided_model.h"
#include "pipelines/inpaint.h"
#include "pipelines/inputs.h"
#include "pipelines/maps.h"
#include "pipelines/model_set.h"
#include "pipelines/pixels.h"
#include "pipelines/preflight.h"
#include "pipelines/sampler_run.h"

namespace zc {
namespace {

// Adds the time since the last call to a phase.
class Stopwatch {
 public:
  explicit Stopwatch(std::map<std::string, double>& seconds) : seconds_(seconds) {}
  void lap(const char* phase) {
    const auto now = std::chrono::steady_clock::now();
    seconds_[phase] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  std::map<std::string, double>& seconds_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::vector<ActiveUnit> encode_hints(const ModelSet& models, const GenerateRequest& request,
                                     const std::vector<Image>& maps) {
  std::vector<ActiveUnit> units;
  for (size_t i = 0; i < maps.size(); ++i) {
    const ControlNet& net = models.control(request.controls[i].kind).net;
    units.push_back({&request.controls[i], &net, net.encode_hint(hint_tensor(maps[i]))});
  }
  return units;
}

GuidedModelOptions guidance_options(const GenerateRequest& request) {
  return {.cfg = request.cfg.value(),
          .guess = request.guess,
          .two_passes = request.exact || request.guess,
          .profile = request.profile};
}

void check_finite(const at::Tensor& latent, const ModelSet& models) {
  if (at::isfinite(latent).all().item<bool>()) return;
  throw Error(ErrorKind::bad_file, models.base().path,
              "the model computed values that are no numbers: `zeroconv inspect --check FILE` "
              "names damaged weights");
}

// What all pictures of a run share.
struct Run {
  const ModelSet& models;
  const GenerateRequest& request;
  const TaskContext& task;
  SamplerRun sampler;
  BatchNoise noise;
  std::vector<int64_t> latent_shape;  // of one picture
  std::optional<StartPicture> start;
  int64_t first_image;
  int64_t last_image;
  // One for each unit.
  std::vector<ControlMap> wanted;
  std::vector<ReceiptReader> receipts;
};

SamplerOptions sampler_options(const GenerateRequest& request, const ModelConfig& config) {
  return {.sampler = request.sampler,
          .steps = request.steps,
          .eta = request.eta,
          .v_prediction = config.prediction == ModelPrediction::v};
}

// The latent of picture k of the batch.
at::Tensor sample_picture(Run& run, GuidedModel& model, int64_t k) {
  const VaeConfig& vae = run.models.config().vae;
  model.begin_picture();
  SamplerRun::Start start{.noise = {}, .x0 = {}, .denoise = run.request.denoise, .keep = {}};
  if (run.start) {
    start.x0 = sample_latent(run.start->latent, run.noise.encoder_noise(k), vae.scale_factor);
    start.keep = keep_in_latent(*run.start, vae.downscale());
  }
  const NoiseFunction noise = run.noise.of_image(k);
  start.noise = noise(at::empty(run.latent_shape, at::kFloat));

  const int64_t first_call = run.sampler.first_call(start);
  const int64_t calls = static_cast<int64_t>(run.sampler.timesteps().size()) - first_call;
  const int64_t done = (k - run.first_image) * calls;
  const int64_t total = (run.last_image - run.first_image + 1) * calls;
  run.task.report("sample", done, total);
  at::Tensor latent = run.sampler.run(
      start, [&](const at::Tensor& x, int64_t call) { return model.predict(x, call, run.task); },
      noise,
      [&](int64_t call, const at::Tensor&) {
        run.task.report("sample", done + call - first_call + 1, total);
      });
  check_finite(latent, run.models);
  return latent;
}

Image decode_picture(const Run& run, const at::Tensor& latent) {
  run.task.check_cancelled();
  const at::Tensor decoded = run.models.vae().decode(latent / run.models.config().vae.scale_factor);
  const Image image = picture(decoded.squeeze(0));
  return run.start ? blend_with_start(*run.start, image) : image;
}

PictureRecord record_of(const Run& run, const GuidedModel& model, const std::vector<Image>& maps,
                        const Image& image, int64_t k) {
  PictureRecord record{run.request, k, model_stamps(run.models), maps, {}};
  for (size_t i = 0; i < run.receipts.size(); ++i) {
    record.receipts.push_back(make_receipt(run.request.controls[i], run.receipts[i], run.wanted[i],
                                           image, model.residual_rms()[i]));
  }
  return record;
}

void prepare_receipts(Run& run) {
  const bool toy_world = run.models.config().limited_vocabulary;
  for (size_t i = 0; i < run.wanted.size(); ++i) {
    run.receipts.push_back(receipt_reader(
        run.request.controls[i], {.toy_world = toy_world, .joints = has_joints(run.wanted[i])}));
  }
}

}  // namespace

GenerateRequest resolve_for(const ModelSet& models, const GenerateRequest& request) {
  const ModelConfig& config = models.config();
  return resolve(request, {.image_size = config.image_size,
                           .added_prompts = !config.limited_vocabulary,
                           .cfg = config.cfg});
}

GenerateResult generate(const ModelSet& models, const Tokenizer& tokenizer,
                        const GenerateRequest& wanted, const GenerateInputs& inputs,
                        const GenerateHooks& hooks, const GenerateLimits& limits) {
  const c10::InferenceMode no_gradients;
  GenerateResult result;
  Stopwatch watch(result.seconds);
  const GenerateRequest& request = result.request = resolve_for(models, wanted);
  check_picture_size(models, request);
  check_memory(plan_memory(models, request, limits.one_run), limits.memory_bytes);
  const ImageSize size{static_cast<int>(request.width), static_cast<int>(request.height)};
  const VaeConfig& vae = models.config().vae;
  const std::vector<int64_t> shape = {1, vae.latent_channels, size.height / vae.downscale(),
                                      size.width / vae.downscale()};
  Run run{.models = models,
          .request = request,
          .task = hooks.task,
          .sampler = SamplerRun(sampler_options(request, models.config())),
          .noise = BatchNoise(request.profile, request.noise, static_cast<uint64_t>(request.seed),
                              request.batch, shape),
          .latent_shape = shape,
          .start = {},
          .first_image = inputs.only.value_or(0),
          .last_image = inputs.only.value_or(request.batch - 1),
          .wanted = {},
          .receipts = {}};

  hooks.task.report("map", 0, 0);
  run.wanted =
      make_maps(request, inputs, size, models.config().limited_vocabulary, result.warnings);
  for (const ControlMap& control : run.wanted) result.maps.push_back(control.map);
  if (hooks.receipts) prepare_receipts(run);
  watch.lap("map");
  hooks.task.report("text", 0, 0);
  const Conditioning text = encode_prompts(models, tokenizer, full_prompt(request),
                                           full_negative(request), result.warnings);
  models.finished_text();
  watch.lap("text");
  run.start = prepare_start_picture(models.vae(), request, inputs, size, result.warnings);
  GuidedModel model(models, encode_hints(models, request, result.maps), text,
                    guidance_options(request), run.sampler.timesteps());
  watch.lap("hint");

  for (int64_t k = run.first_image; k <= run.last_image; ++k) {
    const at::Tensor latent = sample_picture(run, model, k);
    if (k == run.last_image) models.finished_denoising();
    watch.lap("sample");
    hooks.task.report("decode", k - run.first_image, run.last_image - run.first_image + 1);
    const Image image = decode_picture(run, latent);
    watch.lap("decode");
    const PictureRecord record = record_of(run, model, result.maps, image, k);
    watch.lap("receipt");
    if (hooks.on_image) hooks.on_image(image, record);
    watch.lap("save");
    result.receipts.push_back(record.receipts);
    result.images.push_back(image);
  }
  return result;
}

std::vector<ModelStamp> model_stamps(const ModelSet& models) {
  std::vector<ModelStamp> stamps = {{"base", models.base().name, models.base().fingerprint}};
  for (const LoadedControl& control : models.controls()) {
    stamps.push_back({control.kind, control.file.name, control.file.fingerprint});
  }
  return stamps;
}

}  // namespace zc
