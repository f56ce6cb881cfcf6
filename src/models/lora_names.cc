// SPDX-License-Identifier: Apache-2.0
#include "models/lora_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace zc {
namespace {

using Targets = std::map<std::string, LoraTarget, std::less<>>;

std::string with_underscores(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

// Both spellings of the UNet's modules.
class UNetNames {
 public:
  UNetNames(Targets& targets, const UNetConfig& config) : targets_(targets), c_(config) {}

  void add_all() {
    add("time_embed.0", "time_embedding.linear_1");
    add("time_embed.2", "time_embedding.linear_2");
    add("label_emb.0.0", "add_embedding.linear_1");
    add("label_emb.0.2", "add_embedding.linear_2");
    add("input_blocks.0.0", "conv_in");
    add("out.2", "conv_out");
    add_down();
    add_resnet("middle_block.0", "mid_block.resnets.0");
    add_transformer("middle_block.1", "mid_block.attentions.0", c_.middle_depth);
    add_resnet("middle_block.2", "mid_block.resnets.1");
    add_up();
  }

 private:
  void add(const std::string& original, const std::string& diffusers) {
    const LoraTarget target{.module = std::string(kUNetPrefix) + original};
    targets_["unet_" + with_underscores(original)] = target;
    targets_["unet_" + with_underscores(diffusers)] = target;
  }

  void add_resnet(const std::string& original, const std::string& diffusers) {
    add(original + ".in_layers.2", diffusers + ".conv1");
    add(original + ".emb_layers.1", diffusers + ".time_emb_proj");
    add(original + ".out_layers.3", diffusers + ".conv2");
    add(original + ".skip_connection", diffusers + ".conv_shortcut");
  }

  void add_transformer(const std::string& original, const std::string& diffusers, int64_t depth) {
    const auto same = [&](const std::string& name) {
      add(original + "." + name, diffusers + "." + name);
    };
    same("proj_in");
    same("proj_out");
    for (int64_t i = 0; i < depth; ++i) {
      const std::string block = fmt::format("transformer_blocks.{}.", i);
      for (const char* attention : {"attn1.", "attn2."}) {
        for (const char* part : {"to_q", "to_k", "to_v", "to_out.0"})
          same(block + attention + part);
      }
      same(block + "ff.net.0.proj");
      same(block + "ff.net.2");
    }
  }

  void add_down() {
    int64_t stage = 1;
    for (size_t level = 0; level < c_.channel_mult.size(); ++level) {
      for (int64_t i = 0; i < c_.num_res_blocks; ++i, ++stage) {
        add_resnet(fmt::format("input_blocks.{}.0", stage),
                   fmt::format("down_blocks.{}.resnets.{}", level, i));
        add_transformer(fmt::format("input_blocks.{}.1", stage),
                        fmt::format("down_blocks.{}.attentions.{}", level, i),
                        c_.transformer_depth[level]);
      }
      if (level + 1 == c_.channel_mult.size()) break;
      add(fmt::format("input_blocks.{}.0.op", stage++),
          fmt::format("down_blocks.{}.downsamplers.0.conv", level));
    }
  }

  void add_up() {
    int64_t stage = 0;
    for (size_t up = 0; up < c_.channel_mult.size(); ++up) {
      const int64_t depth = c_.transformer_depth[c_.channel_mult.size() - 1 - up];
      for (int64_t i = 0; i <= c_.num_res_blocks; ++i, ++stage) {
        add_resnet(fmt::format("output_blocks.{}.0", stage),
                   fmt::format("up_blocks.{}.resnets.{}", up, i));
        if (depth > 0) {
          add_transformer(fmt::format("output_blocks.{}.1", stage),
                          fmt::format("up_blocks.{}.attentions.{}", up, i), depth);
        }
      }
      if (up + 1 == c_.channel_mult.size()) break;
      add(fmt::format("output_blocks.{}.{}.conv", stage - 1, depth > 0 ? 2 : 1),
          fmt::format("up_blocks.{}.upsamplers.0.conv", up));
    }
  }

  Targets& targets_;
  const UNetConfig& c_;
};

// LoRAs name the layers of every text encoder as transformers does.
std::string text_key(std::string_view encoder, int64_t layer, std::string_view part) {
  return with_underscores(fmt::format("{}_text_model.encoder.layers.{}.{}", encoder, layer, part));
}

constexpr const char* kAttentionParts[] = {"self_attn.q_proj", "self_attn.k_proj",
                                           "self_attn.v_proj"};

void add_clip(Targets& targets, std::string_view encoder, std::string_view prefix, int64_t layers) {
  for (int64_t i = 0; i < layers; ++i) {
    const auto add = [&](const char* part) {
      targets[text_key(encoder, i, part)] = {
          .module = fmt::format("{}encoder.layers.{}.{}", prefix, i, part), .text = true};
    };
    for (const char* part : kAttentionParts) add(part);
    for (const char* part : {"self_attn.out_proj", "mlp.fc1", "mlp.fc2"}) add(part);
  }
}

void add_openclip(Targets& targets, std::string_view encoder, std::string_view prefix,
                  const TextConfig& c) {
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string block = fmt::format("{}transformer.resblocks.{}.", prefix, i);
    const auto add = [&](const char* part, const char* name) {
      targets[text_key(encoder, i, part)] = {.module = block + name, .text = true};
    };
    add("self_attn.out_proj", "attn.out_proj");
    add("mlp.fc1", "mlp.c_fc");
    add("mlp.fc2", "mlp.c_proj");
    for (int64_t part = 0; part < 3; ++part) {
      targets[text_key(encoder, i, kAttentionParts[part])] = {
          .module = block + "attn.in_proj_weight",
          .text = true,
          .first_row = part * c.width,
          .rows = c.width,
          .fused = true};
    }
  }
}

}  // namespace

std::map<std::string, LoraTarget, std::less<>> lora_targets(const ModelConfig& model) {
  Targets targets;
  UNetNames(targets, model.unet).add_all();
  if (model.unet.label_channels > 0) {  // SDXL has both encoders
    for (const char* encoder : {"te", "te1"}) {
      add_clip(targets, encoder, "conditioner.embedders.0.transformer.text_model.",
               clip_l_text().layers);
    }
    add_openclip(targets, "te2", "conditioner.embedders.1.model.", openclip_g_text());
    return targets;
  }
  for (const char* encoder : {"te", "te1"}) {
    if (model.text_kind == TextKind::clip) {
      add_clip(targets, encoder, kClipPrefix, model.text.layers);
    } else {
      add_openclip(targets, encoder, kOpenClipPrefix, model.text);
    }
  }
  return targets;
}

}  // namespace zc
