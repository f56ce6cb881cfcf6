// SPDX-License-Identifier: Apache-2.0
// What of a model learns while a ControlNet is trained: the modes of the original (cldm.py,
// configure_optimizers).
#pragma once

#include <string>
#include <vector>

#include "models/controlnet.h"
#include "models/unet.h"
#include "training/loop.h"

namespace zc {

struct ControlTraining {
  // sd_locked = False: the UNet's decoder (output_blocks, out) learns too. The result is then a
  // whole checkpoint, and the learning rate that the original advises is lower (2e-6).
  bool unlock_decoder = false;
  // only_mid_control: of the residuals the middle block's alone is added; meant for unlock_decoder.
  bool only_middle = false;
};

// Makes exactly the parameters of the mode trainable (float32 leaves on `device`) and locks the
// UNet's others in the precision that they have. In the order of the original's optimizer:
// ControlNet, then output_blocks and out.
std::vector<TrainedModule> trained_modules(ControlNet& control, UNet& unet,
                                           const ControlTraining& mode, at::Device device);

// What of the residuals the mode adds.
Residuals residuals_to_add(Residuals residuals, const ControlTraining& mode);

// SHA-256 over keys, types and values of the parameters that collect no gradient: the same before
// and after a training that left them alone.
std::string locked_weights_sha256(const Module& module);

}  // namespace zc
