// SPDX-License-Identifier: Apache-2.0
// One picture through a sampler: from noise, or from a picture, with or without a mask.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/noise.h"

namespace zc {

class Scheduler;

struct SamplerOptions {
  std::string sampler = "ddim";
  int64_t steps = 20;
  double eta = 0.0;
  bool v_prediction = false;
  // The model was trained so that its last time step is pure noise (arXiv 2305.08891): betas are
  // rescaled, and the steps begin there.
  bool zero_terminal_snr = false;
};

// A sampler with its timesteps set. Throws bad_request for steps that it cannot do, and for a
// sampler that cannot begin at pure noise, naming some that can.
class SamplerRun {
 public:
  explicit SamplerRun(const SamplerOptions& options);
  ~SamplerRun();

  // One for each call of the model, in order.
  const std::vector<double>& timesteps() const;

  // x0 and keep may be undefined.
  struct Start {
    at::Tensor noise;      // [B,4,h,w]
    at::Tensor x0;         // latent of the picture to begin with
    double denoise = 1.0;  // below 1: the last part of the steps, from x0 with noise
    at::Tensor keep;       // [1,1,h,w], 1 where x0 stays
  };
  // Where a run begins, of which so much is done: a position in timesteps().
  int64_t first_call(double denoise) const;

  // model(x, call): what the network predicts for x, guidance included; on_call: after each step,
  // with the image that it saw. `noise` is asked for once for each step, and before it once more
  // where there is a mask.
  using Model = std::function<at::Tensor(const at::Tensor& x, int64_t call)>;
  // May be called again for the next picture.
  using OnCall = std::function<void(int64_t call, const at::Tensor& pred_x0)>;
  at::Tensor run(const Start& start, const Model& model, const NoiseFunction& noise,
                 const OnCall& on_call);

 private:
  std::unique_ptr<Scheduler> scheduler_;
  int64_t steps_;
};

struct BatchNoiseOptions {
  std::string profile = "seed";
  std::string source = "profile";  // or "cpu", "cuda"
  uint64_t seed = 0;
  int64_t batch = 1;
  uint64_t seed_step = 0;  // picture k has the seed + k * seed_step; 0: one stream for all
  // Above 0 each picture begins with the noise of `seed`, to which so much of the noise of
  // variation_seed + k is mixed (slerp).
  double variation_strength = 0;
  uint64_t variation_seed = 0;
};

// The noise of a whole batch, handed out for some pictures at a time: the streams draw once for all
// of them, as the original does.
class BatchNoise {
 public:
  // shape: [1,4,h,w] of one picture.
  BatchNoise(const BatchNoiseOptions& options, std::vector<int64_t> shape);

  // For the autoencoder's sample of a picture: the original draws it on the CPU, whatever the
  // device.
  at::Tensor encoder_noise(int64_t image);
  // Draws of `count` pictures from `first` on in their order, beginning with the start noise.
  // Borrows this.
  NoiseFunction of_images(int64_t first, int64_t count);

 private:
  const at::Tensor& draw(size_t number);
  at::Tensor varied(const at::Tensor& start);

  BatchNoiseOptions options_;
  NoiseOptions stream_options_;
  std::vector<int64_t> shape_;  // of the batch
  NoiseStream stream_;
  std::vector<at::Tensor> draws_;
  at::Tensor encoder_draw_;
};

}  // namespace zc
