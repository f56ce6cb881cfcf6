// SPDX-License-Identifier: Apache-2.0
// Which weight a LoRA's layer name stands for.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "models/model_config.h"

namespace zc {

struct LoraTarget {
  std::string
      module;  // original name; the weight is module + ".weight", or the name itself if it is fused
  bool text = false;
  int64_t first_row = 0;
  int64_t rows = 0;  // 0: the whole weight
  bool fused = false;
};

// By names in which every dot is an underscore, as kohya writes them:
// "unet_down_blocks_0_attentions_0_proj_in", "unet_input_blocks_1_1_proj_in",
// "te_text_model_encoder_layers_0_mlp_fc1", "te2_...".
std::map<std::string, LoraTarget, std::less<>> lora_targets(const ModelConfig& model);

}  // namespace zc
