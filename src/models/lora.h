// SPDX-License-Identifier: Apache-2.0
// LoRA: small changes W + scale * up @ down of a model's weights, in the spellings in which they
// are shared.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/model_config.h"
#include "tensor/state_dict.h"

namespace zc {

// The change of one weight.
struct LoraChange {
  std::string
      key;        // of the weight, as in an original checkpoint: "model.diffusion_model....weight"
  at::Tensor up;  // [out,r] or [out,r,1,1]
  at::Tensor down;     // [r,in] or [r,in,k,k]
  at::Tensor middle;   // [r,r,k,k] between the two (LoCon's Tucker form), or undefined
  double scale = 1.0;  // alpha / rank
  bool text = false;   // changes a text encoder
  int64_t first_row = 0;
  int64_t rows = 0;  // of a fused weight (OpenCLIP's q, k, v); 0: all of it
};

struct Lora {
  std::vector<LoraChange> changes;
};

struct LoraStrength {
  double unet = 1.0;
  double text = 1.0;
};

// Understands kohya (lora_unet_*, lora_te*_*, names of diffusers or of the original UNet), peft
// (lora_A, lora_B) and older diffusers names (processor.to_q_lora.down). A missing alpha means
// scale 1. Throws bad_file for layers that `model` lacks (the LoRA is for another family) or that
// are incomplete, unsupported for LoHa, LoKr and DoRA.
Lora parse_lora(const StateDict& file, const ModelConfig& model, const std::string& where);

// W + strength * scale * up @ down, shaped like `weight`, float32. Throws bad_file when the shapes
// do not fit.
at::Tensor merged(const at::Tensor& weight, const LoraChange& change, double strength);

// Replaces the weights that the LoRA changes by new tensors of the same type (the old ones may
// belong to a mapped file). Changes of weights that `state` does not hold are left out; returns how
// many were made.
int64_t merge_lora(StateDict& state, const Lora& lora, const LoraStrength& strength);

}  // namespace zc
