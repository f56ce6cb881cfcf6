// SPDX-License-Identifier: Apache-2.0
// How much memory a training step of a ControlNet keeps for its backward pass: counted block by
// block from the architecture and from what each operation saves.
#pragma once

#include <cstdint>

#include "models/model_config.h"

namespace zc {

// Bytes of a whole batch.
struct ActivationBytes {
  double stored = 0;     // without recomputation: what autograd keeps of all blocks
  double kept = 0;       // with recomputation: the inputs of the blocks
  double hint = 0;       // of the hint encoder, which works at full size; kept in either case
  double largest = 0;    // what autograd keeps of the largest block
  double residuals = 0;  // the ControlNet's outputs, or on the way back their gradients
};

struct ActivationOptions {
  int64_t latent_width = 64;
  int64_t latent_height = 64;
  int64_t batch = 1;
  bool unlock_decoder = false;  // the UNet's decoder learns
  bool half = false;            // under autocast to bfloat16 or float16
  bool cuda = false;
};

ActivationBytes count_activations(const UNetConfig& config, const ActivationOptions& options);

// The largest tensors that decoding, or encoding, one picture holds at a time, in elements.
double vae_working_set(const VaeConfig& config, int64_t width, int64_t height);

}  // namespace zc
