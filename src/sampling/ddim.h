// SPDX-License-Identifier: Apache-2.0
// The original's DDIM sampler to the letter (lllyasviel/ControlNet, cldm/ddim_hacked.py), its
// oddities included.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <vector>

#include "sampling/denoiser.h"
#include "sampling/schedule.h"
#include "sampling/scheduler.h"

namespace zc {

// Indexed from the lowest timestep up, as in the original.
struct DdimSchedule {
  std::vector<int64_t> timesteps;
  std::vector<float> alphas;
  std::vector<float> alphas_prev;  // that of the lowest timestep is alphas_cumprod[0], not 1
  std::vector<double> sigmas;
  std::vector<float> sqrt_one_minus_alphas;
};

// The timesteps range(0, 1000, 1000 / steps) + 1: more than `steps` when it does not divide 1000
// (30 gives 31). Throws ErrorKind::bad_request for "steps" when that runs past the last timestep
// (3, 9, 27, 36, 37, 333, ...), where the original fails, too.
DdimSchedule make_ddim_schedule(const LdmSchedule& model, int64_t steps, double eta);

// All of a sampling run. With `mask` (1 keeps x0) the latent is overwritten before each model call
// by x0 with fresh noise.
struct DdimRun {
  DdimSchedule schedule;
  Prediction parameterization = Prediction::epsilon;  // or v_prediction
  Denoiser denoise;
  NoiseFunction noise;       // asked for once per step, also with eta 0
  NoiseFunction mask_noise;  // before it, once per step, when there is a mask; `noise` if empty
  at::Tensor mask;
  at::Tensor x0;
  std::function<void(int64_t step, const at::Tensor& x, const at::Tensor& pred_x0)> on_step;
};

// The steps of index count-1 down to 0, from x. With count = timesteps.size() the whole run
// ("sample"), with less the end of one ("decode").
at::Tensor ddim_decode(const LdmSchedule& model, const DdimRun& run, at::Tensor x, int64_t count);

// x0 with noise of the level of index t_enc ("stochastic_encode"). The original then decodes t_enc
// steps, whose first one expects one index less.
at::Tensor ddim_encode(const DdimSchedule& schedule, const at::Tensor& x0, int64_t t_enc,
                       const at::Tensor& noise);

}  // namespace zc
