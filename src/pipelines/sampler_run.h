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
};

// A sampler with its timesteps set. Throws bad_request for steps that it cannot do.
class SamplerRun {
 public:
  explicit SamplerRun(const SamplerOptions& options);
  ~SamplerRun();

  // One for each call of the model, in order.
  const std::vector<double>& timesteps() const;

  // x0 and keep may be undefined.
  struct Start {
    at::Tensor noise;      // [1,4,h,w]
    at::Tensor x0;         // latent of the picture to begin with
    double denoise = 1.0;  // below 1: the last part of the steps, from x0 with noise
    at::Tensor keep;       // [1,1,h,w], 1 where x0 stays
  };
  // Where the run begins: a position in timesteps().
  int64_t first_call(const Start& start) const;

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

// The noise of a whole batch, handed out picture by picture: the streams draw once for all of them,
// as the original does.
class BatchNoise {
 public:
  // source: "profile", "cpu" or "cuda". shape: [1,4,h,w] of one picture.
  BatchNoise(std::string_view profile, std::string_view source, uint64_t seed, int64_t batch,
             std::vector<int64_t> shape);

  // For the autoencoder's sample of a picture: the original draws it on the CPU, whatever the
  // device.
  at::Tensor encoder_noise(int64_t image);
  // Draws of picture `image` in their order, beginning with the start noise. Borrows this.
  NoiseFunction of_image(int64_t image);

 private:
  const at::Tensor& draw(size_t number);

  uint64_t seed_;
  std::vector<int64_t> shape_;  // of the batch
  bool shares_cpu_stream_;
  NoiseStream stream_;
  std::vector<at::Tensor> draws_;
  at::Tensor encoder_draw_;
};

}  // namespace zc
