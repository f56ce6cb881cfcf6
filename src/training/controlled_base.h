// SPDX-License-Identifier: Apache-2.0
// One pass of the base with its ControlNet, as training and its measurements run it.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/controlnet.h"
#include "models/unet.h"
#include "training/control_modes.h"

namespace zc {

struct ControlledBase {
  const UNet* unet = nullptr;
  const ControlNet* control = nullptr;
  ControlTraining mode;
  bool recompute = false;  // gradient checkpointing
};

// x_t [B,4,h,w], t [B], hint [B,3,8h,8w] in [0,1], tokens [B,T,D] -> [B,4,h,w].
at::Tensor predict(const ControlledBase& model, const at::Tensor& x_t, const at::Tensor& t,
                   const at::Tensor& hint, const at::Tensor& tokens);

// uint8 [B,3 or 1,H,W] -> float [B,3,H,W] in [0,1].
at::Tensor hint_from_bytes(const at::Tensor& bytes);

}  // namespace zc
