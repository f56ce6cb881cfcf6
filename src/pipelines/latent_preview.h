// SPDX-License-Identifier: Apache-2.0
// Latents as small pictures while a run goes on: a linear map to RGB, a pixel for each latent one.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "image/image.h"
#include "models/model_config.h"
#include "models/vae.h"

namespace zc {

// rgb[c] = bias[c] + sum of weight[l][c] * latent[l], in [-1,1]; latents on the UNet's scale.
struct LatentColours {
  std::array<std::array<float, 3>, 4> weight = {};
  std::array<float, 3> bias = {};
};

// Stable Diffusion 1.x and 2.x (the numbers that the web UI uses, modules/sd_vae_approx.py, from
// https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204).
LatentColours stable_diffusion_colours();

// The linear map with the least squared error from latents [1,4,h,w] to colours [1,3,h,w], float32.
LatentColours least_squares_colours(const at::Tensor& latents, const at::Tensor& rgb);

// The map that fits the autoencoder best, over the pixels of one picture of many colours. Takes
// about as long as encoding 256x256 pixels. Latents of four channels only.
LatentColours fitted_colours(const Vae& vae);

// The first where the autoencoder is Stable Diffusion's, else the second.
LatentColours latent_colours(const ModelConfig& config, const Vae& vae);

// latent [1,4,h,w] float32 -> RGB of w x h pixels.
Image latent_picture(const at::Tensor& latent, const LatentColours& colours);

// Lets previews through at most once in so many milliseconds, the first at once.
class PreviewClock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit PreviewClock(int64_t interval_ms) : interval_(interval_ms) {}
  bool due(Time now);

 private:
  std::chrono::milliseconds interval_;
  std::optional<Time> last_;
};

}  // namespace zc
