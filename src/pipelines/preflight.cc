// SPDX-License-Identifier: Apache-2.0
#include "pipelines/preflight.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "pipelines/generate.h"
#include "pipelines/model_set.h"

namespace zc {
namespace {

// Measured: how many tensors of the widest level's size live at once, in the denoising networks and
// in the decoder.
constexpr int64_t kLiveInUNet = 40;
constexpr int64_t kLiveInDecoder = 8;
constexpr int64_t kProgramBytes = int64_t{350} << 20;
constexpr int64_t kMaxSide = 8192;  // as of GenerateRequest::width

void check_side(int64_t side, int64_t multiple, const char* name) {
  if (side > 0 && side % multiple == 0) return;
  const int64_t below = side / multiple * multiple;
  const std::string nearest =
      below > 0 ? fmt::format("{} or {}", below, below + multiple) : fmt::format("{}", multiple);
  throw Error(
      ErrorKind::bad_request, name,
      fmt::format("is {}; this model makes pictures whose sides are multiples of {}: take {}", side,
                  multiple, nearest));
}

int64_t float_bytes(const Module& module) {
  return module.parameter_count() * 4;
}

// How many latents the networks see at once.
int64_t rows_of(const GenerateRequest& request) {
  const bool sides_differ =
      request.guess || std::ranges::any_of(request.controls, [](const ControlUnit& unit) {
        return unit.mode == ControlMode::control;
      });
  return request.cfg.value() == 1.0 || request.exact || sides_differ ? 1 : 2;
}

// Of the larger pass.
int64_t most_pixels(const ModelSet& models, const GenerateRequest& request) {
  const int64_t pixels = request.width * request.height;
  if (!request.hires.on()) return pixels;
  const PictureSize large = hires_size(request, models.side_multiple());
  return std::max(pixels, large.width * large.height);
}

int64_t denoising_bytes(const ModelSet& models, const GenerateRequest& request) {
  const ModelConfig& config = models.config();
  const int64_t latent_pixels =
      most_pixels(models, request) / (config.vae.downscale() * config.vae.downscale());
  return rows_of(request) * latent_pixels * config.unet.model_channels * 4 * kLiveInUNet;
}

int64_t decoding_bytes(const ModelSet& models, const GenerateRequest& request) {
  return most_pixels(models, request) * models.config().vae.channels * 4 * kLiveInDecoder;
}

}  // namespace

void check_picture_size(const ModelSet& models, const GenerateRequest& request) {
  check_side(request.width, models.side_multiple(), "width");
  check_side(request.height, models.side_multiple(), "height");
  if (!request.hires.on()) return;
  const PictureSize large = hires_size(request, models.side_multiple());
  if (std::max(large.width, large.height) <= kMaxSide) return;
  throw Error(ErrorKind::bad_request, "hires.scale",
              fmt::format("makes {}x{} pixels, wanted sides of at most {}", large.width,
                          large.height, kMaxSide));
}

int64_t MemoryPlan::peak() const {
  return program + std::max({text, denoise, decode});
}

MemoryPlan plan_memory(const ModelSet& models, const GenerateRequest& request, bool one_run) {
  MemoryPlan plan;
  plan.program = kProgramBytes;
  int64_t networks = float_bytes(models.unet());
  for (const LoadedControl& control : models.controls()) networks += float_bytes(control.net);
  const int64_t vae = float_bytes(models.vae());
  plan.text = models.parameter_count() * 4 - networks - vae;
  plan.denoise = networks + denoising_bytes(models, request);
  plan.decode = vae + decoding_bytes(models, request);
  if (!one_run) plan.denoise += plan.text;
  // Whether the networks are wanted again after the autoencoder.
  const bool between = request.hires.on() && request.hires.upscaler != HiresUpscaler::latent;
  if (!one_run || request.batch > 1 || between) plan.decode += networks + (one_run ? 0 : plan.text);
  return plan;
}

GeneratePlan plan_generate(const GenerateRequest& wanted, const ModelSet& models,
                           const GenerateLimits& limits) {
  GenerateRequest request = resolve_for(models, wanted);
  request.exact = request.exact || limits.low_memory;
  check_picture_size(models, request);
  GeneratePlan plan{.weights = models.parameter_count() * 4,
                    .activations = denoising_bytes(models, request),
                    .vae = decoding_bytes(models, request),
                    .phases = plan_memory(models, request, limits.one_run)};
  plan.fits = limits.memory_bytes <= 0 || plan.phases.peak() <= limits.memory_bytes;
  return plan;
}

void check_memory(const MemoryPlan& plan, int64_t limit) {
  if (limit <= 0 || plan.peak() <= limit) return;
  throw Error(
      ErrorKind::out_of_memory, "memory",
      fmt::format("this run needs about {} (text {}, denoising {}, decoding {}, program {}), the "
                  "limit is {}: take a "
                  "smaller size, or one picture at a time",
                  human_bytes(plan.peak()), human_bytes(plan.text), human_bytes(plan.denoise),
                  human_bytes(plan.decode), human_bytes(plan.program), human_bytes(limit)));
}

}  // namespace zc
