// SPDX-License-Identifier: Apache-2.0
// How many numbers a training step of a ControlNet keeps for its backward pass: counted block by
// block from the architecture.
#pragma once

#include <cstdint>

#include "models/model_config.h"

namespace zc {

// Elements for one picture; a batch takes as many times more.
struct ActivationCount {
  double stored = 0;   // what autograd keeps of every block
  double kept = 0;     // with recomputation: the inputs of the blocks
  double hint = 0;     // of the hint encoder, which works at full size; kept in either case
  double largest = 0;  // what autograd keeps of the largest block
  double skips = 0;    // the base's skip connections and the residuals
};

struct ActivationOptions {
  int64_t latent_width = 64;
  int64_t latent_height = 64;
  // The UNet's decoder learns: its linear layers keep their inputs.
  bool unlock_decoder = false;
  // GroupNorm and SiLU are two steps, each with a result of its own (on CUDA).
  bool separate_norms = false;
  // Attention up to 1024 x 256 scores a head keeps them (bfloat16 on the CPU, tensor/ops.cc).
  bool direct_attention = false;
};

ActivationCount count_activations(const UNetConfig& config, const ActivationOptions& options);

// The largest tensors that decoding, or encoding, one picture holds at a time, in elements.
double vae_working_set(const VaeConfig& config, int64_t width, int64_t height);

}  // namespace zc
