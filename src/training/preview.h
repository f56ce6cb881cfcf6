// SPDX-License-Identifier: Apache-2.0
// Pictures of the model in training.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "image/image.h"
#include "image/resize.h"
#include "models/controlnet.h"
#include "training/control_modes.h"
#include "training/diffusion_model.h"

namespace zc {

struct PreviewOptions {
  int64_t steps = 20;
  double cfg_scale = 5.0;
  int64_t seed = 1;
  ControlTraining mode = {};  // which residuals are added
  // As the model is trained (LossOptions): the run begins at the last time step, which is pure
  // noise, as such a model has seen it.
  bool zero_terminal_snr = false;
};

// One call of the model: its time step, and how much of the picture is there before and after
// (alphas_cumprod).
struct PreviewStep {
  int64_t t;
  double abar, abar_next;
};
// Of DDIM, from the noisiest on: at 951, 901, ..., 1 for 20 steps; or from 999 in equal steps on
// the rescaled schedule (arXiv 2305.08891, 3.3).
std::vector<PreviewStep> preview_steps(int64_t steps, bool zero_terminal_snr);

// DDIM without noise, guidance against the empty text. context, empty [B,T,D]; hint [B,3,H,W] with
// a control or undefined.
at::Tensor preview_latents(const DiffusionModel& model, const at::Tensor& context,
                           const at::Tensor& empty, const ControlNet* control,
                           const at::Tensor& hint, at::IntArrayRef shape,
                           const PreviewOptions& options);

struct PreviewSubject {
  at::Tensor context, empty;    // [1,T,D], on the model's device
  ImageSize size;               // a multiple of the autoencoder's scale
  const Image* hint = nullptr;  // RGB of that size; nullptr: without the ControlNet
};
// The same for one picture, decoded.
Image preview_picture(const DiffusionModel& model, const ControlNet& control,
                      const PreviewSubject& subject, const PreviewOptions& options);

// RGB through the autoencoder and back, without its noise.
Image reconstruction(const DiffusionModel& model, const Image& picture, at::Device device);

// A map as a ControlNet takes it: RGB -> [1,3,H,W] in [0,1], by the way of [-1,1] like pictures.
at::Tensor hint_from_image(const Image& map, at::Device device);

}  // namespace zc
