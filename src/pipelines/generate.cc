// SPDX-License-Identifier: Apache-2.0
#include "pipelines/generate.h"

#include <algorithm>
#include <chrono>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "base/text.h"

#include "pipelines/conditioning.h"
#include "pipelines/hires.h"
#include "pipelines/inpaint.h"
#include "pipelines/inputs.h"
#include "pipelines/latent_preview.h"
#include "pipelines/maps.h"
#include "pipelines/model_set.h"
#include "pipelines/pass.h"
#include "pipelines/pixels.h"
#include "pipelines/preflight.h"
#include "pipelines/region.h"
#include "tensor/gpu.h"
#include "tensor/kernel_choice.h"

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

// What all pictures of a run share.
struct Run {
  const ModelSet& models;
  const GenerateRequest& request;
  const GenerateHooks& hooks;
  Kernels kernels;  // of the denoising networks
  std::unique_ptr<Pass> first;
  std::unique_ptr<Pass> second;  // null: none is wanted
  std::optional<StartPicture> start;
  int64_t first_image;
  int64_t last_image;
  VaeRows rows;
  std::map<size_t, Image> regions;  // of the units that have one
  // One for each unit.
  std::vector<ControlMap> maps;
  std::vector<ControlMap> hires_maps;  // empty without a second pass
  std::vector<ReceiptReader> receipts;
  PreviewClock preview_clock;
  int64_t steps_done = 0;

  // What a finished picture is compared with.
  const std::vector<ControlMap>& wanted() const { return second ? hires_maps : maps; }
};

ImageSize size_in_pixels(const PictureSize& size) {
  return {static_cast<int>(size.width), static_cast<int>(size.height)};
}

std::unique_ptr<Pass> first_pass(const ModelSet& models, const GenerateRequest& request,
                                 bool pure_noise, bool two_passes) {
  return std::make_unique<Pass>(models, request,
                                PassOptions{.size = size_in_pixels({request.width, request.height}),
                                            .steps = request.steps,
                                            .denoise = request.denoise,
                                            .zero_terminal_snr = pure_noise,
                                            .two_passes = two_passes});
}

std::unique_ptr<Pass> second_pass(const ModelSet& models, const GenerateRequest& request,
                                  bool pure_noise, bool two_passes) {
  if (!request.hires.on()) return nullptr;
  return std::make_unique<Pass>(
      models, request,
      PassOptions{.size = size_in_pixels(hires_size(request, models.side_multiple())),
                  .steps = hires_schedule_steps(request),
                  .denoise = request.hires.denoise,
                  .hires = true,
                  .zero_terminal_snr = pure_noise,
                  .two_passes = two_passes});
}

int64_t total_steps(const Run& run) {
  const int64_t of_picture =
      run.first->calls(run.start.has_value()) + (run.second ? run.second->calls(true) : 0);
  return (run.last_image - run.first_image + 1) * of_picture;
}

// pred_x0: of the pictures that are made at once; the first one is shown.
void step_done(Run& run, int64_t pictures, const at::Tensor& pred_x0) {
  run.steps_done += pictures;
  run.hooks.task.report("sample", run.steps_done, total_steps(run));
  if (!run.hooks.on_preview || !pred_x0.defined()) return;
  if (!run.preview_clock.due(std::chrono::steady_clock::now())) return;
  run.hooks.on_preview(run.steps_done,
                       latent_picture(pred_x0.narrow(0, 0, 1), run.models.latent_colours()));
}

at::Tensor start_latents(Run& run, const Pass::Pictures& pictures) {
  std::vector<at::Tensor> latents;
  for (int64_t k = 0; k < pictures.count; ++k) {
    latents.push_back(sample_latent(run.start->latent, run.first->encoder_noise(pictures.first + k),
                                    run.models.config().vae.scale_factor));
  }
  return at::cat(latents);
}

at::Tensor enlarged_latents(const Run& run, const at::Tensor& latents) {
  std::vector<at::Tensor> enlarged;
  for (const at::Tensor& latent : latents.split(1)) {
    run.hooks.task.check_cancelled();
    enlarged.push_back(enlarged_latent(run.models.vae(), latent, run.second->size(),
                                       run.request.hires.upscaler, run.rows));
  }
  return at::cat(enlarged);
}

// Latents of pictures of the batch that are made at once.
at::Tensor sample_pictures(Run& run, const Pass::Pictures& pictures) {
  const TaskContext& task = run.hooks.task;
  const auto on_step = [&](const at::Tensor& pred_x0) { step_done(run, pictures.count, pred_x0); };
  task.report("sample", run.steps_done, total_steps(run));
  Pass::Begin begin;
  if (run.start) {
    begin.x0 = start_latents(run, pictures);
    begin.keep = keep_in_latent(*run.start, run.models.config().vae.downscale());
  }
  const auto sample = [&](Pass& pass, const Pass::Begin& from) {
    const KernelScope kernels(run.kernels);
    return pass.sample(pictures, from, task, on_step);
  };
  const at::Tensor latents = sample(*run.first, begin);
  if (!run.second) return latents;
  return sample(*run.second, {.x0 = enlarged_latents(run, latents), .keep = {}});
}

Image decode_picture(const Run& run, const at::Tensor& latent) {
  run.hooks.task.check_cancelled();
  const at::Tensor decoded =
      run.models.vae().decode(latent / run.models.config().vae.scale_factor, run.rows);
  const Image image = picture(decoded.squeeze(0));
  return run.start ? blend_with_start(*run.start, image) : image;
}

std::vector<Image> pictures_of(const std::vector<ControlMap>& maps) {
  std::vector<Image> images;
  for (const ControlMap& map : maps) images.push_back(map.map);
  return images;
}

// Picture k of the batch, which was the `at`-th of those that were made with it.
PictureRecord record_of(const Run& run, const Image& image, int64_t k, int64_t at) {
  PictureRecord record{.request = run.request,
                       .index = k,
                       .models = model_stamps(run.models),
                       .precision = precision_there(run.models.place(), run.request.precision),
                       .maps = pictures_of(run.maps),
                       .receipts = {},
                       .masks = run.regions,
                       .hires_maps = pictures_of(run.hires_maps)};
  for (size_t i = 0; i < run.receipts.size(); ++i) {
    record.receipts.push_back(make_receipt(run.request.controls[i], run.receipts[i],
                                           run.wanted()[i], image, run.first->residual_rms(at)[i]));
  }
  return record;
}

void prepare_receipts(Run& run) {
  const bool toy_world = run.models.config().limited_vocabulary;
  for (size_t i = 0; i < run.wanted().size(); ++i) {
    run.receipts.push_back(receipt_reader(
        run.request.controls[i], {.toy_world = toy_world, .joints = has_joints(run.wanted()[i])}));
  }
}

void make_all_maps(Run& run, const GenerateInputs& inputs, std::vector<std::string>& warnings) {
  const bool toy_world = run.models.config().limited_vocabulary;
  run.regions = unit_regions(run.request, inputs, warnings);
  run.maps = make_maps(run.request, inputs, run.first->size(), toy_world, warnings);
  if (run.second)
    run.hires_maps = make_hires_maps(run.request, inputs, run.second->size(), toy_world);
  if (run.hooks.receipts) prepare_receipts(run);
}

// All that can be refused before something is computed.
MemoryPlan check_request(const ModelSet& models, const GenerateRequest& request,
                         const GenerateLimits& limits) {
  check_picture_size(models, request);
  check_exact(request.exact, models.place().on_cpu());
  for (size_t i = 0; i < request.controls.size(); ++i) {
    const ControlUnit& unit = request.controls[i];
    check_block_weights(unit, models.control(unit.kind).net.residual_count(), i);
  }
  const MemoryPlan plan = plan_memory(models, request, limits);
  check_memory(plan, limits.memory_bytes);
  return plan;
}

void check_products(const std::string& precision, bool has_them, const char* wanted) {
  if (has_them) return;
  throw Error(ErrorKind::unsupported, "precision",
              fmt::format("{} wants a processor with {}, which this one has not: take fp32",
                          precision, wanted));
}

// Of the denoising networks; text encoder and autoencoder are little work, and are not rounded
// to integers.
Kernels kernels_of(const GenerateRequest& request, const NetworkPlace& place) {
  check_precision(request.precision, place.on_cpu());
  if (request.exact) return Kernels::plain;
  if (!place.on_cpu()) return Kernels::fast;
  if (request.precision == "bf16") {
    check_products(request.precision, has_bf16_products(), "AMX");
    return Kernels::bf16;
  }
  if (request.precision == "int16" || request.precision == "int8") {
    check_products(request.precision, has_integer_products(), "AVX-512 VNNI");
    return request.precision == "int8" ? Kernels::int8 : Kernels::int16;
  }
  return Kernels::fast;
}

}  // namespace

GenerateRequest resolve_for(const ModelSet& models, const GenerateRequest& request) {
  const ModelConfig& config = models.config();
  return resolve(request, {.image_size = config.image_size,
                           .added_prompts = !config.limited_vocabulary,
                           .cfg = config.cfg});
}

namespace {

void finish_denoising(const Run& run) {
  run.first->rest();
  if (run.second) run.second->rest();
  run.models.finished_denoising();
}

// What makes this device slower than it could be.
void note_slow_ways(const Run& run, std::vector<std::string>& warnings) {
  const auto add = [&](const std::string& note) {
    if (!note.empty()) warnings.push_back(note);
  };
  add(gpu_note(run.models.place().device));
  add(run.first->trouble());
  if (run.second) add(run.second->trouble());
}

GenerateResult run_all(const ModelSet& models, const Tokenizer& tokenizer,
                       const GenerateRequest& wanted, const GenerateInputs& inputs,
                       const GenerateHooks& hooks, const GenerateLimits& limits) {
  const c10::InferenceMode no_gradients;
  GenerateResult result;
  Stopwatch watch(result.seconds);
  result.request = resolve_for(models, wanted);
  const GenerateRequest& request = result.request;
  result.precision = precision_there(models.place(), request.precision);
  const Kernels of_networks = kernels_of(request, models.place());
  const bool integers = of_networks == Kernels::int16 || of_networks == Kernels::int8;
  const KernelScope kernels(integers ? Kernels::fast : of_networks);
  result.plan = check_request(models, request, limits);
  const MemorySavings& savings = result.plan.savings;
  models.place_networks(result.plan.device);
  if (savings.streamed) models.stream_weights();
  if (hooks.on_plan) hooks.on_plan(result.plan);
  const bool pure_noise = begins_at_pure_noise(models, request, result.warnings);
  Run run{.models = models,
          .request = request,
          .hooks = hooks,
          .kernels = of_networks,
          .first = first_pass(models, request, pure_noise, savings.two_passes),
          .second = second_pass(models, request, pure_noise, savings.two_passes),
          .start = {},
          .first_image = inputs.only.value_or(0),
          .last_image = inputs.only.value_or(request.batch - 1),
          .rows = savings.banded ? VaeRows::banded : VaeRows::whole,
          .regions = {},
          .maps = {},
          .hires_maps = {},
          .receipts = {},
          .preview_clock = PreviewClock(hooks.preview_interval_ms)};

  hooks.task.report("map", 0, 0);
  make_all_maps(run, inputs, result.warnings);
  result.maps = pictures_of(run.maps);
  watch.lap("map");
  hooks.task.report("text", 0, 0);
  const Conditioning text = encode_prompts(models, tokenizer, request, result.warnings);
  models.finished_text();
  watch.lap("text");
  run.start = prepare_start_picture(models.vae(), run.rows, request, inputs, run.first->size(),
                                    result.warnings);
  run.first->set_condition(run.maps, run.regions, text);
  if (run.second) run.second->set_condition(run.hires_maps, run.regions, text);
  watch.lap("hint");

  const auto finish = [&](const at::Tensor& latent, int64_t k, int64_t at) {
    hooks.task.report("decode", k - run.first_image, run.last_image - run.first_image + 1);
    const Image image = decode_picture(run, latent);
    watch.lap("decode");
    const PictureRecord record = record_of(run, image, k, at);
    watch.lap("receipt");
    if (hooks.on_image) hooks.on_image(image, record);
    watch.lap("save");
    result.receipts.push_back(record.receipts);
    result.images.push_back(image);
  };
  for (int64_t k = run.first_image; k <= run.last_image;) {
    const Pass::Pictures pictures{k, std::min(result.plan.together, run.last_image - k + 1)};
    const at::Tensor latents = sample_pictures(run, pictures);
    k += pictures.count;
    if (k > run.last_image) finish_denoising(run);
    watch.lap("sample");
    for (int64_t i = 0; i < pictures.count; ++i)
      finish(latents.narrow(0, i, 1), pictures.first + i, i);
  }
  note_slow_ways(run, result.warnings);
  return result;
}

}  // namespace

GenerateResult generate(const ModelSet& models, const Tokenizer& tokenizer,
                        const GenerateRequest& request, const GenerateInputs& inputs,
                        const GenerateHooks& hooks, const GenerateLimits& limits) {
  try {
    return run_all(models, tokenizer, request, inputs, hooks, limits);
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorKind::out_of_memory, models.place().device.str(),
                fmt::format("has not enough memory for this run: take a smaller size, fewer "
                            "controls or --device cpu ({})",
                            printable(error.what_without_backtrace(), 200)));
  }
}

std::vector<ModelStamp> model_stamps(const ModelSet& models) {
  std::vector<ModelStamp> stamps = {{"base", models.base().name, models.base().fingerprint}};
  for (const LoadedControl& control : models.controls()) {
    stamps.push_back({control.kind, control.file.name, control.file.fingerprint});
  }
  return stamps;
}

}  // namespace zc
