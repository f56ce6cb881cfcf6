// SPDX-License-Identifier: Apache-2.0
// The KL-regularised autoencoder of latent diffusion (ldm/modules/diffusionmodules/model.py,
// ldm/models/autoencoder.py).
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <vector>

#include "tensor/layers.h"

namespace zc {

struct VaeConfig {
  int64_t image_channels = 3;
  int64_t latent_channels = 4;
  int64_t channels = 128;
  std::vector<int64_t> channel_mult = {1, 2, 4, 4};
  int64_t num_res_blocks = 2;
  int64_t norm_groups = 32;
  double scale_factor = 0.18215;  // latent of the UNet = scale_factor * latent of the VAE

  int64_t downscale() const { return int64_t{1} << (channel_mult.size() - 1); }
  bool operator==(const VaeConfig&) const = default;
};

// Whether a layer's input of its full size is normalised or enlarged as a whole, or band of rows by
// band, which takes about half of the memory, a little more time, and gives the same numbers. Only
// the fast kernels do it; with others, and for several pictures at once, everything is whole.
enum class VaeRows : uint8_t { whole, banded };

// GroupNorm, SiLU, convolution, twice, plus the shortcut.
class VaeResnet : public Module {
 public:
  VaeResnet(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t groups);
  at::Tensor operator()(const at::Tensor& x, VaeRows rows = VaeRows::whole) const;

 private:
  GroupNorm norm1_;
  Conv2d conv1_;
  GroupNorm norm2_;
  Conv2d conv2_;
  std::optional<Conv2d> shortcut_;
};

// One head over all positions.
class VaeAttention : public Module {
 public:
  VaeAttention(Module& parent, std::string_view key, int64_t channels, int64_t groups);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  GroupNorm norm_;
  Conv2d q_, k_, v_, out_;
};

// Pads right and bottom by one, then convolves with stride 2.
class VaeDownsample : public Module {
 public:
  VaeDownsample(Module& parent, std::string_view key, int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Conv2d conv_;
};

class VaeMiddle : public Module {
 public:
  VaeMiddle(Module& parent, int64_t channels, int64_t groups);
  at::Tensor operator()(const at::Tensor& x, VaeRows rows) const;

 private:
  VaeResnet in_;
  VaeAttention attention_;
  VaeResnet out_;
};

// Keys as in the checkpoint below "first_stage_model.".
class Vae : public Module {
 public:
  explicit Vae(const VaeConfig& config);

  struct Moments {
    at::Tensor mean;    // [B,4,H/8,W/8]
    at::Tensor logvar;  // clamped to [-30, 20]
  };
  const VaeConfig& config() const { return config_; }
  // Both compute where the weights are; the result is where the input was.
  // image [B,3,H,W] in [-1,1]
  Moments encode(const at::Tensor& image, VaeRows rows = VaeRows::whole) const;
  // latent [B,4,h,w] without the scale factor -> image [B,3,8h,8w], about [-1,1], not clipped
  at::Tensor decode(const at::Tensor& latent, VaeRows rows = VaeRows::whole) const;

 private:
  struct Level : Module {
    Level(Module& parent, std::string_view key) : Module(parent, key) {}
    std::deque<VaeResnet> blocks;
    std::optional<VaeDownsample> down;
    std::optional<Conv2d> up;
  };
  struct Coder : Module {
    Coder(Module& parent, std::string_view key, const VaeConfig& c, int64_t in, int64_t inner,
          int64_t last, int64_t out);
    Conv2d conv_in;
    VaeMiddle middle;
    GroupNorm norm_out;
    Conv2d conv_out;
    std::deque<Level> levels;  // by level, 0 = full size
  };

  VaeConfig config_;
  Coder encoder_;
  Coder decoder_;
  Conv2d quant_;
  Conv2d post_quant_;
};

}  // namespace zc
