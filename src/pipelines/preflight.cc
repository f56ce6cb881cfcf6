// SPDX-License-Identifier: Apache-2.0
#include "pipelines/preflight.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "pipelines/generate.h"
#include "pipelines/model_set.h"
#include "tensor/device_memory.h"
#include "tensor/weight_stream.h"

namespace zc {
namespace {

// Measured: how many tensors of the widest level's size live at once, in the denoising networks and
// in the decoder.
constexpr int64_t kLiveInUNet = 40;
constexpr int64_t kLiveInDecoder = 8;
constexpr int64_t kLiveInBandedDecoder = 5;
constexpr int64_t kAllWeights = int64_t{1} << 60;
constexpr int64_t kProgramBytes = int64_t{420} << 20;
// CUDA's context and the work space of its libraries: counted for, not measured.
constexpr int64_t kDeviceProgramBytes = int64_t{640} << 20;
constexpr int64_t kMostTogether = 8;
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

// Weights as a run has them in memory: halves that the fast kernels widen on their way stay halves.
int64_t resident_bytes(const Module& module, const GenerateRequest& request) {
  int64_t bytes = 0;
  module.visit(Module::ConstVisitor([&](const std::string&, const Parameter& p) {
    const bool as_stored = !request.exact && p.shape().size() > 1;
    bytes += as_stored ? static_cast<int64_t>(p.stored().nbytes()) : p.numel() * 4;
  }));
  return bytes;
}

int64_t weight_bytes(const std::vector<const Module*>& modules, const GenerateRequest& request,
                     bool streamed) {
  int64_t kept = 0, largest = 0;
  for (const Module* module : modules) {
    if (!streamed) {
      kept += resident_bytes(*module, request);
      continue;
    }
    const StreamedBytes bytes = streamed_bytes(*module);
    kept += bytes.kept;
    largest = std::max(largest, bytes.largest);
  }
  return kept + 3 * largest;  // a half, and what it is widened to
}

// Whether some unit or mode treats the passes differently, so that they are two anyway.
bool has_two_passes(const GenerateRequest& request) {
  return request.exact || request.guess ||
         std::ranges::any_of(request.controls, [](const ControlUnit& unit) {
           return unit.mode == ControlMode::control;
         });
}

// How many latents the networks see at once.
int64_t rows_of(const GenerateRequest& request, const MemorySavings& savings) {
  return request.cfg.value() == 1.0 || savings.two_passes || has_two_passes(request) ? 1 : 2;
}

// Of the larger pass.
int64_t most_pixels(const ModelSet& models, const GenerateRequest& request) {
  const int64_t pixels = request.width * request.height;
  if (!request.hires.on()) return pixels;
  const PictureSize large = hires_size(request, models.side_multiple());
  return std::max(pixels, large.width * large.height);
}

// What is kept of two steps, and told from them: as many tensors of the widest level's size.
int64_t live_in_forecasts(const GenerateRequest& request) {
  constexpr int64_t kOfUnit = 16, kOfUNet = 3;
  const bool deep = request.skip.deep > 0;
  const auto units = static_cast<int64_t>(request.controls.size());
  return (deep ? kOfUNet : 0) + (deep || request.skip.control > 0 ? kOfUnit * units : 0);
}

int64_t denoising_bytes(const ModelSet& models, const GenerateRequest& request,
                        const MemorySavings& savings) {
  const ModelConfig& config = models.config();
  const int64_t latent_pixels =
      most_pixels(models, request) / (config.vae.downscale() * config.vae.downscale());
  const int64_t live =
      latent_pixels * config.unet.model_channels * 4 * (kLiveInUNet + live_in_forecasts(request));
  // How alike each quarter of the tokens is to the other three (token_merging.h).
  const int64_t alike = request.skip.tokens > 0 ? latent_pixels * latent_pixels / 16 * 3 * 4 : 0;
  return rows_of(request, savings) * (live + alike);
}

int64_t decoding_bytes(const ModelSet& models, const GenerateRequest& request,
                       const MemorySavings& savings) {
  const int64_t live = savings.banded ? kLiveInBandedDecoder : kLiveInDecoder;
  return most_pixels(models, request) * models.config().vae.channels * 4 * live;
}

// Of a set whose networks wait on the host until this plan has places for them.
MemoryPlan plan_on_device(const MemorySavings& savings, int64_t together, const ModelSet& models,
                          const GenerateRequest& request, int64_t limit) {
  MemoryPlan plan{.savings = savings,
                  .together = together,
                  .program = models.place().on_cpu() ? kProgramBytes : kDeviceProgramBytes};
  const int64_t activations = together * denoising_bytes(models, request, savings) *
                              static_cast<int64_t>(at::elementSize(models.place().type)) / 4;
  int64_t decoder = 0;
  models.vae().visit(Module::ConstVisitor(
      [&](const std::string&, const Parameter& p) { decoder += p.numel() * 4; }));
  const int64_t decoding = decoding_bytes(models, request, savings);
  const int64_t for_weights = limit - plan.program - activations;
  // Where nothing passes through, steps are recorded, and a recording has memory of its own.
  const int64_t recorded = activations;
  // Where all stays, the autoencoder is beside the networks, and they beside it if it is wanted in
  // between. Else it comes for the last picture; others are decoded on the host.
  plan.device = models.device_plan(limit > 0 ? for_weights - recorded - decoder : kAllWeights);
  const bool between = request.batch > 1 || request.hires.on();
  plan.decode = decoder + decoding + (between ? plan.device.all + activations + recorded : 0);
  const bool fits = limit <= 0 || plan.program + plan.decode <= limit;
  if (plan.device.ring > 0 || !fits)
    plan.device = models.device_plan(std::min(for_weights, plan.device.all - 1));
  plan.savings.streamed = plan.device.ring > 0;
  plan.denoise = plan.device.on_device() + activations;
  if (plan.savings.streamed) {
    plan.decode = decoder + decoding;
  } else {
    plan.denoise += decoder + recorded;
  }
  return plan;
}

MemoryPlan plan_with(const MemorySavings& savings, const ModelSet& models,
                     const GenerateRequest& request, bool one_run) {
  MemoryPlan plan{.savings = savings, .program = kProgramBytes};
  std::vector<const Module*> denoising = {&models.unet()};
  for (const LoadedControl& control : models.controls()) denoising.push_back(&control.net);
  const auto bytes = [&](const std::vector<const Module*>& modules) {
    return weight_bytes(modules, request, savings.streamed);
  };
  const int64_t networks = bytes(denoising);
  plan.text = bytes({&models.text_encoder()});
  plan.denoise = networks + denoising_bytes(models, request, savings);
  if (!request.init.empty()) plan.denoise += bytes({&models.vae()});
  plan.decode = bytes({&models.vae()}) + decoding_bytes(models, request, savings);
  if (!one_run) plan.denoise += plan.text;
  // Whether the networks are wanted again after the autoencoder.
  const bool between = request.hires.on() && request.hires.upscaler != HiresUpscaler::latent;
  if (!one_run || request.batch > 1 || between) plan.decode += networks + (one_run ? 0 : plan.text);
  return plan;
}

int64_t pictures_together(const ModelSet& models, const GenerateRequest& request,
                          const GenerateLimits& limits) {
  const int64_t most = limits.together > 0       ? limits.together
                       : models.place().on_cpu() ? 1
                                                 : kMostTogether;
  return std::min(most, request.batch);
}

// Fewer pictures are made at once before weights pass through, and these do before the two sides of
// guidance are taken one after the other, which costs more. With low_memory the least of all.
MemoryPlan plan_waiting(const ModelSet& models, const GenerateRequest& request,
                        const GenerateLimits& limits) {
  const int64_t free = free_device_memory(models.place().device);  // 0: not known
  int64_t limit = limits.memory_bytes > 0 && free > 0 ? std::min(limits.memory_bytes, free)
                                                      : std::max(limits.memory_bytes, free);
  if (limits.low_memory) limit = 1;
  for (int64_t together = pictures_together(models, request, limits); together > 1; together /= 2) {
    const MemoryPlan plan = plan_on_device({}, together, models, request, limit);
    if (!plan.savings.streamed && (limit <= 0 || plan.peak() <= limit)) return plan;
  }
  const MemoryPlan plan = plan_on_device({}, 1, models, request, limit);
  if (limit <= 0 || plan.program + plan.denoise <= limit || rows_of(request, {}) == 1) return plan;
  return plan_on_device({.two_passes = true}, 1, models, request, limit);
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

MemoryPlan plan_memory(const ModelSet& models, const GenerateRequest& request,
                       const GenerateLimits& limits) {
  if (models.waits()) return plan_waiting(models, request, limits);
  MemoryPlan plan = plan_with({}, models, request, limits.one_run);
  const int64_t together = limits.low_memory ? 1 : pictures_together(models, request, limits);
  const auto fits = [&](int64_t phase) {
    return !limits.low_memory &&
           (limits.memory_bytes <= 0 || plan.program + phase <= limits.memory_bytes);
  };
  const auto save = [&](bool MemorySavings::*saving) {
    MemorySavings more = plan.savings;
    more.*saving = true;
    plan = plan_with(more, models, request, limits.one_run);
  };
  if (!fits(plan.denoise) && rows_of(request, {}) > 1) save(&MemorySavings::two_passes);
  // Bands want kernels whose sums do not depend on where a band begins.
  if (!fits(plan.decode) && !request.exact) save(&MemorySavings::banded);
  if (!fits(std::max({plan.text, plan.denoise, plan.decode})) && limits.one_run)
    save(&MemorySavings::streamed);
  plan.together = together;
  return plan;
}

std::string plan_text(const MemoryPlan& plan) {
  std::string text = fmt::format("{} of memory", human_bytes(plan.peak()));
  const char* before = ": ";
  for (const auto& [saved, words] :
       {std::pair{plan.savings.two_passes, "two passes"},
        std::pair{plan.savings.streamed, plan.device.ring > 0
                                             ? "weights that pass through it"
                                             : "weights streamed from their files"},
        std::pair{plan.savings.banded, "decoded in bands"}}) {
    if (!saved) continue;
    text += std::exchange(before, ", ");
    text += words;
  }
  return text;
}

GeneratePlan plan_generate(const GenerateRequest& wanted, const ModelSet& models,
                           const GenerateLimits& limits) {
  const GenerateRequest request = resolve_for(models, wanted);
  check_picture_size(models, request);
  GeneratePlan plan{
      .weights = 0, .activations = 0, .vae = 0, .phases = plan_memory(models, request, limits)};
  const MemorySavings& savings = plan.phases.savings;
  std::vector<const Module*> all = {&models.text_encoder(), &models.unet(), &models.vae()};
  for (const LoadedControl& control : models.controls()) all.push_back(&control.net);
  plan.weights = models.waits() ? plan.phases.device.on_device()
                                : weight_bytes(all, request, savings.streamed);
  plan.activations = denoising_bytes(models, request, savings);
  plan.vae = decoding_bytes(models, request, savings);
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
