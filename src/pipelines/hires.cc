// SPDX-License-Identifier: Apache-2.0
#include "pipelines/hires.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "pipelines/pixels.h"

namespace zc {

at::Tensor enlarged_latent(const Vae& vae, const at::Tensor& latent, ImageSize size,
                           HiresUpscaler upscaler, VaeRows rows) {
  const int64_t downscale = vae.config().downscale();
  const double scale_factor = vae.config().scale_factor;
  if (upscaler == HiresUpscaler::latent) {
    return at::upsample_bilinear2d(latent, {size.height / downscale, size.width / downscale},
                                   /*align_corners=*/false);
  }
  const Image small = picture(vae.decode(latent / scale_factor, rows).squeeze(0));
  const bool smooth = upscaler == HiresUpscaler::lanczos;
  const Image large =
      resize(small, size, smooth ? Interpolation::lanczos4 : Interpolation::nearest);
  return vae.encode(vae_input(large), rows).mean * scale_factor;
}

int64_t hires_schedule_steps(const GenerateRequest& request) {
  const HiresOptions& o = request.hires;
  if (request.profile != "a1111" || o.denoise <= 0) return o.steps;
  constexpr double kMostSteps = 1000;  // of the training
  const double steps = static_cast<double>(o.steps) / std::min(o.denoise, 0.999);
  return static_cast<int64_t>(std::min(steps, kMostSteps));
}

}  // namespace zc
