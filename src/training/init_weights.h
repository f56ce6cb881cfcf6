// SPDX-License-Identifier: Apache-2.0
// Fresh weights, and the trainable copy with which a ControlNet begins.
#pragma once

#include <cstdint>

#include "models/controlnet.h"
#include "models/unet.h"

namespace zc {

// PyTorch's default initialisation: uniform(+-1/sqrt(fan_in)) for convolutions, linear layers and
// their biases, one and zero for norms, normal(0, 0.02) for embeddings; zero for the last layers of
// residual branches as in openaimodel.py (zero_module), the autoencoder's included: what is a sum
// of identities at first learns colours sooner. The values depend on (seed, key) only.
void init_weights(Module& module, uint64_t seed);

// cldm.py / tool_add_control.py: the encoder's weights copied from the UNet, zero convolutions
// zero, the hint encoder fresh with its last convolution zero. The first residuals are therefore
// exactly 0.
void init_control(ControlNet& control, const UNet& unet, uint64_t seed);

// Makes every parameter a float32 leaf of its own on `device` that collects gradients, or one that
// does not.
void set_trainable(Module& module, bool trainable, at::Device device = at::kCPU);

}  // namespace zc
