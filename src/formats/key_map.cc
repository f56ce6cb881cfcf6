// SPDX-License-Identifier: Apache-2.0
// The tables. Checked row by row against parity data that the diffusers converters made.
#include "formats/key_map.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace zc {
namespace {

using Pair = std::pair<const char*, const char*>;

// openaimodel.py ResBlock and diffusers' ResnetBlock2D.
constexpr Pair kResBlock[] = {
    {"in_layers.0", "norm1"},          {"in_layers.2", "conv1"},
    {"out_layers.0", "norm2"},         {"out_layers.3", "conv2"},
    {"emb_layers.1", "time_emb_proj"}, {"skip_connection", "conv_shortcut"}};

constexpr Pair kUNetTop[] = {{"time_embed.0", "time_embedding.linear_1"},
                             {"time_embed.2", "time_embedding.linear_2"},
                             {"label_emb.0.0", "add_embedding.linear_1"},
                             {"label_emb.0.2", "add_embedding.linear_2"},
                             {"input_blocks.0.0", "conv_in"},
                             {"out.0", "conv_norm_out"},
                             {"out.2", "conv_out"},
                             {"middle_block.1", "mid_block.attentions.0"},
                             {"middle_block_out.0", "controlnet_mid_block"},
                             {"input_hint_block.0", "controlnet_cond_embedding.conv_in"},
                             {"input_hint_block.14", "controlnet_cond_embedding.conv_out"}};

// More blocks than any published model has; unused entries cost nothing.
constexpr int64_t kMaxBlocks = 8;
constexpr int64_t kMaxZeroConvs = 64;
constexpr int64_t kMaxTextLayers = 64;

void add_res_block(KeyTable& table, const std::string& original, const std::string& diffusers) {
  for (const auto& [theirs, ours] : kResBlock)
    table.add(original + "." + theirs, diffusers + "." + ours);
}

void add_down_block(KeyTable& table, const UNetLayout& layout, int64_t block) {
  const int64_t first = 1 + block * (layout.res_blocks + 1);
  const std::string diffusers = fmt::format("down_blocks.{}.", block);
  for (int64_t i = 0; i < layout.res_blocks; ++i) {
    const std::string original = fmt::format("input_blocks.{}.", first + i);
    add_res_block(table, original + "0", diffusers + fmt::format("resnets.{}", i));
    table.add(original + "1", diffusers + fmt::format("attentions.{}", i));
  }
  table.add(fmt::format("input_blocks.{}.0.op", first + layout.res_blocks),
            diffusers + "downsamplers.0.conv");
}

void add_up_block(KeyTable& table, const UNetLayout& layout, int64_t block) {
  const int64_t first = block * (layout.res_blocks + 1);
  const std::string diffusers = fmt::format("up_blocks.{}.", block);
  for (int64_t i = 0; i <= layout.res_blocks; ++i) {
    const std::string original = fmt::format("output_blocks.{}.", first + i);
    add_res_block(table, original + "0", diffusers + fmt::format("resnets.{}", i));
    table.add(original + "1", diffusers + fmt::format("attentions.{}", i));
  }
  // The upsampling stands behind the transformer where there is one.
  const bool attention = layout.up_attention.contains(block);
  const std::string last = fmt::format("output_blocks.{}.", first + layout.res_blocks);
  table.add(last + (attention ? "2.conv" : "1.conv"), diffusers + "upsamplers.0.conv");
}

}  // namespace

void KeyTable::add(std::string original, std::string diffusers) {
  to_diffusers_.emplace(original, diffusers);
  to_original_.emplace(std::move(diffusers), std::move(original));
}

void KeyTable::add_original_alias(std::string original, std::string diffusers) {
  to_diffusers_.emplace(std::move(original), std::move(diffusers));
}

void KeyTable::add_diffusers_alias(std::string original, std::string diffusers) {
  to_original_.emplace(std::move(diffusers), std::move(original));
}

std::optional<std::string> KeyTable::rename(const Names& names, std::string_view key) {
  for (size_t end = key.size();;) {
    const auto found = names.find(std::string(key.substr(0, end)));
    if (found != names.end()) return found->second + std::string(key.substr(end));
    const size_t dot = key.substr(0, end).rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    end = dot;
  }
}

KeyTable unet_table(const UNetLayout& layout) {
  KeyTable table;
  for (const auto& [original, diffusers] : kUNetTop) table.add(original, diffusers);
  for (int64_t block = 0; block < kMaxBlocks; ++block) {
    add_down_block(table, layout, block);
    add_up_block(table, layout, block);
  }
  add_res_block(table, "middle_block.0", "mid_block.resnets.0");
  add_res_block(table, "middle_block.2", "mid_block.resnets.1");
  for (int64_t i = 0; i < kMaxZeroConvs; ++i) {
    table.add(fmt::format("zero_convs.{}.0", i), fmt::format("controlnet_down_blocks.{}", i));
  }
  for (int64_t i = 0; i < 6; ++i) {
    table.add(fmt::format("input_hint_block.{}", 2 * i + 2),
              fmt::format("controlnet_cond_embedding.blocks.{}", i));
  }
  return table;
}

KeyTable vae_table(int64_t levels) {
  KeyTable table;
  table.add("quant_conv", "quant_conv");
  table.add("post_quant_conv", "post_quant_conv");
  const auto add_resnet = [&](const std::string& original, const std::string& diffusers) {
    for (const char* same : {"norm1", "conv1", "norm2", "conv2"})
      table.add(original + "." + same, diffusers + "." + same);
    table.add(original + ".nin_shortcut", diffusers + ".conv_shortcut");
  };
  for (const std::string half : {"encoder.", "decoder."}) {
    table.add(half + "conv_in", half + "conv_in");
    table.add(half + "conv_out", half + "conv_out");
    table.add(half + "norm_out", half + "conv_norm_out");
    add_resnet(half + "mid.block_1", half + "mid_block.resnets.0");
    add_resnet(half + "mid.block_2", half + "mid_block.resnets.1");
    constexpr std::array<std::array<const char*, 3>, 5> kAttention = {
        {{"norm", "group_norm", "group_norm"},
         {"q", "to_q", "query"},
         {"k", "to_k", "key"},
         {"v", "to_v", "value"},
         {"proj_out", "to_out.0", "proj_attn"}}};
    for (const auto& [original, now, before] : kAttention) {
      table.add(half + "mid.attn_1." + original, half + "mid_block.attentions.0." + now);
      table.add_diffusers_alias(half + "mid.attn_1." + original,
                                half + "mid_block.attentions.0." + before);
    }
  }
  for (int64_t level = 0; level < levels; ++level) {
    const std::string down = fmt::format("encoder.down.{}.", level);
    const std::string up = fmt::format("decoder.up.{}.", levels - 1 - level);
    for (int64_t i = 0; i < kMaxBlocks; ++i) {
      add_resnet(down + fmt::format("block.{}", i),
                 fmt::format("encoder.down_blocks.{}.resnets.{}", level, i));
      add_resnet(up + fmt::format("block.{}", i),
                 fmt::format("decoder.up_blocks.{}.resnets.{}", level, i));
    }
    table.add(down + "downsample.conv",
              fmt::format("encoder.down_blocks.{}.downsamplers.0.conv", level));
    table.add(up + "upsample.conv", fmt::format("decoder.up_blocks.{}.upsamplers.0.conv", level));
  }
  return table;
}

KeyTable openclip_table() {
  KeyTable table;
  table.add("token_embedding", "text_model.embeddings.token_embedding");
  table.add("positional_embedding", "text_model.embeddings.position_embedding.weight");
  table.add("ln_final", "text_model.final_layer_norm");
  table.add("text_projection", "text_projection.weight");
  constexpr Pair kLayer[] = {{"ln_1", "layer_norm1"},
                             {"ln_2", "layer_norm2"},
                             {"mlp.c_fc", "mlp.fc1"},
                             {"mlp.c_proj", "mlp.fc2"},
                             {"attn.out_proj", "self_attn.out_proj"}};
  for (int64_t i = 0; i < kMaxTextLayers; ++i) {
    for (const auto& [original, diffusers] : kLayer) {
      table.add(fmt::format("transformer.resblocks.{}.{}", i, original),
                fmt::format("text_model.encoder.layers.{}.{}", i, diffusers));
    }
  }
  return table;
}

KeyTable t2i_adapter_table(int64_t res_blocks) {
  KeyTable table;
  table.add("conv_in", "adapter.conv_in");
  for (int64_t stage = 0; stage < kMaxBlocks; ++stage) {
    const std::string diffusers = fmt::format("adapter.body.{}.", stage);
    table.add(fmt::format("body.{}.in_conv", stage * res_blocks), diffusers + "in_conv");
    for (int64_t i = 0; i < res_blocks; ++i) {
      for (const char* conv : {"block1", "block2"}) {
        table.add(fmt::format("body.{}.{}", stage * res_blocks + i, conv),
                  diffusers + fmt::format("resnets.{}.{}", i, conv));
      }
    }
  }
  return table;
}

KeyTable taesd_table() {
  KeyTable table;
  for (int64_t i = 0; i < 32; ++i) {
    table.add(fmt::format("taesd_encoder:{}", i), fmt::format("encoder.layers.{}", i));
    // A clamp without weights stands first in the original decoder.
    table.add(fmt::format("taesd_decoder:{}", i + 1), fmt::format("decoder.layers.{}", i));
  }
  return table;
}

UNetLayout unet_layout(const StateDict& diffusers) {
  UNetLayout layout{0, {}};
  for (int64_t i = 0; i < kMaxBlocks; ++i) {
    const auto any = [&](const std::string& prefix) {
      const auto found = diffusers.lower_bound(prefix);
      return found != diffusers.end() && found->first.starts_with(prefix);
    };
    if (any(fmt::format("down_blocks.0.resnets.{}.", i))) layout.res_blocks = i + 1;
    if (any(fmt::format("up_blocks.{}.attentions.", i))) layout.up_attention.insert(i);
  }
  layout.res_blocks = std::max<int64_t>(layout.res_blocks, 1);
  return layout;
}

}  // namespace zc
