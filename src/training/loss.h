// SPDX-License-Identifier: Apache-2.0
// The diffusion loss: noised latents, what the network should say, and how much each time step
// counts.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "models/model_config.h"

namespace zc {

struct NoisedBatch {
  at::Tensor x_t;     // sqrt(abar_t) z0 + sqrt(1 - abar_t) noise
  at::Tensor t;       // int64 [B]
  at::Tensor target;  // noise, or v = sqrt(abar_t) noise - sqrt(1 - abar_t) z0
  at::Tensor weight;  // [B]
};

// abar_t of SD's schedule: betas = linspace(sqrt(0.00085), sqrt(0.012), 1000)^2; float32 [1000].
at::Tensor alphas_cumprod_float();

struct LossOptions {
  ModelPrediction prediction = ModelPrediction::epsilon;
  // gamma; 0: weights 1 (ddpm.py, p_losses); else min(snr, gamma)/snr for epsilon and
  // min(snr, gamma)/(snr + 1) for v (arXiv 2303.09556).
  double min_snr = 0.0;
  // Standard deviation of a further noise, one value for each picture and channel. Without it the
  // mean of the noisiest latents betrays the picture's brightness, which sampling, beginning
  // from pure noise, takes for middle grey (crosslabs.org/blog/diffusion-with-offset-noise).
  double noise_offset = 0.0;
};

// t uniform in 0..999, spread evenly over the batch so that each batch sees all noise levels
// (arXiv 2107.00630, appendix I.1); noise normal. alphas_cumprod lies where z0 lies.
NoisedBatch noise_batch(const at::Tensor& z0, const at::Tensor& alphas_cumprod,
                        const LossOptions& options, at::Generator& generator);

// mean over the batch of weight_b * mean squared error_b
at::Tensor weighted_mse(const at::Tensor& output, const NoisedBatch& batch);

}  // namespace zc
