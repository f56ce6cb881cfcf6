// SPDX-License-Identifier: Apache-2.0
// The second pass over an enlarged picture ("hires. fix"): what it begins with, and in how many
// steps.
#pragma once

#include <ATen/core/Tensor.h>

#include "image/resize.h"
#include "models/vae.h"
#include "pipelines/request.h"

namespace zc {

// The latent of the first pass [1,4,h,w] at the size of the second, both on the UNet's scale.
// `latent`: bilinearly, as the web UI's upscaler of that name; others decode the picture, enlarge
// it and encode it again (modules/processing.py, sample_hr_pass), without the encoder's noise.
at::Tensor enlarged_latent(const Vae& vae, const at::Tensor& latent, ImageSize size,
                           HiresUpscaler upscaler, VaeRows rows = VaeRows::whole);

// The steps of the second pass's schedule, of which the part `denoise` is run. In the profile
// a1111 hires.steps are those that are run, as in the web UI (modules/sd_samplers_common.py,
// setup_img2img_steps). request: resolved.
int64_t hires_schedule_steps(const GenerateRequest& request);

}  // namespace zc
