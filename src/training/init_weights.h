// SPDX-License-Identifier: Apache-2.0
// Fresh weights, and the trainable copy with which a ControlNet begins.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "models/controlnet.h"
#include "models/unet.h"
#include "tensor/state_dict.h"

namespace zc {

// PyTorch's default initialisation: uniform(+-1/sqrt(fan_in)) for convolutions, linear layers and
// their biases, one and zero for norms, normal(0, 0.02) for embeddings; zero for the last layers of
// residual branches as in openaimodel.py (zero_module), the autoencoder's included: what is a sum
// of identities at first learns colours sooner. The values depend on (seed, key) only.
void init_weights(Module& module, uint64_t seed);

// cldm.py / tool_add_control.py: the encoder's weights copied from the UNet, zero convolutions
// zero, the hint encoder fresh with its last convolution zero. The first residuals are therefore
// exactly 0. Everything becomes float32.
void init_control(ControlNet& control, const UNet& unet, uint64_t seed);
// The same from the weights of a UNet under `prefix`. How many weights were copied.
int64_t init_control(ControlNet& control, const StateDict& unet, std::string_view prefix,
                     uint64_t seed);

// Makes every parameter a float32 leaf of its own on `device` that collects gradients, or one that
// does not.
void set_trainable(Module& module, bool trainable, at::Device device = at::kCPU);

// Makes every parameter a tensor of its own on `device` that collects no gradient, in the precision
// that it has: a base that only reads along needs no more.
void set_locked(Module& module, at::Device device = at::kCPU);

// The parameters for whose key `chosen` is true become trainable as by set_trainable(); the others
// are left as they are.
void set_trainable_where(Module& module, const std::function<bool(const std::string& key)>& chosen,
                         at::Device device = at::kCPU);

}  // namespace zc
