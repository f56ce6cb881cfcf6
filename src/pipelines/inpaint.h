// SPDX-License-Identifier: Apache-2.0
// Pictures to begin with: their latents, and masks for the part that is made anew.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "image/resize.h"
#include "models/vae.h"

namespace zc {

struct StartPicture {
  Image picture;        // RGB of the wanted size
  at::Tensor mask;      // [1,1,H,W], 1 where the picture is made anew; undefined: everywhere
  Vae::Moments latent;  // of `picture`
};

struct StartPictureOptions {
  ImageSize size;
  double mask_blur = 5.0;
  double half_range = 127.5;  // see vae_input
  VaeRows rows = VaeRows::whole;
};

// Scales and cuts the picture to the size; the mask (white: make anew) is stretched to it and
// softened (gradio_inpaint.py).
StartPicture prepare_start(const Image& init, const Image* mask, const StartPictureOptions& options,
                           const Vae& vae, std::vector<std::string>& warnings);

// Latent of the UNet's scale: scale_factor * (mean + deviation * noise).
at::Tensor sample_latent(const Vae::Moments& moments, const at::Tensor& noise, double scale_factor);

// Where the latent keeps the start picture: 1 - mask, averaged over each latent pixel. Undefined
// without a mask.
at::Tensor keep_in_latent(const StartPicture& start, int64_t downscale);

// Outside the mask the start picture's own pixels come back.
Image blend_with_start(const StartPicture& start, const Image& result);

}  // namespace zc
