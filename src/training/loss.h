// SPDX-License-Identifier: Apache-2.0
// The diffusion loss: noised latents, what the network should say, and how much each time step
// counts.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <string>

#include "models/model_config.h"
#include "training/keyed_noise.h"

namespace zc {

struct NoisedBatch {
  at::Tensor x_t;     // sqrt(abar_t) z0 + sqrt(1 - abar_t) noise
  at::Tensor t;       // int64 [B]
  at::Tensor target;  // noise, or v = sqrt(abar_t) noise - sqrt(1 - abar_t) z0
  at::Tensor weight;  // [B]
  at::Tensor huber;   // c [B,1,1,1] of the huber loss; undefined: squared errors
};

struct LossOptions {
  ModelPrediction prediction = ModelPrediction::epsilon;
  // "l2": the squared error d^2 (ddpm.py, p_losses). "huber": 2c (sqrt(d^2 + c^2) - c), which grows
  // but linearly for large errors; c falls from 1 at the cleanest time step to huber_c at the
  // noisiest: c = (1 - huber_c) / (1 + sigma)^2 + huber_c, sigma^2 = 1/snr (schedule "snr" of
  // kohya's sd-scripts).
  std::string kind = "l2";
  double huber_c = 0.1;
  // gamma; 0: weights 1 (ddpm.py, p_losses); else min(snr, gamma)/snr for epsilon and
  // min(snr, gamma)/(snr + 1) for v (arXiv 2303.09556).
  double min_snr = 0.0;
  // Weights 1/sqrt(snr) for epsilon, 1/(snr + 1) for v, snr at most 1000 (arXiv 2310.08442).
  bool debiased = false;
  // Standard deviation of a further noise, one value for each picture and channel. Without it the
  // mean of the noisiest latents betrays the picture's brightness, which sampling, beginning
  // from pure noise, takes for middle grey (crosslabs.org/blog/diffusion-with-offset-noise).
  double noise_offset = 0.0;
  // The last time step is pure noise, as sampling begins (arXiv 2305.08891). Refused with epsilon
  // prediction unless that is asked for.
  bool zero_terminal_snr = false;
  bool zero_terminal_epsilon = false;
};

// Throws bad_request (an unknown kind, two kinds of weights, epsilon at a step without signal).
void check_loss_options(const LossOptions& options);

// abar_t of SD's schedule: betas = linspace(sqrt(0.00085), sqrt(0.012), 1000)^2; float32 [1000].
at::Tensor alphas_cumprod_float();
// The same with sqrt(abar) shifted and scaled so that its last is 0 and its first stays
// (arXiv 2305.08891, algorithm 1).
at::Tensor zero_terminal(const at::Tensor& alphas_cumprod);
// The schedule of these options, which it checks; float32 [1000].
at::Tensor training_alphas_cumprod(const LossOptions& options);

// z0 [B,C,H,W]; alphas_cumprod [1000] lies where z0 lies. Noise, offset and t of a sample depend on
// its place alone. t = frac(u + g/G) * 1000 of sample g among the G of the step, u drawn once a
// step: every step sees all noise levels evenly (arXiv 2107.00630, appendix I.1).
NoisedBatch noise_batch(const at::Tensor& z0, const at::Tensor& alphas_cumprod,
                        const LossOptions& options, const BatchPlace& place);
// The same with numbers from a generator, spread over this batch alone.
NoisedBatch noise_batch(const at::Tensor& z0, const at::Tensor& alphas_cumprod,
                        const LossOptions& options, at::Generator& generator);

struct BatchLoss {
  at::Tensor mean;        // of weight_b * loss_b, with its graph
  at::Tensor per_sample;  // loss_b without weights or graph, float32 [B]: for a log by time step
};
// output and batch.target [B,C,H,W].
BatchLoss diffusion_loss(const at::Tensor& output, const NoisedBatch& batch);

}  // namespace zc
