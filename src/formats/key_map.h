// SPDX-License-Identifier: Apache-2.0
// The names of one network in the original layout (CompVis, sgm, open_clip) and in the diffusers
// layout.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tensor/state_dict.h"

namespace zc {

// Pairs of module names; a key is renamed by the longest of its leading parts that the table knows.
class KeyTable {
 public:
  void add(std::string original, std::string diffusers);
  // Two original names for one diffusers name: only the first is used in the other direction.
  void add_original_alias(std::string original, std::string diffusers);
  void add_diffusers_alias(std::string original, std::string diffusers);

  // Nothing for a key that belongs to no known module.
  std::optional<std::string> to_diffusers(std::string_view key) const {
    return rename(to_diffusers_, key);
  }
  std::optional<std::string> to_original(std::string_view key) const {
    return rename(to_original_, key);
  }

 private:
  using Names = std::unordered_map<std::string, std::string>;
  static std::optional<std::string> rename(const Names& names, std::string_view key);

  Names to_diffusers_;
  Names to_original_;
};

// What the names of a UNet depend on. Block numbers are those of diffusers.
struct UNetLayout {
  int64_t res_blocks = 2;
  std::set<int64_t> up_attention = {1, 2, 3};  // up blocks with transformers; SDXL: 0, 1

  bool operator==(const UNetLayout&) const = default;
};

// Reads the layout off the keys of a UNet or ControlNet in the diffusers layout.
UNetLayout unet_layout(const StateDict& diffusers);

// UNet and ControlNet of SD1.x, SD2.x and SDXL: keys below "model.diffusion_model." or
// "control_model.".
KeyTable unet_table(const UNetLayout& layout);
// Keys below "first_stage_model."; `levels` resolutions (the original counts the decoder's from the
// last). Knows both names that diffusers gave the attention layers.
KeyTable vae_table(int64_t levels = 4);
// open_clip's text tower (below "cond_stage_model.model.") and transformers' CLIP; the fused q, k,
// v are not in it.
KeyTable openclip_table();
// T2I-Adapter; `res_blocks` blocks for each of the four resolutions.
KeyTable t2i_adapter_table(int64_t res_blocks = 2);
// TAESD, whose original layout are two files: their names stand behind "taesd_encoder:" and
// "taesd_decoder:".
KeyTable taesd_table();

// Whole networks, transforms included (1x1 convolutions that became linear layers, fused q, k and
// v, a transposed projection). `where` names the file for errors; keys that the table does not know
// throw unsupported, naming the first.
StateDict unet_to_original(const StateDict& diffusers, const std::string& where);
StateDict unet_to_diffusers(const StateDict& original, const UNetLayout& layout,
                            const std::string& where);
StateDict vae_to_original(const StateDict& diffusers, const std::string& where);
StateDict vae_to_diffusers(const StateDict& original, const std::string& where);
StateDict openclip_to_original(const StateDict& transformers, const std::string& where);
StateDict openclip_to_transformers(const StateDict& original, const std::string& where);
StateDict t2i_adapter_to_original(const StateDict& diffusers, const std::string& where);
// TAESD keeps the names of diffusers, which alone tell the two halves apart.
StateDict taesd_to_diffusers(const StateDict& original, const std::string& where);

// The cross-attention modules ("...transformer_blocks.0.attn2", original names) of the UNet in the
// order in which IP-Adapter counts them: input blocks, output blocks, middle block. Number i is
// "ip_adapter.<2i+1>".
std::vector<std::string> cross_attention_modules(const StateDict& unet_original);

}  // namespace zc
