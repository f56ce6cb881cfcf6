// SPDX-License-Identifier: Apache-2.0
// TAESD: a tiny autoencoder whose latents agree with the VAE's, for previews
// (github.com/madebyollin/taesd).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "tensor/layers.h"

namespace zc {

struct TaesdConfig {
  int64_t image_channels = 3;
  int64_t latent_channels = 4;
  int64_t channels = 64;
  int64_t blocks = 3;  // at each resolution but the largest, which has one
};

// Keys as in diffusers' AutoencoderTiny, "encoder.layers.<i>" and "decoder.layers.<i>", the only
// ones that tell both halves apart (formats/key_map taesd_to_diffusers makes them from the original
// files). Either half may be left out.
class Taesd : public Module {
 public:
  enum class Half { both, encoder, decoder };
  explicit Taesd(const TaesdConfig& config, Half half = Half::both);

  // image [B,3,H,W] in [-1,1] -> latent [B,4,H/8,W/8] in the UNet's scale
  at::Tensor encode(const at::Tensor& image) const;
  // latent [B,4,h,w] in the UNet's scale -> image [B,3,8h,8w], about [-1,1], not clipped
  at::Tensor decode(const at::Tensor& latent) const;

 private:
  // Three convolutions with ReLU around a shortcut.
  struct Block : Module {
    Block(Module& parent, std::string_view key, int64_t channels);
    at::Tensor operator()(const at::Tensor& x) const;
    Conv2d in, middle, out;
  };
  // A convolution that changes the resolution or channels, and the blocks behind it.
  struct Stage {
    std::optional<Conv2d> conv;
    std::deque<Block> blocks;
  };
  void add_encoder();
  void add_decoder();

  TaesdConfig config_;
  std::deque<Stage> encoder_, decoder_;
};

}  // namespace zc
