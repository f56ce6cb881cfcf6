// SPDX-License-Identifier: Apache-2.0
// The ControlNet: hint encoder, trainable copy of the encoder, zero convolutions (arXiv 2302.05543;
// cldm.py ControlNet).
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>

#include "models/unet.h"

namespace zc {

// cldm.py ControlNet.input_hint_block: eight convolutions with SiLU between them, 8 times smaller.
class HintEncoder : public Module {
 public:
  HintEncoder(Module& parent, std::string_view key, const UNetConfig& config);
  // hint [B,3,8H,8W] in [0,1] RGB -> [B,C,H,W]
  at::Tensor operator()(const at::Tensor& hint) const;

 private:
  std::deque<Conv2d> convs_;
};

// Keys as in the checkpoint below "control_model.".
class ControlNet : public Module {
 public:
  // The configuration of the UNet whose encoder it copies.
  explicit ControlNet(const UNetConfig& config);

  const UNetConfig& config() const { return config_; }
  size_t residual_count() const { return encoder_.stages().size() + 1; }

  at::Tensor embed(const at::Tensor& t, const at::Tensor& label = {}) const;
  // The features of the hint do not change between steps: compute them once for a run.
  at::Tensor encode_hint(const at::Tensor& hint) const;

  // x [B,4,H,W], features [B,C,H,W] of encode_hint() (either may have one row for all of the
  // context's) -> 13 residuals for SD1.5; the first have one row where x and features have.
  Residuals forward(const at::Tensor& x, const at::Tensor& features, const at::Tensor& emb,
                    Context& context) const;

 private:
  UNetConfig config_;
  Encoder encoder_;
  HintEncoder hint_;
  std::deque<Conv2d> zero_convs_;
  Conv2d middle_zero_conv_;
};

// Strength of each residual in guess mode: strength * 0.825^(n-1-i), so 1 for the middle block
// (gradio_*.py).
std::vector<double> guess_mode_scales(size_t count, double strength = 1.0);

}  // namespace zc
