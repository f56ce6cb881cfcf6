// SPDX-License-Identifier: Apache-2.0
#include "pipelines/preflight.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace zc {
namespace {

// Measured: how many tensors of the widest level's size live at once, in the denoising networks and
// in the decoder.
constexpr int64_t kLiveInUNet = 40;
constexpr int64_t kLiveInDecoder = 8;
constexpr int64_t kProgramBytes = int64_t{350} << 20;

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

}  // namespace

void check_picture_size(const ModelSet& models, const GenerateRequest& request) {
  check_side(request.width, models.side_multiple(), "width");
  check_side(request.height, models.side_multiple(), "height");
}

int64_t MemoryPlan::peak() const {
  return program + std::max({text, denoise, decode});
}

MemoryPlan plan_memory(const ModelSet& models, const GenerateRequest& request, bool one_run) {
  const ModelConfig& config = models.config();
  const int64_t pixels = request.width * request.height;
  const int64_t latent_pixels = pixels / (config.vae.downscale() * config.vae.downscale());
  const int64_t rows = request.cfg.value() == 1.0 ? 1 : 2;
  MemoryPlan plan;
  plan.program = kProgramBytes;
  int64_t networks = float_bytes(models.unet());
  for (const LoadedControl& control : models.controls()) networks += float_bytes(control.net);
  const int64_t vae = float_bytes(models.vae());
  plan.text = models.parameter_count() * 4 - networks - vae;
  plan.denoise = networks + rows * latent_pixels * config.unet.model_channels * 4 * kLiveInUNet;
  plan.decode = vae + pixels * config.vae.channels * 4 * kLiveInDecoder;
  if (!one_run) plan.denoise += plan.text;
  if (!one_run || request.batch > 1) plan.decode += networks + (one_run ? 0 : plan.text);
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
