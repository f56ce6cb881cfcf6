// SPDX-License-Identifier: Apache-2.0
// Pictures of the model in training.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/controlnet.h"
#include "training/control_modes.h"
#include "training/diffusion_model.h"

namespace zc {

struct PreviewOptions {
  int64_t steps = 20;
  double cfg_scale = 5.0;
  int64_t seed = 1;
  ControlTraining mode = {};  // which residuals are added
};

// DDIM without noise, guidance against the empty text. context, empty [B,T,D]; hint [B,3,H,W] with
// a control or undefined.
at::Tensor preview_latents(const DiffusionModel& model, const at::Tensor& context,
                           const at::Tensor& empty, const ControlNet* control,
                           const at::Tensor& hint, at::IntArrayRef shape,
                           const PreviewOptions& options);

}  // namespace zc
